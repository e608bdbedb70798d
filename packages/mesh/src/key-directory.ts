import type { KeyObject } from 'node:crypto'
import {
  FetchError,
  type RevocationList,
  type Source,
  StateError,
  type StateStore,
  type Surroundings,
  stateReasonOf,
  withDeadline,
} from '@countersign/core'
import type { KeyRing, PublicJwk } from '@countersign/issuer'
import { createKeyBook } from './key-book.js'
import { decodePublishedKey, type KeyIndex, keyRecordName } from './key-records.js'
import { publishKeys, readKeyIndex } from './publish-keys.js'

/** The public keys of every process of the mesh, by `kid`. A private key never leaves the process that made it. */
export interface KeyDirectory extends Source<KeyObject> {
  /** All of them, for the `jwks_uri`. */
  jwks(): { readonly keys: readonly PublicJwk[] }
  /** The store could not be asked the last time. */
  readonly failing: boolean
  /** Asks the store for keys that are not here yet, at most once a second. Never rejects. */
  load(): Promise<void>
  /** Our own keys are published, and those of the others known. Rejects with a {@link StateError} if the store cannot be had. */
  ready(): Promise<void>
  close(): Promise<void>
}

/** What a directory goes by. */
export interface KeyDirectoryOptions extends Pick<Surroundings, 'clock' | 'recorder'> {
  /** `iss` of the tokens, for the log. */
  readonly issuer: string
  readonly store: Pick<StateStore, 'read' | 'commit'>
  /** Our own. Their public parts are published, and renewed as long as this process lives. */
  readonly keys: KeyRing
  /** Asked about our own keys: one that is revoked, by whomever, is given up at once. */
  readonly revocations: Pick<RevocationList, 'has'> | null
  /** Names this process in its records. */
  readonly processId: string
}

/** What is new anywhere is seen this soon, without a token that asks for it, and what the store has lost is put back. */
const HEARTBEAT_MS = 10_000
/** A key of ours that is revoked signs no longer than this: a look into a local list costs nothing. */
const ALARM_MS = 250
/** A flood of unknown `kid`s costs the store one request in so long, and a key that is really new is found as soon. */
const COOLDOWN_MS = 1_000
/** Of one request to the store. */
const TIMEOUT_MS = 2_000
/** Keys that are read at once. */
const PAGE = 100

/**
 * Makes a directory of the keys of all processes that share a store. It begins to publish at once.
 * @example
 * const directory = createKeyDirectory({ issuer, store, keys, revocations, processId, clock, recorder })
 * await directory.ready()
 * const guard = createGuard({ jwt: { issuer, audience, keys: directory }, … })
 */
export function createKeyDirectory(options: KeyDirectoryOptions): KeyDirectory {
  const { keys: ring, clock, recorder, issuer, revocations, processId } = options
  const overlapMs = ring.overlapSeconds * 1000
  const closing = new AbortController()
  const store = inTime(options.store, closing.signal)
  const book = createKeyBook()
  let finishedAtMs: number | null = null
  let loading: Promise<void> | null = null
  let publishing: Promise<void> = Promise.resolve()
  let isGivingUp = false
  let hasFailed = false
  let heartbeat: NodeJS.Timeout | undefined

  /** Takes over what the list says, and reads the keys that are new in it. */
  async function learn(index: KeyIndex): Promise<void> {
    const { epoch } = book
    const missing = book.follow(index, clock.nowMs())
    for (let from = 0; from < missing.length; from += PAGE) {
      const kids = missing.slice(from, from + PAGE)
      const records = await store.read(kids.map(keyRecordName))
      for (const [at, kid] of kids.entries()) read(kid, records[at]?.value, index)
    }
    if (book.epoch !== epoch) report('trust.reloaded', 'info', 'The keys of the mesh have changed', { keys: book.size })
    if (index.get(ring.kid)?.withdrawn === true) giveUp()
  }

  /** A record may run out a moment before the list forgets it, and a list be older than a record. */
  function read(kid: string, text: string | undefined, index: KeyIndex): void {
    const listed = index.get(kid)
    if (text === undefined || listed === undefined) return
    const published = decodePublishedKey(text, kid)
    if (typeof published !== 'string') book.add(published, listed)
    else if (book.reject(kid)) report('trust.reload-failed', 'error', 'A key in the store is not used', { reason: published })
  }

  /** One after the other, so that what the ring holds last is what is published last. */
  function publish(): Promise<void> {
    const { signal } = closing
    const done = publishing.then(async () => {
      const index = await publishKeys({ store, ring, processId, nowMs: () => clock.nowMs(), signal })
      await learn(index)
    })
    publishing = done.then(succeeded, failed)
    return done
  }

  function succeeded(): void {
    hasFailed = false
    finishedAtMs = clock.nowMs()
  }

  function failed(cause: unknown): void {
    finishedAtMs = clock.nowMs()
    if (hasFailed || closing.signal.aborted) return
    hasFailed = true
    const reason = stateReasonOf(cause)
    report('trust.reload-failed', 'error', 'The keys of the mesh cannot be exchanged; those from before stay', { reason }, cause)
  }

  function report(
    kind: 'trust.reloaded' | 'trust.reload-failed',
    severity: 'info' | 'error',
    message: string,
    facts: Readonly<Record<string, string | number>>,
    cause?: unknown,
  ): void {
    if (recorder.wants(kind))
      recorder.record({ kind, severity, message, facts: { issuer, ...facts }, ...(cause === undefined ? {} : { cause }) })
  }

  /** A key that signs, or is to sign, was revoked or withdrawn: by an operator, or by another process that has the same one. */
  function giveUp(): void {
    if (isGivingUp || closing.signal.aborted || ring.withdrawn.includes(ring.kid)) return
    isGivingUp = true
    const settle = (): void => {
      isGivingUp = false
    }
    ring.rotate(0).then(settle, settle)
  }

  function isRevoked(kid: string): boolean {
    try {
      return revocations?.has('key', kid, clock.nowMs()) === true
    } catch {
      // Whoever verifies asks for itself, and refuses.
      return false
    }
  }

  function watchAlarm(): void {
    if (ring.versions().some(({ jwk, state }) => state !== 'retired' && isRevoked(jwk.kid))) giveUp()
  }

  function takeOwn(): void {
    book.own(ring.versions(), ring.withdrawn, clock.nowMs(), overlapMs)
  }

  function beat(): void {
    publish()
      .catch(() => {})
      .finally(() => {
        if (!closing.signal.aborted) heartbeat = setTimeout(beat, HEARTBEAT_MS * (0.9 + 0.2 * Math.random())).unref()
      })
  }

  takeOwn()
  const stopListening = ring.onChange(() => {
    takeOwn()
    return publish()
  })
  const alarm = setInterval(watchAlarm, ALARM_MS).unref()
  beat()

  return {
    get epoch() {
      return book.epoch
    },
    get failing() {
      return hasFailed
    },
    get: (kid) => book.get(kid, clock.nowMs()),
    jwks: () => ({ keys: book.jwks(clock.nowMs()).filter(({ kid }) => !isRevoked(kid)) }),
    load() {
      if (closing.signal.aborted) return Promise.resolve()
      if (loading === null && finishedAtMs !== null && Math.abs(clock.nowMs() - finishedAtMs) < COOLDOWN_MS) return Promise.resolve()
      loading ??= readKeyIndex(store)
        .then(({ index }) => learn(index))
        .then(succeeded, failed)
        .finally(() => {
          loading = null
        })
      return loading
    },
    ready: publish,
    async close() {
      closing.abort()
      clearInterval(alarm)
      clearTimeout(heartbeat)
      stopListening()
      await publishing
      await loading
    },
  }
}

/** A store that is silent is one that is down. */
function inTime(store: Pick<StateStore, 'read' | 'commit'>, signal: AbortSignal): Pick<StateStore, 'read' | 'commit'> {
  const within = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await withDeadline({ server: 'the state store', timeoutMs: TIMEOUT_MS, signal }, work)
    } catch (cause) {
      throw cause instanceof FetchError ? new StateError('timeout', 'The state store did not answer', cause) : cause
    }
  }
  return { read: (keys) => within(() => store.read(keys)), commit: (change) => within(() => store.commit(change)) }
}
