import { checkInteger, checkKeys, type QuotaRequest, type QuotaState, type QuotaStore } from '@countersign/core'
import { type Arrival, backlogUsOf, createArrivals } from './arrivals.js'
import { intervalUsOf } from './interval.js'

export interface MemoryQuotaStoreOptions {
  /**
   * How many keys have a bucket of their own; more share coarse ones, so that no flood of keys grows memory or wins requests. Default
   * 100,000.
   */
  readonly maxKeys?: number
}

/** A {@link QuotaStore} in this process's memory. It never waits. */
export interface MemoryQuotaStore extends QuotaStore {
  /** Keys that have a bucket of their own. */
  readonly size: number
  take(requests: readonly QuotaRequest[], nowMs: number): readonly QuotaState[]
}

/** About 20 MB of keys and times. */
export const DEFAULT_MAX_KEYS = 100_000
export const MAX_KEYS = 10_000_000

/**
 * Makes a quota store in memory: GCRA, exact to the microsecond. A refused request charges nothing, and of several keys either all are
 * charged or none is.
 * @throws {MisuseError} `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`.
 */
export function createMemoryQuotaStore(options: MemoryQuotaStoreOptions = {}): MemoryQuotaStore {
  const { maxKeys = DEFAULT_MAX_KEYS } = options
  checkKeys('', options, ['maxKeys'])
  const arrivals = createArrivals(checkInteger('maxKeys', maxKeys, 1, MAX_KEYS))

  function take({ key, intervalMs, burst, cost }: QuotaRequest, nowUs: number, charged: Charge[] | null): QuotaState {
    const intervalUs = intervalUsOf(intervalMs)
    const capacityUs = burst * intervalUs
    const arrival = cost === 0 ? arrivals.find(key, intervalUs, burst) : arrivals.claim(key, intervalUs, burst, nowUs)
    const backlogUs = arrival === undefined ? 0 : backlogUsOf(arrival, nowUs, capacityUs)
    const leftUs = capacityUs - backlogUs - cost * intervalUs
    // Written so that a NaN, from a clock or a caller, refuses.
    if (!(leftUs >= 0)) {
      const retryAfterMs = cost > burst ? Number.POSITIVE_INFINITY : -leftUs / 1000
      return { allowed: false, remaining: Math.floor((capacityUs - backlogUs) / intervalUs), retryAfterMs, resetMs: backlogUs / 1000 }
    }
    if (arrival !== undefined && cost > 0) {
      charged?.push({ arrival, formerUs: arrival.atUs })
      arrival.atUs = nowUs + backlogUs + cost * intervalUs
    }
    return { allowed: true, remaining: Math.floor(leftUs / intervalUs), retryAfterMs: 0, resetMs: (capacityUs - leftUs) / 1000 }
  }

  function takeAll(requests: readonly QuotaRequest[], nowUs: number): readonly QuotaState[] {
    const charged: Charge[] = []
    const states = requests.map((request) => take(request, nowUs, charged))
    if (states.every((state) => state.allowed)) return states
    for (const { arrival, formerUs } of charged.reverse()) arrival.atUs = formerUs
    return requests.map((request, index) => {
      const state = states[index]
      return state !== undefined && !state.allowed ? state : take({ ...request, cost: 0 }, nowUs, null)
    })
  }

  return {
    get size() {
      return arrivals.size
    },
    take(requests, nowMs) {
      const nowUs = Math.round(nowMs * 1000)
      const [first] = requests
      if (first === undefined) return []
      return requests.length === 1 ? [take(first, nowUs, null)] : takeAll(requests, nowUs)
    },
  }
}

interface Charge {
  readonly arrival: Arrival
  readonly formerUs: number
}
