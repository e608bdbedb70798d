import {
  type Headers,
  type Inbound,
  isRefusal,
  kindOf,
  type Limiter,
  type Principal,
  type QuotaRequest,
  type QuotaState,
  type Quotas,
  quietly,
  refuse,
  type Surroundings,
} from '@countersign/core'
import { createMemoryQuotaStore } from './memory-store.js'
import { type CheckedPolicy, checkLimitOptions, isLimiter, type LimitOptions } from './options.js'
import { lastingKeyOf, routeKey } from './partition-key.js'
import { fieldsOfGrant, fieldsOfRefusal, type PolicyField, policyFieldOf } from './quota-fields.js'
import { createStoreWatch, type Verdict } from './store-watch.js'

/** How often the number of keys is written to the gauge: a power of two of requests. */
const SAMPLED_EVERY = 1024

const NO_HEADERS: Headers = Object.freeze({})
const UNLIMITED: Quotas = Object.freeze({ refusal: null, headers: NO_HEADERS })

/** A policy with what is made of it once. */
interface Entry {
  readonly index: number
  readonly policy: CheckedPolicy
  readonly field: PolicyField
  readonly intervalMs: number
  readonly lastingKey: ReturnType<typeof lastingKeyOf>
  readonly labels: Readonly<Record<string, string>>
}

/** The keys of the last caller of a connection, kept on it: a proxy's connection carries the requests of many. */
interface KeptKeys {
  readonly principal: Principal
  readonly clientAddress: string | null
  readonly keys: readonly string[]
}

/**
 * Makes the limiter behind the option `limit`: GCRA by verified identity. Without a `store` it never waits.
 *
 * A request must meet every quota that counts it, and is charged to all of them or to none. What is refused is refused with
 * `ERR_QUOTA_EXCEEDED`, the names of the policies in the fact `policies`, and a `Retry-After` after which it passes; a request that costs
 * more than a burst never does, and is not told to come again.
 * @param options `null`: no quota. A finished {@link Limiter} is taken as it is.
 * @throws {MisuseError} `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`, `ERR_OPTION_CONTRADICTION` or `ERR_RULE_VACUOUS`.
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 */
export function createLimiter(
  options: LimitOptions | Limiter | null | undefined,
  surroundings: Pick<Surroundings, 'clock' | 'recorder' | 'meter'>,
): Limiter {
  if (isLimiter(options)) return options
  const checked = options === null ? null : checkLimitOptions('limit', options ?? {})
  if (checked === null || checked.policies.length === 0) return { take: () => UNLIMITED, toString: () => 'no quota', close: async () => {} }

  const { clock, meter } = surroundings
  const entries: readonly Entry[] = checked.policies.map((policy, index) => ({
    index,
    policy,
    field: policyFieldOf(policy),
    intervalMs: policy.intervalUs / 1000,
    lastingKey: lastingKeyOf(policy),
    labels: Object.freeze({ policy: policy.name }),
  }))
  const always = entries.every(({ policy }) => policy.only === null)
  const promises = promisesOf(entries)
  const keptKeys = Symbol('countersign.quota-keys')
  const local = createMemoryQuotaStore({ maxKeys: checked.maxKeys })
  const watch = checked.store === null ? null : createStoreWatch(checked.store, local, checked.whenUnavailable, surroundings)
  const exceeded = meter.createCounter('rate_limit_exceeded_total', { description: 'Requests refused by a quota policy' })
  const current = meter.createGauge('rate_limit_current', { description: 'Keys that have a bucket of their own' })
  let sinceSample = 0

  function keysOf(principal: Principal, inbound: Inbound): readonly string[] {
    const { clientAddress, connection } = inbound
    const kept = connection[keptKeys] as KeptKeys | undefined
    if (kept !== undefined && kept.principal === principal && kept.clientAddress === clientAddress) return kept.keys
    const keys = entries.map(({ lastingKey }) => (lastingKey === null ? '' : lastingKey(principal, inbound)))
    connection[keptKeys] = { principal, clientAddress, keys } satisfies KeptKeys
    return keys
  }

  function take(principal: Principal, inbound: Inbound, path: string): Quotas | Promise<Quotas> {
    const counting = always ? entries : entries.filter(({ policy }) => policy.only === null || policy.only(principal, inbound, path))
    if (counting.length === 0) return UNLIMITED
    const keys = keysOf(principal, inbound)
    const requests: QuotaRequest[] = []
    for (const { index, policy, intervalMs, lastingKey } of counting) {
      const cost = policy.cost === null ? 1 : costOf(policy.cost, inbound, principal)
      if (typeof cost !== 'number') return refused(policy, cost)
      const key = lastingKey === null ? routeKey(policy.name, inbound, path) : (keys[index] ?? '')
      requests.push({ key, intervalMs, burst: policy.burst, cost })
    }
    const nowMs = clock.nowMs()
    if (watch === null) {
      if ((++sinceSample & (SAMPLED_EVERY - 1)) === 0) quietly(() => current.record(local.size, { limit_type: 'caller' }))
      return quotasOf(local.take(requests, nowMs), counting)
    }
    const verdict = watch.take(requests, nowMs)
    return verdict instanceof Promise ? verdict.then((settled) => quotasOf(settled, counting)) : quotasOf(verdict, counting)
  }

  function quotasOf(verdict: Verdict, counting: readonly Entry[]): Quotas {
    if (verdict === null) return UNLIMITED
    if (isRefusal(verdict)) return { refusal: verdict, headers: NO_HEADERS }
    const listed = counting === entries ? promises : promisesOf(counting)
    for (const state of verdict) if (!state.allowed) return exceededBy(verdict, counting, listed)
    return { refusal: null, headers: fieldsOfGrant(listed, counting, verdict) }
  }

  function exceededBy(states: readonly QuotaState[], counting: readonly Entry[], listed: string): Quotas {
    const refusing: { readonly entry: Entry; readonly state: QuotaState }[] = []
    let retryAfterMs = 0
    for (const [index, state] of states.entries()) {
      const entry = counting[index]
      if (state.allowed || entry === undefined) continue
      refusing.push({ entry, state })
      retryAfterMs = Math.max(retryAfterMs, state.retryAfterMs)
      quietly(() => exceeded.add(1, entry.labels))
    }
    // RFC 9110 §10.2.3: whole seconds; rounded down they would not be true.
    const retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1000))
    const policies = refusing.map(({ entry }) => entry.policy.name)
    const again = Number.isFinite(retryAfterSeconds) ? { retryAfterSeconds } : { costAboveBurst: true }
    return { refusal: refuse('ERR_QUOTA_EXCEEDED', { policies, ...again }), headers: fieldsOfRefusal(listed, refusing, retryAfterSeconds) }
  }

  return {
    take,
    toString: () => `${entries.map(wordsOf).join(', ')}${watch === null ? '' : ', in a shared store'}`,
    async close() {},
  }
}

function promisesOf(entries: readonly Entry[]): string {
  return entries.map(({ field }) => field.promise).join(', ')
}

/** @returns the cost, or what went wrong: a cost that is not known is not nothing. */
function costOf(cost: NonNullable<CheckedPolicy['cost']>, inbound: Inbound, principal: Principal): number | { readonly cause: unknown } {
  try {
    const units: unknown = cost(inbound, principal)
    return typeof units === 'number' && Number.isSafeInteger(units) && units >= 0
      ? units
      : { cause: new TypeError(`cost returned ${kindOf(units)}`) }
  } catch (cause) {
    return { cause }
  }
}

function refused({ name }: CheckedPolicy, { cause }: { readonly cause: unknown }): Quotas {
  return { refusal: refuse('ERR_LIMITER_UNAVAILABLE', { policies: [name], part: 'cost' }, cause), headers: NO_HEADERS }
}

function wordsOf({ policy: { name, partitionBy, quota, windowSeconds, burst } }: Entry): string {
  const rate = windowSeconds === 1 ? `${quota}/s` : `${quota} in ${windowSeconds} s`
  const most = burst === quota ? '' : `, burst ${burst}`
  return name === 'caller' && partitionBy === 'caller' ? `${rate} a caller${most}` : `${name} ${rate}${most}`
}
