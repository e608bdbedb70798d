import {
  checkChoice,
  checkInteger,
  checkKeys,
  checkList,
  checkText,
  type Inbound,
  joinPath,
  kindOf,
  type Limiter,
  type Match,
  MisuseError,
  type NameMatch,
  type Principal,
  type QuotaStore,
} from '@countersign/core'
import { DEFAULT_MAX_KEYS, MAX_KEYS } from './memory-store.js'
import { compileOnly, type OnlyTest } from './only.js'

/** So many requests in so long, without a window that starts over: GCRA, so no two bursts meet at a boundary. */
export interface Quota {
  /** Requests in each `windowSeconds`, at the steady rate. */
  readonly quota: number
  /** A whole number of seconds. */
  readonly windowSeconds: number
  /** How many may come at once. Default: `quota`. */
  readonly burst?: number
}

/** A quota with a name and a partition. */
export interface QuotaPolicy extends Quota {
  /** Sent to callers in `RateLimit` and `RateLimit-Policy`: letters, digits and `_-.`. */
  readonly name: string
  /**
   * What has a bucket of its own: each verified caller, each trust domain (or issuer), each address (IPv6 by /64), each method and path,
   * each value of a claim of the token (whoever lacks it shares one), or everyone together. An anonymous caller counts by its address.
   */
  readonly partitionBy: 'caller' | 'trust-domain' | 'address' | 'route' | 'everyone' | { readonly claim: string }
  /** What a request costs: an integer from 0. Anything else, or a throw, refuses the request with 503. Default: 1. */
  readonly cost?: (inbound: Inbound, principal: Principal) => number
  /**
   * Which requests count. Paths are compared as a lenient router would, so that another spelling is no way around the quota. Default: all.
   */
  readonly only?: {
    readonly callers?: NameMatch | readonly NameMatch[]
    readonly methods?: string | readonly string[]
    readonly paths?: Match | readonly Match[]
  }
}

/** How much, how fast. */
export interface LimitOptions {
  /** For each verified caller, an anonymous one by its address. Default: 100 a second, burst 200. `null`: none. */
  readonly perCaller?: Quota | null
  /**
   * Failed attempts of one verified peer, or else of one address, before any cryptography. Default: 20 in 60 seconds, burst 20. `null`: not
   * counted.
   */
  readonly perAddress?: Quota | null
  /** More quotas, all of which must be met; a refused request charges none. Default: none. */
  readonly policies?: readonly QuotaPolicy[]
  /**
   * Where quotas are kept; what is handed in stays the caller's to close. Failed attempts always stay in this process. Default: this
   * process's memory.
   */
  readonly store?: QuotaStore
  /** Keys with a bucket of their own, here and in the memory that takes over for `store`; more share coarse buckets. Default 100,000. */
  readonly maxKeys?: number
  /** `store` does not answer. Default `'limit-locally'`: the same quotas, in this process's memory. `'refuse'`: 503. */
  readonly whenUnavailable?: 'limit-locally' | 'refuse' | 'dangerously-allow'
}

/** A quota, checked once. */
export interface CheckedQuota {
  readonly quota: number
  readonly windowSeconds: number
  readonly burst: number
  /** Whole microseconds between two requests. */
  readonly intervalUs: number
}

/** A quota policy, checked once. */
export interface CheckedPolicy extends CheckedQuota {
  readonly name: string
  readonly partitionBy: QuotaPolicy['partitionBy']
  readonly cost: NonNullable<QuotaPolicy['cost']> | null
  readonly only: OnlyTest | null
}

/** {@link LimitOptions}, checked once. */
export interface CheckedLimitOptions {
  readonly perAddress: CheckedQuota | null
  readonly policies: readonly CheckedPolicy[]
  readonly store: QuotaStore | null
  readonly maxKeys: number
  readonly whenUnavailable: NonNullable<LimitOptions['whenUnavailable']>
}

const PER_CALLER: Quota = Object.freeze({ quota: 100, windowSeconds: 1, burst: 200 })
const PER_ADDRESS: Quota = Object.freeze({ quota: 20, windowSeconds: 60, burst: 20 })
/** Each costs a look-up a request, and a place in two header fields. */
const MAX_POLICIES = 16
const MAX_COUNT = 1_000_000_000
const MAX_WINDOW_SECONDS = 366 * 86_400
/** Below ten microseconds a request, whole microseconds would be more than a tenth off the quota. */
const MIN_INTERVAL_US = 10
/** Leaves room to add a capacity to a time since the epoch, both in microseconds, below 2^53. */
const MAX_CAPACITY_US = 2 ** 52
const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/

/**
 * Checks {@link LimitOptions}.
 * @throws {MisuseError} `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`, `ERR_OPTION_CONTRADICTION` or `ERR_RULE_VACUOUS`.
 */
export function checkLimitOptions(option: string, options: LimitOptions): CheckedLimitOptions {
  const { perCaller = PER_CALLER, perAddress = PER_ADDRESS, policies, store, maxKeys, whenUnavailable } = options
  checkKeys(option, options, ['perCaller', 'perAddress', 'policies', 'store', 'maxKeys', 'whenUnavailable'])
  const at = (key: string): string => joinPath(option, key)
  const caller: CheckedPolicy[] =
    perCaller === null ? [] : [{ name: 'caller', partitionBy: 'caller', cost: null, only: null, ...checkQuota(at('perCaller'), perCaller) }]
  const named =
    policies === undefined
      ? []
      : checkList(at('policies'), policies).map((policy, index) => checkPolicy(`${at('policies')}[${index}]`, policy))
  const all = [...caller, ...named]
  if (all.length > MAX_POLICIES)
    throw new MisuseError('ERR_OPTION_INVALID', at('policies'), `takes at most ${MAX_POLICIES} policies, perCaller counted`)
  for (const [index, { name }] of all.entries()) {
    if (all.findIndex((other) => other.name === name) !== index)
      throw new MisuseError(
        'ERR_OPTION_CONTRADICTION',
        at('policies'),
        `holds the name ${name} twice${name === 'caller' ? ': it is that of perCaller' : ''}`,
      )
  }
  if (store !== undefined && typeof (store as Partial<QuotaStore> | null)?.take !== 'function')
    throw new MisuseError('ERR_OPTION_INVALID', at('store'), `takes a QuotaStore, not ${kindOf(store)}`)
  return Object.freeze({
    perAddress: perAddress === null ? null : checkQuota(at('perAddress'), perAddress),
    policies: Object.freeze(all),
    store: store ?? null,
    maxKeys: maxKeys === undefined ? DEFAULT_MAX_KEYS : checkInteger(at('maxKeys'), maxKeys, 1, MAX_KEYS),
    whenUnavailable:
      whenUnavailable === undefined
        ? 'limit-locally'
        : checkChoice(at('whenUnavailable'), whenUnavailable, ['limit-locally', 'refuse', 'dangerously-allow']),
  })
}

function checkPolicy(option: string, policy: unknown): CheckedPolicy {
  checkKeys(option, policy, ['name', 'partitionBy', 'cost', 'only', 'quota', 'windowSeconds', 'burst'])
  const { name, partitionBy, cost, only, ...quota } = policy
  const text = checkText(joinPath(option, 'name'), name)
  // RFC 9651 §3.3.3: what stands in a String of a structured field needs no escape here.
  if (!NAME.test(text))
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      joinPath(option, 'name'),
      'takes a letter, then letters, digits and _-. (64 at most): it is sent in header fields',
    )
  if (cost !== undefined && typeof cost !== 'function')
    throw new MisuseError('ERR_OPTION_INVALID', joinPath(option, 'cost'), `takes a function that returns an integer, not ${kindOf(cost)}`)
  return Object.freeze({
    name: text,
    partitionBy: checkPartition(joinPath(option, 'partitionBy'), partitionBy),
    cost: cost === undefined ? null : (cost as NonNullable<QuotaPolicy['cost']>),
    only: only === undefined ? null : compileOnly(joinPath(option, 'only'), only),
    ...checkQuota(option, quota),
  })
}

function checkPartition(option: string, value: unknown): QuotaPolicy['partitionBy'] {
  if (typeof value !== 'object') return checkChoice(option, value, ['caller', 'trust-domain', 'address', 'route', 'everyone'])
  checkKeys(option, value, ['claim'])
  return Object.freeze({ claim: checkText(joinPath(option, 'claim'), value['claim']) })
}

function checkQuota(option: string, value: unknown): CheckedQuota {
  checkKeys(option, value, ['quota', 'windowSeconds', 'burst'])
  const quota = checkInteger(joinPath(option, 'quota'), value['quota'], 1, MAX_COUNT)
  const windowSeconds = checkInteger(joinPath(option, 'windowSeconds'), value['windowSeconds'], 1, MAX_WINDOW_SECONDS)
  const burst = value['burst'] === undefined ? quota : checkInteger(joinPath(option, 'burst'), value['burst'], 1, MAX_COUNT)
  const exactUs = (windowSeconds * 1_000_000) / quota
  if (exactUs < MIN_INTERVAL_US) {
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      joinPath(option, 'quota'),
      `takes at most ${(windowSeconds * 1_000_000) / MIN_INTERVAL_US} in ${windowSeconds} s: count in a larger unit, such as KiB`,
    )
  }
  const intervalUs = Math.ceil(exactUs)
  if (burst * intervalUs > MAX_CAPACITY_US)
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      joinPath(option, 'burst'),
      'would take more than a century to be there again: lower it, or shorten the window',
    )
  return Object.freeze({ quota, windowSeconds, burst, intervalUs })
}

/** Is it a finished limiter, and not options for one? */
export function isLimiter(options: LimitOptions | Limiter | null | undefined): options is Limiter {
  return typeof options === 'object' && options !== null && 'take' in options && typeof options.take === 'function'
}
