import {
  inTime,
  type QuotaRequest,
  type QuotaState,
  type QuotaStore,
  quietly,
  type Refusal,
  refuse,
  type Surroundings,
} from '@countersign/core'
import type { CheckedLimitOptions } from './options.js'

/** What to go by: the states of the quotas, a refusal, or `null` where the options say to let everybody in. */
export type Verdict = readonly QuotaState[] | Refusal | null

/** A store outside this process that may be down. */
export interface StoreWatch {
  take(requests: readonly QuotaRequest[], nowMs: number): Verdict | Promise<Verdict>
}

/** A store in the same network answers in a few milliseconds; a caller does not wait longer than this to be let in. */
const TIMEOUT_MS = 250
/** While a store is down, one request in this time asks it again; the others do not wait for it. */
const PROBE_INTERVAL_MS = 1000

/**
 * Stands between the limiter and a store that may be down: bounds the wait, checks the answer, takes the way of `whenUnavailable`, and
 * reports each change once.
 * @param local the store that takes over with `'limit-locally'`.
 */
export function createStoreWatch(
  store: QuotaStore,
  local: QuotaStore,
  whenUnavailable: CheckedLimitOptions['whenUnavailable'],
  surroundings: Pick<Surroundings, 'recorder' | 'meter'>,
): StoreWatch {
  const failures = surroundings.meter.createCounter('rate_limit_store_failures_total', {
    description: 'Quota requests that the store did not answer',
  })
  const unavailable = refuse('ERR_LIMITER_UNAVAILABLE')
  let down = false
  let probeAtMs = 0

  function instead(requests: readonly QuotaRequest[], nowMs: number): Verdict | Promise<Verdict> {
    if (whenUnavailable === 'refuse') return unavailable
    return whenUnavailable === 'limit-locally' ? local.take(requests, nowMs) : null
  }

  function failed(requests: readonly QuotaRequest[], nowMs: number, reason: string, cause: unknown): Verdict | Promise<Verdict> {
    quietly(() => failures.add(1, { reason }))
    if (!down) {
      down = true
      probeAtMs = nowMs + PROBE_INTERVAL_MS
      quietly(() =>
        surroundings.recorder.record({
          kind: 'limit.degraded',
          severity: 'error',
          code: 'ERR_LIMITER_UNAVAILABLE',
          message: 'The quota store does not answer',
          facts: { reason, whenUnavailable },
          cause,
        }),
      )
    }
    return instead(requests, nowMs)
  }

  function answered(states: unknown, requests: readonly QuotaRequest[], nowMs: number, isProbe: boolean): Verdict | Promise<Verdict> {
    if (!areStates(states, requests.length)) return failed(requests, nowMs, 'answer', undefined)
    if (isProbe && down) {
      down = false
      quietly(() =>
        surroundings.recorder.record({ kind: 'limit.restored', severity: 'info', message: 'The quota store answers again', facts: {} }),
      )
    }
    return states
  }

  return {
    take(requests, nowMs) {
      const isProbe = down
      if (isProbe) {
        // A clock that was set back must not keep the store from being asked again.
        if (nowMs < probeAtMs && probeAtMs - nowMs <= PROBE_INTERVAL_MS) return instead(requests, nowMs)
        probeAtMs = nowMs + PROBE_INTERVAL_MS
      }
      try {
        const answer: unknown = store.take(requests, nowMs)
        if (!isThenable(answer)) return answered(answer, requests, nowMs, isProbe)
        return inTime(answer, TIMEOUT_MS, () => TIMED_OUT).then(
          (states) => (states === TIMED_OUT ? failed(requests, nowMs, 'timeout', undefined) : answered(states, requests, nowMs, isProbe)),
          (cause: unknown) => failed(requests, nowMs, 'error', cause),
        )
      } catch (cause) {
        return failed(requests, nowMs, 'error', cause)
      }
    },
  }
}

const TIMED_OUT = Symbol('countersign.timed-out')

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

// An answer that is not understood must not become a grant.
function areStates(value: unknown, count: number): value is readonly QuotaState[] {
  return Array.isArray(value) && value.length === count && value.every(isState)
}

function isState(value: unknown): value is QuotaState {
  if (typeof value !== 'object' || value === null) return false
  const { allowed, remaining, retryAfterMs, resetMs } = value as Partial<Record<keyof QuotaState, unknown>>
  return (
    typeof allowed === 'boolean' &&
    Number.isSafeInteger(remaining) &&
    Number(remaining) >= 0 &&
    typeof retryAfterMs === 'number' &&
    retryAfterMs >= 0 &&
    Number.isFinite(resetMs) &&
    Number(resetMs) >= 0
  )
}
