import { checkInteger, MisuseError } from '@countersign/core'
import { isAnyRevoked, ofCertificate } from '../handed-down.js'
import { MAX_ROUNDS, type MeshContext, refusalOfFault } from '../mesh-context.js'
import { rememberedUntil } from '../mesh-core.js'
import { hashSecret, isSecretOf, newHandle, readHandle, writeHandle } from '../opaque-handle.js'
import { type OperationRefusal, refuseOperation } from '../operation-refusal.js'
import { checkReason } from '../revocation-reason.js'
import { type CreatedSession, sessionFrom } from './session.js'
import { createSessionBook, ENDED } from './session-book.js'
import {
  isJudgeable,
  readSessionRecord,
  readSubjectRecord,
  type SessionRecord,
  type SessionStatus,
  sessionKey,
  sessionStatusAt,
  subjectKey,
  writeSubjectRecord,
} from './session-record.js'
import { checkSessionRequest } from './session-request.js'
import { checkUse, strangeness } from './session-use.js'
import type { Sessions, SessionUse, SessionValidation } from './sessions.js'

const MAX_LOCK_SECONDS = 86_400

/** Makes the sessions of a mesh. */
export function createSessions(context: MeshContext): Sessions {
  const { core, rules, retry, turns, figures, note } = context
  const { clock } = core.surroundings
  const book = createSessionBook(context)
  const { read, write, expire, revocationOf, tell } = book

  /** Runs an operation with its faults as refusals. */
  async function attempt<T>(work: () => Promise<T>): Promise<T | OperationRefusal> {
    try {
      return await retry.run(null, work)
    } catch (fault) {
      if (fault instanceof MisuseError) throw fault
      return refusalOfFault(fault)
    }
  }

  /** Changes a session that has not ended. What others do to it meanwhile is seen, and decided on anew. */
  function change(
    id: string,
    next: (record: SessionRecord, nowMs: number) => SessionRecord,
  ): Promise<SessionStatus | null | OperationRefusal> {
    if (typeof id !== 'string') throw new MisuseError('ERR_OPTION_INVALID', 'id', 'takes the id of a session')
    return attempt(async () => {
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const known = await read(id)
        if (known === null) return null
        const nowMs = clock.nowMs()
        const before = sessionStatusAt(known.record, core.revocations, nowMs)
        if (ENDED.has(before)) return before
        const current = { ...known.record, status: before, failures: before === known.record.status ? known.record.failures : 0 }
        const after = next(current, nowMs)
        if (!(await book.change(known, current, after, nowMs))) continue
        if (after.status !== before) tell(after)
        return after.status
      }
      return refuseOperation('ERR_STATE_CONFLICT')
    })
  }

  async function createOnce(request: ReturnType<typeof checkSessionRequest>): Promise<CreatedSession | OperationRefusal> {
    const key = subjectKey(request.subject)
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const [stored] = await core.store.read([key])
      const nowMs = clock.nowMs()
      const alive = await stillAlive(readSubjectRecord(stored), nowMs)
      if (isAnyRevoked(core.revocations, ofCertificate(request.certificate), nowMs))
        return refuseOperation('ERR_SESSION_ENDED', { status: 'REVOKED', reason: 'certificate' })
      const surplus = alive.length + 1 - rules.maxSessions
      if (surplus > 0 && !rules.endsOldest) return refuseOperation('ERR_SESSIONS_EXCEEDED', { sessions: alive.length })
      const ended = surplus > 0 ? alive.slice(0, surplus) : []
      const handle = newHandle(core)
      const record: SessionRecord = {
        ...request,
        id: handle.id,
        status: 'ACTIVE',
        correlationId: request.correlationId ?? context.newId(),
        period: 0,
        secretHash: hashSecret(handle.secret),
        failures: 0,
        lockedUntilMs: 0,
        createdAtMs: nowMs,
        expiresAtMs: nowMs + rules.sessionMs,
      }
      const left = alive.slice(ended.length).map(({ record: one }) => [one.id, one.expiresAtMs] as const)
      const isMade = await core.revocations.commit({
        expect: [[key, stored?.version ?? null], ...ended.map(({ record: one, version }) => [sessionKey(one.id), version] as const)],
        put: [
          write(record),
          {
            key,
            value: writeSubjectRecord([...left, [record.id, record.expiresAtMs]]),
            untilMs: rememberedUntil(core, record.expiresAtMs),
          },
          ...ended.map(({ record: one }) => write({ ...one, status: 'REVOKED' })),
        ],
        revoke: ended.map(({ record: one }) => revocationOf(one, ['session', one.id], nowMs, 'superseded')),
        emit: [
          ...context.events({ type: 'auth.session.created', sessionId: record.id, correlationId: record.correlationId, atMs: nowMs }),
          ...ended.flatMap(({ record: one }) =>
            context.events({ type: 'auth.session.revoked', sessionId: one.id, reason: 'superseded', atMs: nowMs }),
          ),
        ],
      })
      if (!isMade) continue
      for (const { record: one } of ended) tell({ ...one, status: 'REVOKED' })
      figures.sessionChanged('ACTIVE')
      note('session.created', 'info', 'A session has begun', { session: record.id, correlationId: record.correlationId })
      return Object.freeze({ ...sessionFrom(record, core.revocations, nowMs), handle: writeHandle(handle) })
    }
    return refuseOperation('ERR_STATE_CONFLICT')
  }

  async function stillAlive(ids: readonly (readonly [string, number])[], nowMs: number) {
    const alive: { readonly record: SessionRecord; readonly version: number }[] = []
    if (ids.length === 0) return alive
    const found = await core.store.read(ids.map(([id]) => sessionKey(id)))
    for (const stored of found) {
      const record = readSessionRecord(stored)
      if (record === null || stored === null) continue
      const status = sessionStatusAt(record, core.revocations, nowMs)
      if (!ENDED.has(status)) alive.push({ record, version: stored.version })
      else if (status === 'EXPIRED') await expire({ record, version: stored.version }, nowMs)
    }
    return alive
  }

  async function validateOnce(id: string, secret: string, use: SessionUse): Promise<SessionValidation> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const known = await read(id)
      // A wrong secret counts for nothing: an id is no secret, and whoever knows it must not be able to lock its owner out.
      if (known === null || !isSecretOf(known.record.secretHash, secret)) return { status: null, ...refuseOperation('ERR_SESSION_ENDED') }
      const { record } = known
      if (!isJudgeable(record, core.revocations))
        return { status: null, ...refuseOperation('ERR_STATE_UNAVAILABLE', { reason: 'rebuilding' }) }
      const nowMs = clock.nowMs()
      const status = sessionStatusAt(record, core.revocations, nowMs)
      if (status === 'EXPIRED') await expire(known, nowMs)
      if (status !== 'ACTIVE') return { status, ...refuseOperation('ERR_SESSION_ENDED', { status }) }
      const strange = strangeness(record, use)
      if (strange === null && record.status === 'ACTIVE') return { status, session: sessionFrom(record, core.revocations, nowMs) }
      const after: SessionRecord =
        strange === null ? { ...record, status, failures: 0, lockedUntilMs: 0 } : { ...record, status: 'SUSPICIOUS' }
      if (!(await book.change(known, { ...record, status }, after, nowMs))) continue
      tell(after)
      if (strange === null) return { status, session: sessionFrom(after, core.revocations, nowMs) }
      return { status: 'SUSPICIOUS', ...refuseOperation('ERR_SESSION_ENDED', { status: 'SUSPICIOUS', reason: strange }) }
    }
    return { status: null, ...refuseOperation('ERR_STATE_CONFLICT') }
  }

  return {
    async create(request) {
      const checked = checkSessionRequest(request)
      return attempt(() => turns(subjectKey(checked.subject), () => createOnce(checked)))
    },
    async validate(handle, use = {}) {
      checkUse('use', use)
      const read = readHandle(handle)
      if (read === null) return { status: null, ...refuseOperation('ERR_SESSION_ENDED') }
      const outcome = await attempt(() => validateOnce(read.id, read.secret, use))
      return 'status' in outcome ? outcome : { status: null, ...outcome }
    },
    fail: (id) =>
      change(id, (record, nowMs) => {
        const failures = record.failures + 1
        if (record.status !== 'ACTIVE' || failures < rules.maxFailures) return { ...record, failures }
        return { ...record, failures, status: 'LOCKED', lockedUntilMs: nowMs + rules.lockMs }
      }),
    lock(id, seconds = rules.lockMs / 1000) {
      checkInteger('seconds', seconds, 1, MAX_LOCK_SECONDS)
      return change(id, (record, nowMs) => ({ ...record, status: 'LOCKED', lockedUntilMs: nowMs + 1000 * seconds }))
    },
    confirm(id, use) {
      checkUse('use', use)
      return change(id, (record) => {
        if (record.status !== 'SUSPICIOUS') return record
        const { device = record.device, location = record.location } = use
        return { ...record, status: 'ACTIVE', failures: 0, device, location }
      })
    },
    revoke(id, options) {
      const reason = checkReason('options', options)
      return attempt(async () => {
        for (let round = 0; round < MAX_ROUNDS; round++) {
          const known = await read(id)
          if (known === null) return null
          const { record, version } = known
          const nowMs = clock.nowMs()
          if (record.status === 'REVOKED') return 'REVOKED' as const
          const revoked: SessionRecord = { ...record, status: 'REVOKED' }
          const isMade = await core.revocations.commit({
            expect: [[sessionKey(id), version]],
            put: [write(revoked)],
            revoke: [revocationOf(record, ['session', id], nowMs, reason)],
            emit: context.events({ type: 'auth.session.revoked', sessionId: id, reason, atMs: nowMs }),
          })
          if (!isMade) continue
          figures.revoked('session')
          tell(revoked)
          return 'REVOKED' as const
        }
        return refuseOperation('ERR_STATE_CONFLICT')
      })
    },
    get: (id) =>
      attempt(async () => {
        const known = await read(id)
        return known === null ? null : sessionFrom(known.record, core.revocations, clock.nowMs())
      }),
    list: (subject) =>
      attempt(async () => {
        const nowMs = clock.nowMs()
        const [stored] = await core.store.read([subjectKey(subject)])
        return (await stillAlive(readSubjectRecord(stored), nowMs)).map(({ record }) => sessionFrom(record, core.revocations, nowMs))
      }),
  }
}
