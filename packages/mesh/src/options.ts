import { randomBytes } from 'node:crypto'
import type { AuditOptions } from '@countersign/audit'
import {
  type Clock,
  checkChoice,
  checkInteger,
  checkKeys,
  checkText,
  joinPath,
  kindOf,
  type Meter,
  MisuseError,
  type Recorder,
  type StateStore,
} from '@countersign/core'
import type { KeyRing, KeyRingOptions } from '@countersign/issuer'
import type { EventSink } from '@countersign/state'
import { type CheckedRetryPolicies, checkRetryPolicies, type RetryPolicies } from './retry/retry-options.js'
import { createServiceDirectory, type ServiceDirectory, type ServiceEntry } from './service/service-directory.js'

/** A mesh, as plain data. `issuer` and `services` are required; every other default lets fewer in. The object is read once. */
export interface AuthMeshOptions {
  /** `iss` of every token, the same in every process: an `https` URL, since it is where an authorization server tells of itself. */
  readonly issuer: string
  /** Who there is, and who may call whom. */
  readonly services: Readonly<Record<string, ServiceEntry>> | ServiceDirectory
  /** Shared by every process of the mesh. What is handed in stays the caller's to close. Default: this process's memory. */
  readonly store?: StateStore
  /** The signing keys. What is handed in finished stays the caller's to close. Default: RS256, made in this process. */
  readonly keys?: KeyRing | Omit<KeyRingOptions, 'clock' | 'recorder' | 'maxTokenSeconds' | 'clockSkewSeconds'>
  readonly token?: TokenLifetimes
  /**
   * `'required'`: a service proves itself by its certificate, and every token is bound to it. `'optional'`: an API key proves it too, whose
   * tokens work for whoever holds them unless they are bound to a certificate that is named. Default `'required'`.
   */
  readonly mtls?: 'required' | 'optional'
  /** How far clocks may differ, 0 to 60. Default 30. */
  readonly clockSkewSeconds?: number
  /**
   * What is known of revocations is older than its lease. `'refuse'`: no token counts. `staleSeconds`, 1 to 30: what was known before
   * counts so long, then none does. What is known to be revoked never counts. Default `'refuse'`.
   */
  readonly whenStateUnavailable?: 'refuse' | { readonly staleSeconds: number }
  /** How often the status of every service is looked at, for figures and for events of what has run out, 1 to 3600. Default 30. */
  readonly syncSeconds?: number
  readonly propagation?: PropagationOptions
  readonly session?: SessionOptions
  /** How often, and how patiently, the store and the signer are asked again. Default: 3 attempts, the first pause up to 5 seconds. */
  readonly retry?: RetryPolicies
  /** A clock that is further ahead than this is told of, 1 to 60: as `clock.drifted`, and as the gauge `clock_skew_seconds`. Default 5. */
  readonly maxClockDriftSeconds?: number
  /** Where events go. Default `null`: none are made. */
  readonly events?: EventSink | null
  /** What is written down. As in a guard: pino to stdout by default, `null`: nothing. */
  readonly audit?: AuditOptions | Recorder | null
  /** Where figures go. Default `null`: nowhere. */
  readonly meter?: Meter | null
  /** Test seams: time and randomness. Default: the real ones. */
  readonly runtime?: Partial<MeshRuntime>
}

export interface TokenLifetimes {
  /** Of a token that does not ask for one. Default 3600. */
  readonly expiresInSeconds?: number
  /** The longest that may be asked for, up to 86,400. Default 3600, or `expiresInSeconds` where that is more. */
  readonly maxExpiresInSeconds?: number
}

export interface PropagationOptions {
  /** How long what hands a session on counts, 1 to 3600. Default 300. */
  readonly expiresInSeconds?: number
  /** Over how many services a session may go, 1 to 10: `A` to `B` is one hop. Default 4. */
  readonly maxHops?: number
}

export interface SessionOptions {
  /** How long a session lives, 60 to 2,592,000. Default 43,200: 12 hours. */
  readonly expiresInSeconds?: number
  /** How many sessions one subject may have at once, 1 to 100. Default 5. */
  readonly maxPerSubject?: number
  /** One more would be too many: `'refuse'` it, or `'end-oldest'`. Default `'refuse'`. */
  readonly whenTooMany?: 'refuse' | 'end-oldest'
  /** So many failures lock a session, 1 to 100. Default 3. */
  readonly maxFailures?: number
  /** How long it stays locked, 1 to 86,400. Default 900. */
  readonly lockSeconds?: number
}

export interface MeshRuntime {
  readonly clock: Clock
  readonly fetch: typeof globalThis.fetch
  readonly randomBytes: (size: number) => Uint8Array
  /** From 0 up to, not including, 1: for jitter. */
  readonly random: () => number
  /** Resolves after so long, or as soon as the signal says. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** {@link AuthMeshOptions}, checked and complete. Frozen. */
export interface CheckedMeshOptions {
  readonly issuer: string
  readonly services: ServiceDirectory
  readonly store: StateStore | null
  readonly keys: KeyRing | Omit<KeyRingOptions, 'clock' | 'recorder' | 'maxTokenSeconds' | 'clockSkewSeconds'>
  readonly tokenMs: number
  readonly maxTokenMs: number
  readonly isMtlsRequired: boolean
  readonly skewMs: number
  /** `null`: as old as the list's lease. */
  readonly staleMs: number | null
  readonly syncMs: number
  readonly propagationMs: number
  readonly maxHops: number
  readonly sessionMs: number
  readonly maxSessions: number
  readonly endsOldest: boolean
  readonly maxFailures: number
  readonly lockMs: number
  readonly retry: CheckedRetryPolicies
  readonly maxDriftMs: number
  readonly sink: EventSink | null
  readonly audit: AuditOptions | Recorder | null | undefined
  readonly meter: Meter | null
  readonly runtime: MeshRuntime
}

const KEYS = [
  'issuer',
  'services',
  'store',
  'keys',
  'token',
  'mtls',
  'clockSkewSeconds',
  'whenStateUnavailable',
  'syncSeconds',
  'propagation',
  'session',
  'retry',
  'maxClockDriftSeconds',
  'events',
  'audit',
  'meter',
  'runtime',
]
const STORE_METHODS = ['claim', 'read', 'commit', 'ready', 'close']
/** A token that lives longer than a day is a password. */
const LONGEST_TOKEN_SECONDS = 86_400
/** Twice as long as a revocation may be in coming would not be a bound any more. */
const LONGEST_STALE_SECONDS = 30

/** @throws {MisuseError} naming the option. */
export function checkMeshOptions(options: AuthMeshOptions): CheckedMeshOptions {
  checkKeys('', options, KEYS)
  const { events = null, meter = null, store, keys = {} } = options
  if (typeof keys !== 'object' || keys === null)
    throw new MisuseError('ERR_OPTION_INVALID', 'keys', `takes a key ring, or the options of one, not ${kindOf(keys)}`)
  if (store !== undefined) checkMethods('store', store, STORE_METHODS, 'a state store such as createRedisStateStore({ … })')
  if (meter !== null) checkMethods('meter', meter, ['createCounter', 'createHistogram', 'createGauge'], 'a meter such as createMeter()')
  if (events !== null && typeof events !== 'function')
    throw new MisuseError('ERR_OPTION_INVALID', 'events', `takes a function that delivers an event, or null, not ${kindOf(events)}`)
  const { tokenMs, maxTokenMs } = checkToken(options.token ?? {})
  return Object.freeze({
    issuer: checkIssuer(options.issuer),
    services: createServiceDirectory('services', options.services),
    store: store ?? null,
    keys,
    tokenMs,
    maxTokenMs,
    isMtlsRequired: checkChoice('mtls', options.mtls ?? 'required', ['required', 'optional']) === 'required',
    skewMs: seconds('clockSkewSeconds', options.clockSkewSeconds ?? 30, 0, 60),
    staleMs: checkStale(options.whenStateUnavailable ?? 'refuse'),
    syncMs: seconds('syncSeconds', options.syncSeconds ?? 30, 1, 3600),
    ...checkPropagation(options.propagation ?? {}),
    ...checkSession(options.session ?? {}),
    retry: checkRetryPolicies('retry', options.retry ?? {}),
    maxDriftMs: seconds('maxClockDriftSeconds', options.maxClockDriftSeconds ?? 5, 1, 60),
    sink: events,
    audit: options.audit,
    meter,
    runtime: checkRuntime(options.runtime ?? {}),
  })
}

function checkIssuer(issuer: unknown): string {
  if (issuer === undefined)
    throw new MisuseError('ERR_OPTION_MISSING', 'issuer', "names the mesh in its tokens: issuer: 'https://mesh.prod.example'")
  const text = checkText('issuer', issuer)
  const url = URL.canParse(text) ? new URL(text) : null
  // RFC 8414 §2: https, without query and fragment.
  if (url?.protocol === 'https:' && !/[?#]/.test(text) && url.username === '' && url.password === '') return text
  throw new MisuseError('ERR_OPTION_INVALID', 'issuer', 'takes an https URL without query, fragment and user')
}

function checkToken(token: unknown): { readonly tokenMs: number; readonly maxTokenMs: number } {
  checkKeys('token', token, ['expiresInSeconds', 'maxExpiresInSeconds'])
  const { expiresInSeconds = 3600 } = token
  const tokenMs = seconds('token.expiresInSeconds', expiresInSeconds, 1, LONGEST_TOKEN_SECONDS)
  const { maxExpiresInSeconds = Math.max(3600, tokenMs / 1000) } = token
  const maxTokenMs = seconds('token.maxExpiresInSeconds', maxExpiresInSeconds, 1, LONGEST_TOKEN_SECONDS)
  if (tokenMs > maxTokenMs)
    throw new MisuseError('ERR_OPTION_CONTRADICTION', 'token.expiresInSeconds', 'is more than maxExpiresInSeconds allows')
  return { tokenMs, maxTokenMs }
}

function checkStale(whenUnavailable: unknown): number | null {
  if (typeof whenUnavailable === 'string') return checkChoice('whenStateUnavailable', whenUnavailable, ['refuse']) && null
  checkKeys('whenStateUnavailable', whenUnavailable, ['staleSeconds'])
  return seconds('whenStateUnavailable.staleSeconds', whenUnavailable['staleSeconds'], 1, LONGEST_STALE_SECONDS)
}

function checkPropagation(options: unknown): Pick<CheckedMeshOptions, 'propagationMs' | 'maxHops'> {
  checkKeys('propagation', options, ['expiresInSeconds', 'maxHops'])
  return {
    propagationMs: seconds('propagation.expiresInSeconds', options['expiresInSeconds'] ?? 300, 1, 3600),
    maxHops: checkInteger('propagation.maxHops', options['maxHops'] ?? 4, 1, 10),
  }
}

function checkSession(options: unknown): Pick<CheckedMeshOptions, 'sessionMs' | 'maxSessions' | 'endsOldest' | 'maxFailures' | 'lockMs'> {
  checkKeys('session', options, ['expiresInSeconds', 'maxPerSubject', 'whenTooMany', 'maxFailures', 'lockSeconds'])
  return {
    sessionMs: seconds('session.expiresInSeconds', options['expiresInSeconds'] ?? 43_200, 60, 2_592_000),
    maxSessions: checkInteger('session.maxPerSubject', options['maxPerSubject'] ?? 5, 1, 100),
    endsOldest: checkChoice('session.whenTooMany', options['whenTooMany'] ?? 'refuse', ['refuse', 'end-oldest']) === 'end-oldest',
    maxFailures: checkInteger('session.maxFailures', options['maxFailures'] ?? 3, 1, 100),
    lockMs: seconds('session.lockSeconds', options['lockSeconds'] ?? 900, 1, 86_400),
  }
}

function checkRuntime(runtime: unknown): MeshRuntime {
  checkKeys('runtime', runtime, ['clock', 'fetch', 'randomBytes', 'random', 'sleep'])
  const given: Partial<MeshRuntime> = runtime
  if (given.clock !== undefined) checkMethods('runtime.clock', given.clock, ['nowMs'], 'an object with nowMs()')
  for (const name of ['fetch', 'randomBytes', 'random', 'sleep'] as const) {
    if (given[name] !== undefined && typeof given[name] !== 'function')
      throw new MisuseError('ERR_OPTION_INVALID', joinPath('runtime', name), `takes a function, not ${kindOf(given[name])}`)
  }
  return Object.freeze({ clock: { nowMs: Date.now }, fetch: globalThis.fetch, randomBytes, random: Math.random, sleep: sleepFor, ...given })
}

function checkMethods(option: string, value: unknown, names: readonly string[], takes: string): void {
  if (typeof value === 'object' && value !== null && names.every((name) => typeof Reflect.get(value, name) === 'function')) return
  throw new MisuseError('ERR_OPTION_INVALID', option, `takes ${takes}, not ${kindOf(value)}`)
}

function seconds(option: string, value: unknown, min: number, max: number): number {
  return 1000 * checkInteger(option, value, min, max)
}

function sleepFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end, { once: true })
    function end(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
  })
}
