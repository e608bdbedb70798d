import type { Headers, QuotaState } from '@countersign/core'
import type { CheckedPolicy } from './options.js'

/** What of a policy stands in the header fields, made once. */
export interface PolicyField {
  readonly name: string
  /** Item of `RateLimit-Policy`. */
  readonly promise: string
  /** Start of its item of `RateLimit`. */
  readonly opening: string
}

/**
 * Makes the fixed part of a policy's fields. `q` is the quota of the steady rate and `w` its window; `r` counts what is left of the burst
 * and may be above `q`.
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ §3, §4
 */
export function policyFieldOf({ name, quota, windowSeconds }: CheckedPolicy): PolicyField {
  return Object.freeze({ name, promise: `"${name}";q=${quota};w=${windowSeconds}`, opening: `"${name}";r=` })
}

/** The fields of a request that may go on: what is left, and in how many seconds all of it is there again. */
export function fieldsOfGrant(
  promises: string,
  counting: readonly { readonly field: PolicyField }[],
  states: readonly QuotaState[],
): Headers {
  let left = ''
  for (let index = 0; index < counting.length; index++) {
    const field = counting[index]?.field
    const state = states[index]
    if (field === undefined || state === undefined) break
    const item = `${field.opening}${state.remaining};t=${Math.ceil(state.resetMs / 1000)}`
    left = index === 0 ? item : `${left}, ${item}`
  }
  return { RateLimit: left, 'RateLimit-Policy': promises }
}

/**
 * The fields of a refused request: the policies that refused it, and when it would pass. No `t` is later than `Retry-After` (draft §6).
 * @param retryAfterSeconds `Infinity` for a request that never passes, which is not told to come again.
 */
export function fieldsOfRefusal(
  promises: string,
  refusing: readonly { readonly entry: { readonly field: PolicyField }; readonly state: QuotaState }[],
  retryAfterSeconds: number,
): Headers {
  const again = Number.isFinite(retryAfterSeconds)
  const left = refusing
    .map(({ entry, state }) => `${entry.field.opening}${state.remaining}${again ? `;t=${retryAfterSeconds}` : ''}`)
    .join(', ')
  return { RateLimit: left, 'RateLimit-Policy': promises, ...(again ? { 'Retry-After': String(retryAfterSeconds) } : {}) }
}
