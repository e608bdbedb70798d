import {
  checkRevocationEntries,
  inTime,
  type RevocationEntry,
  type RevocationList,
  type RevocationPage,
  type RevocationPosition,
  type StateChange,
  StateError,
  storeIsLate,
} from '@countersign/core'
import { createOwnRevocations } from './own-revocations.js'
import { createRevocationSet } from './revocation-set.js'
import { checkRevocationsOptions, type RevocationsOptions } from './revocations-options.js'
import { createRevocationsReport } from './revocations-report.js'
import { createTelling, TOLD_AT_ONCE } from './telling.js'

/** What has been revoked anywhere in the mesh, kept current in this process. */
export interface Revocations extends RevocationList {
  readonly leaseMs: number
  readonly epoch: number
  readonly completeSinceMs: number
  /** Entries that are alive. */
  readonly size: number
  /**
   * Obeys entries here at once, and commits them. Resolves once the store has them: from then on every process does within `leaseMs`.
   * Where it rejects, they are obeyed here all the same, and the store is told again and again until it has them: an emergency must not
   * be lost with a connection. Until then the other processes may not know.
   * @throws {StateError} the store does not have them yet. @throws {MisuseError} `ERR_OPTION_INVALID`.
   */
  revoke(entries: readonly RevocationEntry[]): Promise<void>
  /** {@link StateStore.commit}, for a change that may revoke: what it revokes is obeyed here as soon as it is committed. */
  commit(change: StateChange): Promise<boolean>
  /** The first whole view is loaded. Rejects if the store cannot be reached, or must not be used. */
  ready(): Promise<void>
  close(): Promise<void>
}

/** What is pulled at once: some 200 KB. */
const PAGE = 1_000
/** Places that are looked at for entries that have run out, each beat: a million in a minute, and never long enough to be felt. */
const PRUNED_EACH_BEAT = 5_000
/**
 * Makes the list of what has been revoked, fed from a store. It begins to load at once; before that, and whenever the store has not
 * answered for `leaseMs`, its age is over the lease, and nothing is answered by it. A store that has lost what it held gets back what this
 * process knows.
 *
 * @throws {MisuseError} `ERR_OPTION_…`.
 * @example
 * ```ts
 * const revocations = createRevocations({ store, clock, recorder, meter })
 * await revocations.ready()
 * revocations.has('token', token.id, token.issuedAtMs)
 * ```
 */
export function createRevocations(options: RevocationsOptions): Revocations {
  const checked = checkRevocationsOptions(options)
  const { store, clock, steadyMs, heartbeatMs, leaseMs } = checked
  const timeoutMs = leaseMs - heartbeatMs
  const set = createRevocationSet(checked.maxEntries)
  const own = createOwnRevocations()
  const report = createRevocationsReport(checked)
  const telling = createTelling(store, set, own, report, () => round)

  let position: RevocationPosition | null = null
  // When the last answer that left nothing out was asked for. By two clocks: one may be set back, the other may stand still while the
  // machine sleeps.
  let askedMs = Number.NEGATIVE_INFINITY
  let askedSteadyMs = Number.NEGATIVE_INFINITY
  let epoch = 0
  let completeSinceMs = Number.NEGATIVE_INFINITY
  let round = 0
  let lastFailure: unknown = null
  let pulling: Promise<void> | null = null
  let isAskedAgain = false
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  function ageMs(): number {
    return Math.max(clock.nowMs() - askedMs, steadyMs() - askedSteadyMs)
  }

  /** @returns whether all of them could be kept. */
  function obey(entries: readonly RevocationEntry[]): boolean {
    let isKept = true
    for (const entry of entries) {
      const outcome = set.add(entry)
      if (outcome === 'changed') epoch++
      if (outcome === 'full') isKept = false
    }
    return isKept
  }

  /** @returns whether there is more. */
  async function pull(): Promise<boolean> {
    const asked = { ms: clock.nowMs(), steadyMs: steadyMs(), round: ++round }
    const page = await inTime(store.revocations.pull(position, PAGE), timeoutMs, storeIsLate)
    if (isClosed) return false
    if (!obey(page.entries)) throw new StateError('full', 'more is revoked than this process may keep')
    for (const entry of page.entries) own.shown(entry)
    // The store has begun anew, and may have forgotten what was revoked. We have not; but where our view was not current any more, something
    // may be missing in it that nobody knows. Since when the view was complete at all is the store's to remember.
    if (position !== null && page.position.generation !== position.generation) telling.restore(ageMs() <= leaseMs)
    judgeCompleteness(page)
    position = page.position
    report.clock(page.storeNowMs - (asked.ms + clock.nowMs()) / 2, (steadyMs() - asked.steadyMs) / 2)
    if (page.more) return true
    askedMs = asked.ms
    askedSteadyMs = asked.steadyMs
    own.settle(asked.round, page.storeNowMs)
    // Not by our clock alone: one that was set ahead for a moment must not make us forget.
    set.prune(Math.min(page.storeNowMs, clock.nowMs()), PRUNED_EACH_BEAT)
    return false
  }

  function judgeCompleteness(page: RevocationPage): void {
    if (page.completeSinceMs === completeSinceMs) return
    completeSinceMs = page.completeSinceMs
    epoch++
  }

  async function walk(): Promise<void> {
    try {
      let more = true
      while (more) more = await pull()
      lastFailure = null
    } catch (error) {
      lastFailure = error
      report.failed(error)
    }
    if (isClosed) return
    report.beat(ageMs(), set.size)
    void telling.tell()
  }

  async function beat(): Promise<void> {
    do {
      isAskedAgain = false
      await walk()
    } while (isAskedAgain && lastFailure === null && !isClosed)
  }

  function pullNow(): Promise<void> {
    isAskedAgain = true
    if (pulling !== null || isClosed) return pulling ?? Promise.resolve()
    clearTimeout(timer)
    pulling = beat().finally(() => {
      pulling = null
      if (!isClosed) timer = setTimeout(pullNow, heartbeatMs).unref()
    })
    return pulling
  }

  const stopListening = store.revocations.onAppend(pullNow)
  void pullNow()

  return {
    leaseMs,
    get ageMs() {
      return ageMs()
    },
    get epoch() {
      return epoch
    },
    get completeSinceMs() {
      return completeSinceMs
    },
    get size() {
      return set.size
    },
    has: set.has,
    async revoke(entries) {
      checkRevocationEntries('entries', entries)
      if (isClosed) throw new StateError('closed', 'the list is closed')
      const copies = entries.map((entry) => Object.freeze({ ...entry }))
      obey(copies)
      own.begin(copies)
      let from = 0
      try {
        for (; from < copies.length; from += TOLD_AT_ONCE) await telling.commit(copies.slice(from, from + TOLD_AT_ONCE))
      } catch (error) {
        own.failed(copies.slice(from))
        report.failed(error)
        throw error
      }
    },
    async commit(change) {
      const revoked = (change.revoke ?? []).map((entry) => Object.freeze({ ...entry }))
      const isMade = await store.commit({ ...change, revoke: revoked })
      if (!isMade) return false
      obey(revoked)
      own.begin(revoked)
      own.committed(revoked, round)
      return true
    },
    async ready() {
      await store.ready()
      await pullNow()
      if (askedMs === Number.NEGATIVE_INFINITY) throw lastFailure ?? new StateError('closed', 'the list is closed')
    },
    async close() {
      if (isClosed) return
      isClosed = true
      clearTimeout(timer)
      stopListening()
      await telling.tell()
    },
  }
}
