import { createLivingIds } from './living-ids.js'
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

/**
 * Makes a replay store in memory.
 * @throws {MisuseError} `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`.
 */
export function createMemoryReplayStore(options: MemoryReplayStoreOptions): MemoryReplayStore {
  checkKeys('', options, ['clock', 'maxEntries'])
  const { clock } = options
  const maxEntries = checkInteger('maxEntries', options.maxEntries ?? DEFAULT_MAX_ENTRIES, 1, MAX_ENTRIES)
  const ids = createLivingIds(maxEntries)

  return {
    get size() {
      return ids.size
    },
    claim(id, untilMs) {
      const nowMs = clock.nowMs()
      if (ids.has(id, nowMs)) return 'again'
      // The clock was set back, and this may have been claimed and let go before. What ends later than all of those was not.
      if (nowMs < ids.letGoUntilMs && untilMs <= ids.letGoUntilMs) return 'full'
      return ids.add(id, untilMs, nowMs) ? 'first' : 'full'
    },
  }
}
