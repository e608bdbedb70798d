import { isJsonObject, parseJson, type RevocationList, type StateRecord, type StateWrite } from '@countersign/core'
import { isAnyRevoked } from '../handed-down.js'
import { FOR_GOOD_MS, registrationId } from '../revocation-entry.js'
import { stateKey } from '../state-keys.js'
import type { ServiceStatus } from './service-status.js'

/** What the mesh remembers of a service: of its latest token, and of what was revoked. */
export interface ServiceRecord {
  readonly status: ServiceStatus
  /** `jti` of the latest token; `null` if it never got one. */
  readonly tokenId: string | null
  /** `x5t#S256` of the certificate that it proved itself with; `null` without one. */
  readonly certificate: string | null
  /** Of the key that signed the latest token. */
  readonly kid: string | null
  /** The latest `iat` of all its tokens. Epoch milliseconds. */
  readonly issuedAtMs: number
  /** `exp` of the latest token. Epoch milliseconds. */
  readonly expiresAtMs: number
  /** All its tokens that were issued before are revoked. Epoch milliseconds. */
  readonly revokedBeforeMs: number
  /** It is no service any more. */
  readonly deregistered: boolean
  /** How often it was registered again after that. */
  readonly registration: number
  readonly changedAtMs: number
}

/** A service that nothing is known of. */
export const UNKNOWN_SERVICE: ServiceRecord = Object.freeze({
  status: 'UNAUTHORIZED',
  tokenId: null,
  certificate: null,
  kid: null,
  issuedAtMs: 0,
  expiresAtMs: 0,
  revokedBeforeMs: 0,
  deregistered: false,
  registration: 0,
  changedAtMs: 0,
})

/** How long a record is kept beyond its last change: who looks at a status a week later should still be told what it was. */
const SERVICE_RECORD_MS = 30 * 86_400_000
const STATUSES: readonly ServiceStatus[] = ['AUTHENTICATED', 'UNAUTHORIZED', 'EXPIRED', 'REVOKED', 'INVALID']

/** How a record is kept. That of a service which was deregistered once must not run out: it would come back by itself. */
export function writeServiceRecord(service: string, record: ServiceRecord, nowMs: number): StateWrite {
  const lifetimeMs = record.deregistered || record.registration > 0 ? FOR_GOOD_MS : SERVICE_RECORD_MS
  return { key: stateKey('service', service), value: JSON.stringify(record), untilMs: nowMs + lifetimeMs }
}

/** Has this registration of the service ended? Never waits. */
export function isEnded(revocations: RevocationList, service: string, registration: number): boolean {
  return isAnyRevoked(revocations, [registrationId(service, registration)], Number.MAX_SAFE_INTEGER)
}

/**
 * Reads the record of a service. One that cannot be understood says that the service is `INVALID`: it must prove itself anew. What it says of
 * being deregistered is not the last word: records run out and are lost, what was revoked is not.
 */
export function readServiceRecord(service: string, stored: StateRecord | null | undefined, revocations: RevocationList): ServiceRecord {
  const record = parseRecord(stored)
  return record.deregistered || !isEnded(revocations, service, record.registration) ? record : { ...record, deregistered: true }
}

function parseRecord(stored: StateRecord | null | undefined): ServiceRecord {
  if (stored === null || stored === undefined) return UNKNOWN_SERVICE
  const value = parseJson(stored.value)
  if (!isJsonObject(value)) return { ...UNKNOWN_SERVICE, status: 'INVALID' }
  const { tokenId, certificate, kid, issuedAtMs, expiresAtMs, revokedBeforeMs, deregistered, registration, changedAtMs } = value
  const status = STATUSES.find((one) => one === value['status'])
  if (
    status === undefined ||
    !isTextOrNull(tokenId) ||
    !isTextOrNull(certificate) ||
    !isTextOrNull(kid) ||
    typeof issuedAtMs !== 'number' ||
    typeof expiresAtMs !== 'number' ||
    typeof revokedBeforeMs !== 'number' ||
    typeof deregistered !== 'boolean' ||
    typeof registration !== 'number' ||
    typeof changedAtMs !== 'number'
  )
    return { ...UNKNOWN_SERVICE, status: 'INVALID' }
  return { status, tokenId, certificate, kid, issuedAtMs, expiresAtMs, revokedBeforeMs, deregistered, registration, changedAtMs }
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}
