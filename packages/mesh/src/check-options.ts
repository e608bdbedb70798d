import { randomBytes } from 'node:crypto'
import type { AuditOptions } from '@countersign/audit'
import {
  checkChoice,
  checkInteger,
  checkKeys,
  checkText,
  joinPath,
  kindOf,
  type Meter,
  MisuseError,
  parseIssuerUrl,
  type Recorder,
  type StateStore,
} from '@countersign/core'
import type { EventSink } from '@countersign/state'
import type { AuthMeshOptions, MeshRuntime } from './options.js'
import { type CheckedRetryPolicies, checkRetryPolicies } from './retry/retry-options.js'
import { createServiceDirectory, type ServiceDirectory } from './service/service-directory.js'

/** {@link AuthMeshOptions}, checked and complete. Frozen. */
export interface CheckedMeshOptions {
  readonly issuer: string
  readonly services: ServiceDirectory
  readonly store: StateStore | null
  readonly keys: NonNullable<AuthMeshOptions['keys']>
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
  // RFC 8414 §2: https, without query and fragment.
  if (parseIssuerUrl(text)?.protocol === 'https:') return text
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
