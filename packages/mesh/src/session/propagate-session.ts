import {
  checkKeys,
  checkText,
  joinRevokedWith,
  MisuseError,
  type PropagatedSession,
  REVOKED_WITH_CLAIM,
  type RevocableId,
  revokedWithClaim,
  SESSION_FIELD,
  type StateRecord,
} from '@countersign/core'
import { hasCurrentList } from '../current-list.js'
import { MAX_ROUNDS, type MeshContext, refusalOfFault } from '../mesh-context.js'
import { isOperationRefusal, type OperationRefusal, refuseOperation } from '../operation-refusal.js'
import { checkScopes, type ServiceEntry } from '../service/service-directory.js'
import { readServiceRecord } from '../service/service-record.js'
import { serviceStatusAt } from '../service/service-status-at.js'
import { stateKey } from '../state-keys.js'
import { type AcceptedSessions, isAcceptanceRevoked } from './accepted-sessions.js'
import { isJudgeable, readSessionRecord, type SessionRecord, sessionIds, sessionKey, sessionStatusAt } from './session-record.js'
import { checkThumbprint } from './session-request.js'
import { actClaim, SESSION_TOKEN_TYPE } from './session-token.js'

/** A session that one service hands on to another. */
export interface PropagationRequest {
  /** Where the session began: its id. Anywhere else: `principal.session`, as it was accepted there. */
  readonly session: string | PropagatedSession
  /** Id of the service that hands it on: our own. */
  readonly from: string
  /** Id of the service that is called: no other one will accept it. */
  readonly to: string
  /** Part of the session's scopes, never more. Default: all of them. */
  readonly scopes?: readonly string[]
  /** `x5t#S256` of the certificate that `from` calls with: it is accepted over a connection with this certificate alone. Default `null`. */
  readonly boundTo?: string | null
}

/** What a caller sends along to hand the session on, once: each request takes another. */
export interface HandedSession {
  readonly refused?: never
  /** For the field of an HTTP request, the metadata of a gRPC call, or a message: a secret until it is used. */
  readonly token: string
  /** `{ 'Propagated-Session': token }` */
  readonly headers: Readonly<Record<string, string>>
  /** `jti` */
  readonly tokenId: string
  readonly sessionId: string
  readonly correlationId: string
  /** Epoch milliseconds. */
  readonly expiresAtMs: number
}

const KEYS = ['session', 'from', 'to', 'scopes', 'boundTo']
const FIELD = SESSION_FIELD.replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())

/** Makes the operation: a live session, two services that may speak, then one token and one event, or neither. */
export function createSessionPropagation(
  context: MeshContext,
  accepted: AcceptedSessions,
): (request: PropagationRequest) => Promise<HandedSession | OperationRefusal> {
  const { core, rules, retry, figures, note } = context
  const { clock } = core.surroundings

  function permit({ from, to }: PropagationRequest): OperationRefusal | null {
    const source: ServiceEntry | undefined = rules.services.get(from)
    if (source === undefined) return refuseOperation('ERR_SERVICE_UNKNOWN')
    if (rules.services.get(to) === undefined) return refuseOperation('ERR_TARGET_UNKNOWN')
    return source.mayCall.includes(to) ? null : refuseOperation('ERR_TARGET_FORBIDDEN')
  }

  /** How it came here: over whom, and how much of it. */
  function origin({ session, from }: PropagationRequest): OperationRefusal | Origin {
    if (typeof session === 'string') return { id: session, actors: [from], scopes: null, inherited: [] }
    const acceptance = accepted.of(session)
    if (acceptance?.service !== from)
      throw new MisuseError(
        'ERR_OPTION_INVALID',
        'request.session',
        'takes the id of a session, or one that `from` has accepted in this process',
      )
    const actors = [from, ...session.actors]
    if (actors.length > rules.maxHops) return refuseOperation('ERR_SESSION_HOPS', { hops: actors.length, maxHops: rules.maxHops })
    return { id: session.id, actors, scopes: session.scopes, inherited: acceptance.revokedWith }
  }

  async function hand(request: PropagationRequest, { id, actors, scopes, inherited }: Origin): Promise<HandedSession | OperationRefusal> {
    const { from, to } = request
    const keys = [sessionKey(id), stateKey('service', from), stateKey('service', to)]
    for (let round = 0; round < MAX_ROUNDS; round++) {
      if (!(await hasCurrentList(core))) return refuseOperation('ERR_STATE_UNAVAILABLE', { reason: 'lease' })
      const found = await core.store.read(keys)
      const nowMs = clock.nowMs()
      const record = readSessionRecord(found[0])
      const refusal = judgeOrigin(request) ?? judgeSession(record, nowMs) ?? judgeServices(request, found, nowMs)
      if (refusal !== null || record === null) return refusal ?? refuseOperation('ERR_SESSION_ENDED')
      const held = scopes ?? new Set(record.scopes)
      const asked = request.scopes ?? [...held]
      if (!asked.every((scope) => held.has(scope))) return refuseOperation('ERR_SCOPE_EXCEEDED')
      const iat = Math.floor(nowMs / 1000)
      const exp = Math.floor(Math.min(iat * 1000 + rules.propagationMs, record.expiresAtMs) / 1000)
      const revokedWith = joinRevokedWith(sessionIds(record), inherited)
      if (revokedWith === null) return refuseOperation('ERR_SESSION_HOPS', { hops: actors.length, maxHops: rules.maxHops })
      const tokenId = context.newId()
      const { compact } = await context.sign(SESSION_TOKEN_TYPE, {
        iss: core.issuer,
        sub: record.subject,
        aud: to,
        sid: record.id,
        txn: record.correlationId,
        act: actClaim(actors),
        [REVOKED_WITH_CLAIM]: revokedWithClaim(revokedWith),
        ...(asked.length === 0 ? {} : { scope: asked.join(' ') }),
        ...(request.boundTo === undefined || request.boundTo === null ? {} : { cnf: { 'x5t#S256': request.boundTo } }),
        iat,
        nbf: iat,
        exp,
        jti: tokenId,
      })
      // Nothing changes but what others are told; that nothing changed meanwhile is what the commit is for.
      const { correlationId } = record
      const told = { type: 'auth.session.propagated', service: from, target: to, tokenId, sessionId: record.id, correlationId } as const
      const isUnchanged = await core.revocations.commit({
        expect: keys.map((key, at) => [key, found[at]?.version ?? null] as const),
        emit: context.events({ ...told, atMs: nowMs }),
      })
      if (!isUnchanged) continue
      return Object.freeze<HandedSession>({
        token: compact,
        headers: Object.freeze({ [FIELD]: compact }),
        tokenId,
        sessionId: record.id,
        correlationId,
        expiresAtMs: exp * 1000,
      })
    }
    return refuseOperation('ERR_STATE_CONFLICT')
  }

  /** What was accepted is handed on only while it would be accepted still: the next token is new, and would outlive a revocation of before. */
  function judgeOrigin({ session }: PropagationRequest): OperationRefusal | null {
    const acceptance = typeof session === 'string' ? undefined : accepted.of(session)
    if (typeof session === 'string' || acceptance === undefined) return null
    const { revocations } = core
    if (!(acceptance.issuedAtMs >= revocations.completeSinceMs)) return refuseOperation('ERR_STATE_UNAVAILABLE', { reason: 'rebuilding' })
    return isAcceptanceRevoked(session, acceptance, revocations) ? refuseOperation('ERR_SESSION_ENDED', { status: 'REVOKED' }) : null
  }

  function judgeSession(record: SessionRecord | null, nowMs: number): OperationRefusal | null {
    if (record === null) return refuseOperation('ERR_SESSION_ENDED')
    if (!isJudgeable(record, core.revocations)) return refuseOperation('ERR_STATE_UNAVAILABLE', { reason: 'rebuilding' })
    const status = sessionStatusAt(record, core.revocations, nowMs)
    return status === 'ACTIVE' ? null : refuseOperation('ERR_SESSION_ENDED', { status })
  }

  function judgeServices({ from, to }: PropagationRequest, found: readonly (StateRecord | null)[], nowMs: number): OperationRefusal | null {
    const source = serviceStatusAt(readServiceRecord(from, found[1], core.revocations), core, nowMs)
    if (source === 'REVOKED' || source === 'INVALID') return refuseOperation('ERR_SERVICE_REVOKED', { status: source })
    const target = serviceStatusAt(readServiceRecord(to, found[2], core.revocations), core, nowMs)
    return target === 'AUTHENTICATED' ? null : refuseOperation('ERR_TARGET_UNAUTHENTICATED', { status: target })
  }

  return async function propagateSession(request) {
    const startMs = performance.now()
    checkRequest(request)
    let outcome: HandedSession | OperationRefusal
    try {
      const from = permit(request) ?? origin(request)
      outcome = isOperationRefusal(from) ? from : await retry.run(request.from, () => hand(request, from))
    } catch (fault) {
      if (fault instanceof MisuseError) throw fault
      outcome = refusalOfFault(fault)
    }
    figures.took('propagate', startMs)
    if (isOperationRefusal(outcome)) {
      figures.notPropagated(outcome.code)
      note('session.refused', 'warn', 'A session was not handed on', { ...outcome.facts }, outcome.code, outcome.cause)
      return outcome
    }
    figures.propagated()
    const { tokenId, sessionId: session, correlationId } = outcome
    note('session.propagated', 'info', 'A session was handed on', { from: request.from, to: request.to, tokenId, session, correlationId })
    return outcome
  }
}

interface Origin {
  readonly id: string
  readonly actors: readonly string[]
  /** `null`: those of the session. */
  readonly scopes: ReadonlySet<string> | null
  /** What it was accepted by is revoked with. */
  readonly inherited: readonly RevocableId[]
}

function checkRequest(request: PropagationRequest): void {
  const given: unknown = request
  checkKeys('request', given, KEYS)
  const { session } = request
  if (typeof session !== 'string' && (typeof session !== 'object' || session === null))
    throw new MisuseError('ERR_OPTION_INVALID', 'request.session', 'takes the id of a session, or principal.session')
  checkText('request.from', request.from)
  checkText('request.to', request.to)
  if (request.scopes !== undefined) checkScopes('request.scopes', request.scopes)
  checkThumbprint('request.boundTo', request.boundTo ?? null)
}
