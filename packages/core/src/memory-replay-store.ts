import { checkInteger, checkKeys } from './option-checks.js'
import type { Claim, ReplayStore } from './replay-store.js'
import type { Clock } from './runtime.js'

export interface MemoryReplayStoreOptions {
  readonly clock: Clock
  /** How many ids are remembered at once; beyond it nothing is accepted. Default 1,000,000, about 100 MB. */
  readonly maxEntries?: number
}

/** A {@link ReplayStore} in this process's memory. It never waits. */
export interface MemoryReplayStore extends ReplayStore {
  readonly size: number
  claim(id: string, untilMs: number): Claim
}

const DEFAULT_MAX_ENTRIES = 1_000_000
const MAX_ENTRIES = 100_000_000
// Swept when it has doubled since: so each entry is looked at a constant number of times.
const FIRST_SWEEP = 1024

/**
 * Makes a replay store in memory.
 * @throws {MisuseError} `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`.
 */
export function createMemoryReplayStore(options: MemoryReplayStoreOptions): MemoryReplayStore {
  checkKeys('', options, ['clock', 'maxEntries'])
  const { clock } = options
  const maxEntries = checkInteger('maxEntries', options.maxEntries ?? DEFAULT_MAX_ENTRIES, 1, MAX_ENTRIES)
  const untilOf = new Map<string, number>()
  let sweepAt = Math.min(FIRST_SWEEP, maxEntries)
  // While all of it is alive, another sweep would find nothing: a flood must not make one of each claim.
  let firstEndMs = Number.NEGATIVE_INFINITY

  function sweep(nowMs: number): void {
    firstEndMs = Number.POSITIVE_INFINITY
    for (const [id, untilMs] of untilOf) {
      if (untilMs <= nowMs) untilOf.delete(id)
      else if (untilMs < firstEndMs) firstEndMs = untilMs
    }
    sweepAt = Math.min(maxEntries, Math.max(FIRST_SWEEP, 2 * untilOf.size))
  }

  return {
    get size() {
      return untilOf.size
    },
    claim(id, untilMs) {
      const nowMs = clock.nowMs()
      const known = untilOf.get(id)
      if (known !== undefined && known > nowMs) return 'again'
      if (known === undefined && untilOf.size >= sweepAt && (untilOf.size < maxEntries || firstEndMs <= nowMs)) sweep(nowMs)
      if (known === undefined && untilOf.size >= maxEntries) return 'full'
      untilOf.set(id, untilMs)
      return 'first'
    },
  }
}
