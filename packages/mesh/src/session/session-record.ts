import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  parseJsonObject,
  type RevocableId,
  type RevocationList,
  type StateRecord,
} from '@countersign/core'
import { isAnyRevoked, ofCertificate } from '../handed-down.js'
import { periodId } from '../revocation-entry.js'
import { stateKey } from '../state-keys.js'

/**
 * How a session stands. `ACTIVE` alone counts. `LOCKED`: it failed too often, or was locked, and counts again after a while. `SUSPICIOUS`:
 * it was used from another device or place, and counts again once that was confirmed. The others are final.
 */
export type SessionStatus = 'ACTIVE' | 'EXPIRED' | 'REVOKED' | 'LOCKED' | 'SUSPICIOUS'

/** What the mesh remembers of a session. */
export interface SessionRecord {
  readonly id: string
  /** `EXPIRED` once somebody has seen that its time is over; before that its times say so. */
  readonly status: SessionStatus
  readonly subject: string
  readonly scopes: readonly string[]
  readonly claims: JsonObject
  readonly device: string | null
  readonly location: string | null
  readonly correlationId: string
  /** `x5t#S256` of the certificate that its user has shown; `null` without one. */
  readonly certificate: string | null
  /** How often it has stopped counting for a while: what was handed on before then does not count again. */
  readonly period: number
  /** SHA-256 of the secret part of its handle, base64url. */
  readonly secretHash: string
  readonly failures: number
  /** Epoch milliseconds, as all that follow. */
  readonly lockedUntilMs: number
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

const STATUSES: readonly SessionStatus[] = ['ACTIVE', 'EXPIRED', 'REVOKED', 'LOCKED', 'SUSPICIOUS']

export function sessionKey(id: string): string {
  return stateKey('session', id)
}

/** The record of which sessions a subject has. */
export function subjectKey(subject: string): string {
  return stateKey('subject', subject)
}

export function writeSessionRecord(record: SessionRecord): string {
  return JSON.stringify(record)
}

/** `null`: there is no such session any more, or its record cannot be understood. */
export function readSessionRecord(stored: StateRecord | null | undefined): SessionRecord | null {
  const value = stored === null || stored === undefined ? null : parseJsonObject(stored.value)
  if (value === null) return null
  const { id, subject, scopes, claims, device, location, correlationId, certificate, period, secretHash } = value
  const { failures, lockedUntilMs, createdAtMs, expiresAtMs } = value
  const status = STATUSES.find((one) => one === value['status'])
  if (
    status === undefined ||
    typeof id !== 'string' ||
    typeof subject !== 'string' ||
    !isTexts(scopes) ||
    !isJsonObject(claims) ||
    !isTextOrNull(device) ||
    !isTextOrNull(location) ||
    typeof correlationId !== 'string' ||
    !isTextOrNull(certificate) ||
    typeof period !== 'number' ||
    typeof secretHash !== 'string' ||
    typeof failures !== 'number' ||
    typeof lockedUntilMs !== 'number' ||
    typeof createdAtMs !== 'number' ||
    typeof expiresAtMs !== 'number'
  )
    return null
  return {
    id,
    status,
    subject,
    scopes,
    claims,
    device,
    location,
    correlationId,
    certificate,
    period,
    secretHash,
    failures,
    lockedUntilMs,
    createdAtMs,
    expiresAtMs,
  }
}

/** What all that hands a session on is revoked with. */
export function sessionIds(record: SessionRecord): readonly RevocableId[] {
  return [['session', record.id], periodId(record), ...ofCertificate(record.certificate)]
}

/** Is it known what was revoked since it began? A store that came back with an old copy of itself cannot tell. */
export function isJudgeable({ createdAtMs }: SessionRecord, { completeSinceMs = Number.NEGATIVE_INFINITY }: RevocationList): boolean {
  return createdAtMs >= completeSinceMs
}

/** How a session stands now: what was revoked ends it, time ends it, and time ends a lock. */
export function sessionStatusAt(record: SessionRecord, revocations: RevocationList, nowMs: number): SessionStatus {
  const { id, status, certificate, createdAtMs, expiresAtMs, lockedUntilMs } = record
  if (status === 'REVOKED' || status === 'EXPIRED') return status
  // Its record may not say so yet: the store was down, or the certificate was revoked and nobody has looked at the session since.
  if (isAnyRevoked(revocations, [['session', id], ...ofCertificate(certificate)], createdAtMs)) return 'REVOKED'
  if (!(nowMs < expiresAtMs)) return 'EXPIRED'
  const now = status === 'LOCKED' && nowMs >= lockedUntilMs ? 'ACTIVE' : status
  // A record of before that period ended: read a moment too early, or put back by whoever can write to the store.
  return now === 'ACTIVE' && isAnyRevoked(revocations, [periodId(record)], createdAtMs) ? 'LOCKED' : now
}

/** Sessions of one subject: ids and ends, in the order of their making. */
export function readSubjectRecord(stored: StateRecord | null | undefined): readonly (readonly [id: string, expiresAtMs: number])[] {
  const value = stored === null || stored === undefined ? null : parseJsonObject(stored.value)
  const list = value?.['sessions']
  if (list === undefined || !isJsonArray(list)) return []
  const sessions: (readonly [string, number])[] = []
  for (const entry of list) {
    if (!isJsonArray(entry)) continue
    const [id, expiresAtMs] = entry
    if (typeof id === 'string' && typeof expiresAtMs === 'number') sessions.push([id, expiresAtMs])
  }
  return sessions
}

export function writeSubjectRecord(sessions: readonly (readonly [id: string, expiresAtMs: number])[]): string {
  return JSON.stringify({ sessions })
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}
