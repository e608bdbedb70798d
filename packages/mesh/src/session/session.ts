import type { RevocationList } from '@countersign/core'
import type { SessionRecord, SessionStatus } from './session-record.js'
import { sessionStatusAt } from './session-record.js'

/** A session of a subject, as the mesh shows it. Frozen. Its id is no secret: logs, tokens and events hold it, and it lets nobody in. */
export interface Session {
  readonly id: string
  readonly status: SessionStatus
  readonly subject: string
  readonly scopes: ReadonlySet<string>
  readonly claims: Readonly<Record<string, unknown>>
  readonly device: string | null
  readonly location: string | null
  /** One id for all that is done in it, in every service's log. */
  readonly correlationId: string
  readonly failures: number
  /** Epoch milliseconds; `null` unless it is locked. */
  readonly lockedUntilMs: number | null
  /** Epoch milliseconds. */
  readonly createdAtMs: number
  /** Epoch milliseconds. */
  readonly expiresAtMs: number
}

/** A session that was just made. */
export interface CreatedSession extends Session {
  /** What its user shows to use it, such as in a cookie: a secret, which the mesh keeps by its hash alone and shows this once. */
  readonly handle: string
}

export function sessionFrom(record: SessionRecord, revocations: RevocationList, nowMs: number): Session {
  const { id, subject, scopes, claims, device, location, correlationId, failures, lockedUntilMs, createdAtMs, expiresAtMs } = record
  const status = sessionStatusAt(record, revocations, nowMs)
  return Object.freeze({
    id,
    status,
    subject,
    scopes: new Set(scopes),
    claims,
    device,
    location,
    correlationId,
    failures,
    lockedUntilMs: status === 'LOCKED' ? lockedUntilMs : null,
    createdAtMs,
    expiresAtMs,
  })
}
