import type { AuditOptions } from '@countersign/audit'
import type { Clock, Meter, Recorder, StateStore } from '@countersign/core'
import type { KeyRing, KeyRingOptions } from '@countersign/issuer'
import type { EventSink } from '@countersign/state'
import type { RetryPolicies } from './retry/retry-options.js'
import type { ServiceDirectory, ServiceEntry } from './service/service-directory.js'

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
  /** Like the lifetimes in `propagation` and `session` the same in every process: whatever is revoked is so for as long as the longest of them. */
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
