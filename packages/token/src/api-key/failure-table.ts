import { elapsed } from '../elapsed.js'
import type { LockRules } from './lock-options.js'

/** Counts failures by key, and keeps what is locked. Bounded: what still counts is never forgotten to make room. */
export interface FailureTable {
  readonly size: number
  /** When the lock of a key ends, epoch milliseconds; 0: it is not locked. */
  lockedUntilMs(key: string, nowMs: number): number
  /** Did it fail within the window? */
  hasFailed(key: string, nowMs: number): boolean
  /**
   * Counts a failure.
   * @param mark failures with the same mark count once; `null`: each counts.
   * @returns `locked`: by this failure. `full`: there is no room to count it.
   */
  fail(key: string, mark: string | null, nowMs: number): 'counted' | 'locked' | 'full'
}

interface Tally {
  /** At most as many as lock it. */
  failures: { readonly mark: string | null; readonly atMs: number }[]
  lockedUntilMs: number
}

/** Places looked at for each new key: more than one fills, so that the past does not pile up. */
const SWEPT_PER_KEY = 4

/** Makes an empty table of at most `maxEntries` keys. */
export function createFailureTable({ failures: limit, windowMs, lockMs, maxEntries }: LockRules): FailureTable {
  const tallies = new Map<string, Tally>()
  let cursor = tallies.entries()

  function lockOf(tally: Tally | undefined, nowMs: number): number {
    if (tally === undefined || tally.lockedUntilMs <= nowMs) return 0
    // The clock was set back: nobody is to wait for as long as that was.
    if (tally.lockedUntilMs > nowMs + lockMs) tally.lockedUntilMs = nowMs + lockMs
    return tally.lockedUntilMs
  }

  function counts({ failures }: Tally, nowMs: number): boolean {
    return failures.some(({ atMs }) => elapsed(atMs, nowMs) < windowMs)
  }

  function sweep(nowMs: number): void {
    for (let place = 0; place < SWEPT_PER_KEY; place++) {
      const next = cursor.next()
      if (next.done === true) {
        cursor = tallies.entries()
        return
      }
      const [key, tally] = next.value
      if (lockOf(tally, nowMs) === 0 && !counts(tally, nowMs)) tallies.delete(key)
    }
  }

  function tallyOf(key: string, nowMs: number): Tally | undefined {
    const known = tallies.get(key)
    if (known !== undefined) return known
    sweep(nowMs)
    if (tallies.size >= maxEntries) return undefined
    const tally: Tally = { failures: [], lockedUntilMs: 0 }
    tallies.set(key, tally)
    return tally
  }

  return {
    get size() {
      return tallies.size
    },
    lockedUntilMs: (key, nowMs) => lockOf(tallies.get(key), nowMs),
    hasFailed(key, nowMs) {
      const tally = tallies.get(key)
      return tally !== undefined && counts(tally, nowMs)
    },
    fail(key, mark, nowMs) {
      const tally = tallyOf(key, nowMs)
      if (tally === undefined) return 'full'
      if (lockOf(tally, nowMs) > 0) return 'counted'
      const before = tally.failures.filter((failure) => elapsed(failure.atMs, nowMs) < windowMs && (mark === null || failure.mark !== mark))
      tally.failures = [...before, { mark, atMs: nowMs }]
      if (tally.failures.length < limit) return 'counted'
      // The count begins anew when the lock ends.
      tally.failures = []
      tally.lockedUntilMs = nowMs + lockMs
      return 'locked'
    },
  }
}
