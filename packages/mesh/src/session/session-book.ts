import type { RevocableId, RevocationEntry, StateWrite } from '@countersign/core'
import type { MeshContext } from '../mesh-context.js'
import { rememberedUntil } from '../mesh-core.js'
import { periodId, revocationEntry } from '../revocation-entry.js'
import type { RevocationReason } from '../revocation-reason.js'
import { readSessionRecord, type SessionRecord, type SessionStatus, sessionKey, writeSessionRecord } from './session-record.js'
import { SESSION_MESSAGES } from './session-use.js'

/** A session as it was read. */
export interface KnownSession {
  readonly record: SessionRecord
  readonly version: number
}

/** Reads and writes sessions, and tells what became of them. Rejects with a {@link StateError}. */
export interface SessionBook {
  /** `null`: there is none. */
  read(id: string): Promise<KnownSession | null>
  write(record: SessionRecord): StateWrite
  /**
   * Writes a session that has changed. One that stops counting takes along what was handed on so far.
   * @returns `false`: somebody else has changed it meanwhile.
   */
  change(known: { readonly version: number }, before: SessionRecord, after: SessionRecord, nowMs: number): Promise<boolean>
  /** Its time is over: told once, by whoever sees it first. */
  expire(known: KnownSession, nowMs: number): Promise<void>
  /** The revocation of a session or of one of its periods, by its id. */
  revocationOf(record: SessionRecord, id: RevocableId, nowMs: number, reason: RevocationReason): RevocationEntry
  /** Figures and log of a session that has come to a status. */
  tell(record: SessionRecord): void
}

/** What a session does not come back from. */
export const ENDED: ReadonlySet<SessionStatus> = new Set(['EXPIRED', 'REVOKED'])

export function createSessionBook(context: MeshContext): SessionBook {
  const { core, figures, note } = context

  function write(record: SessionRecord): StateWrite {
    return { key: sessionKey(record.id), value: writeSessionRecord(record), untilMs: rememberedUntil(core, record.expiresAtMs) }
  }

  async function read(id: string): Promise<KnownSession | null> {
    const [stored] = await core.store.read([sessionKey(id)])
    const record = readSessionRecord(stored)
    return record === null || stored === null || stored === undefined ? null : { record, version: stored.version }
  }

  function change({ version }: { readonly version: number }, before: SessionRecord, after: SessionRecord, nowMs: number): Promise<boolean> {
    const isPaused = before.status === 'ACTIVE' && after.status !== 'ACTIVE'
    return core.revocations.commit({
      expect: [[sessionKey(after.id), version]],
      put: [write(isPaused ? { ...after, period: before.period + 1 } : after)],
      revoke: isPaused ? [revocationOf(before, periodId(before), nowMs, 'suspicious-activity')] : [],
    })
  }

  function tell({ id, status, correlationId }: SessionRecord): void {
    figures.sessionChanged(status)
    const severity = status === 'ACTIVE' ? 'info' : 'warn'
    note(ENDED.has(status) ? 'session.ended' : 'session.changed', severity, SESSION_MESSAGES[status], {
      session: id,
      status,
      correlationId,
    })
  }

  async function expire({ record, version }: KnownSession, nowMs: number): Promise<void> {
    if (record.status === 'EXPIRED') return
    const expired: SessionRecord = { ...record, status: 'EXPIRED' }
    const isFirst = await core.revocations.commit({
      expect: [[sessionKey(record.id), version]],
      put: [write(expired)],
      emit: context.events({ type: 'auth.session.expired', sessionId: record.id, atMs: nowMs }),
    })
    if (isFirst) tell(expired)
  }

  function revocationOf({ expiresAtMs }: SessionRecord, id: RevocableId, nowMs: number, reason: RevocationReason): RevocationEntry {
    return revocationEntry(core, id, { nowMs, reason, endMs: expiresAtMs })
  }

  return { read, write, change, expire, revocationOf, tell }
}
