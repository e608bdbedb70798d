import type { Claim, ReplayStore } from './replay-store.js'
import type { RevocationKind } from './revocation-list.js'

/**
 * State that the processes of a mesh share: records, revocations, what was used once, and events on their way out. Every change is one
 * atomic step. What it cannot do it says by rejecting with a {@link StateError}; it never answers half.
 */
export interface StateStore extends ReplayStore {
  claim(id: string, untilMs: number): Promise<Claim>
  /** Records in the order of their keys; `null` for one that is not there, or whose time is over. */
  read(keys: readonly string[]): Promise<readonly (StateRecord | null)[]>
  /**
   * Makes the whole change, or none of it. One that rejects as `unreachable` or `timeout` may have been made all the same: what is
   * committed again must bear that.
   * @returns `false`: something of `expect` is not as it was read. Read again and decide anew.
   * @throws {MisuseError} `ERR_OPTION_INVALID` for a change that no store takes: see {@link checkStateChange}.
   */
  commit(change: StateChange): Promise<boolean>
  readonly revocations: RevocationLog
  readonly outbox: EventOutbox
  /** Checks that the store can be reached and keeps what it is given. Rejects if that can never be. */
  ready(): Promise<void>
  close(): Promise<void>
}

/** Text that only its writer understands, and the version that it is changed by: no two versions of a store are the same number. */
export interface StateRecord {
  readonly value: string
  readonly version: number
}

export interface StateChange {
  /** Versions of keys as they were read, `null` for one that was not there. */
  readonly expect?: readonly (readonly [key: string, version: number | null])[]
  readonly put?: readonly StateWrite[]
  readonly remove?: readonly string[]
  /** Each shows up behind whatever position a reader had before, merged with what was known of the same kind and id: the later moments count. */
  readonly revoke?: readonly RevocationEntry[]
  /** An id that waits in the outbox already is not added again. */
  readonly emit?: readonly StateEvent[]
}

export interface StateWrite {
  readonly key: string
  readonly value: string
  /** The store forgets the record within a second after it. Epoch milliseconds. */
  readonly untilMs: number
}

/** Something that no longer counts. Frozen by convention: an entry is never taken back, it runs out. */
export interface RevocationEntry {
  readonly kind: RevocationKind
  readonly id: string
  /** Only what was issued before this moment is revoked; `Infinity`: whatever bears the id. Epoch milliseconds. */
  readonly issuedBeforeMs: number
  /** From then on nothing that it concerns would be accepted anyway. Epoch milliseconds. */
  readonly untilMs: number
  readonly revokedAtMs: number
  readonly reason: string
}

/** Where a reader of the log stands. `generation` changes when the store has lost what it held: positions of another mean nothing. */
export interface RevocationPosition {
  readonly generation: string
  readonly offset: string
}

export interface RevocationPage {
  readonly position: RevocationPosition
  readonly entries: readonly RevocationEntry[]
  /** There is more after `position`. */
  readonly more: boolean
  /** The page begins at the first entry, not after the position that was asked for: that one is of a lost generation, or too old. */
  readonly whole: boolean
  /**
   * What was issued before cannot be judged by this log, since the generation before it was lost and nobody has given it back whole;
   * `-Infinity` for none.
   */
  readonly completeSinceMs: number
  /** The store's clock. Epoch milliseconds. */
  readonly storeNowMs: number
}

export interface RevocationLog {
  /** What was revoked after a position, or from the beginning. This is the heartbeat too: it proves that the log is the one we know. */
  pull(after: RevocationPosition | null, limit: number): Promise<RevocationPage>
  /**
   * Gives a store that has lost its generation back what this process knew of the one before, in any number of parts. What the store
   * knows already stays as it is. Until somebody has restored it completely, `completeSinceMs` is when the new generation began; from then
   * on, or once others had time to do so too, it is what it was before the loss.
   * @param complete this process had a current view of it when it was lost, and this is the last part of it.
   */
  restore(entries: readonly RevocationEntry[], complete: boolean): Promise<void>
  /** Calls back soon after something was revoked anywhere. A hint alone: what counts is {@link pull}. */
  onAppend(wake: () => void): () => void
}

/** An event for other systems. Never holds a token or a key. */
export interface StateEvent {
  readonly id: string
  readonly topic: string
  /** JSON. */
  readonly payload: string
  readonly atMs: number
}

/** Events that were committed with the change that they tell of, until somebody has delivered them. */
export interface EventOutbox {
  /**
   * Hands out events, oldest first, to be delivered and then {@link acknowledge}d. What was handed out and not acknowledged for
   * `leaseMs`, since whoever took it is gone, is handed out again.
   */
  take(count: number, leaseMs: number): Promise<readonly StateEvent[]>
  acknowledge(ids: readonly string[]): Promise<void>
}

/** The store did not do what it was asked. `reason` is of a fixed set, for figures and logs. */
export class StateError extends Error {
  override readonly name = 'StateError'
  readonly reason: 'unreachable' | 'timeout' | 'full' | 'tampered' | 'unsafe' | 'closed'

  constructor(reason: StateError['reason'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.reason = reason
  }
}
