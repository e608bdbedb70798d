import {
  type Code,
  checkKeys,
  checkText,
  type Identity,
  isRefusal,
  joinRevokedWith,
  MisuseError,
  type Peer,
  type Principal,
  type PropagatedSession,
  type Refusal,
  type RevocableId,
  refuse,
  type Token,
  type TokenVerifier,
} from '@countersign/core'
import { createTokenVerifier } from '@countersign/token'
import type { DriftWatch } from '../drift.js'
import { handedDown, isAnyRevoked, ofCertificate } from '../handed-down.js'
import type { MeshContext } from '../mesh-context.js'
import { readToken } from '../read-token.js'
import { stateKey } from '../state-keys.js'
import type { AcceptedSessions } from './accepted-sessions.js'
import { isJudgeable, readSessionRecord, sessionIds, sessionKey, sessionStatusAt } from './session-record.js'
import { readSessionClaims, SESSION_TOKEN_TYPE, type SessionClaims } from './session-token.js'

export interface AcceptanceRequest {
  /** Id of the service that accepts it: our own. */
  readonly service: string
  /** Who has called, verified: `guard.principal(request)`, or its `peer`. */
  readonly caller: Principal | Peer
}

export interface SessionAcceptor {
  /** Never rejects, but for a wrong request. */
  accept(token: string, request: AcceptanceRequest): Promise<PropagatedSession | Refusal>
  close(): Promise<void>
}

/** Longer than any that is made here: it is not looked at. */
const MAX_BYTES = 8192
const NO_SESSION = invalid('it does not say whose session it hands on')
const REPLAYED = Object.freeze(refuse('ERR_SESSION_REPLAYED'))
const SENDER = Object.freeze(refuse('ERR_SESSION_SENDER'))
const ENDED = Object.freeze(refuse('ERR_SESSION_ENDED'))
const FULL = Object.freeze(refuse('ERR_SESSION_UNAVAILABLE', Object.freeze({ reason: 'full' })))

const OUTDATED = Object.freeze(refuse('ERR_SESSION_UNAVAILABLE', Object.freeze({ reason: 'the list does not go back to when it began' })))

/** What a refusal of the token says of the session; every other one, that it hands on none. */
const SESSION_CODES: Partial<Record<Code, Code>> = {
  ERR_TOKEN_EXPIRED: 'ERR_SESSION_EXPIRED',
  ERR_TOKEN_AUDIENCE: 'ERR_SESSION_AUDIENCE',
  ERR_TOKEN_REVOKED: 'ERR_SESSION_ENDED',
  ERR_TOKEN_REVOCATION_UNKNOWN: 'ERR_SESSION_UNAVAILABLE',
  ERR_KEYS_UNAVAILABLE: 'ERR_SESSION_UNAVAILABLE',
  ERR_GUARD_FAULT: 'ERR_SESSION_UNAVAILABLE',
}

/**
 * Makes the acceptance of sessions that are handed on. What costs nothing comes first, then the signature, then the store: is the session
 * still alive? That the token was not used before is claimed last of all, so that nothing else can use it up.
 */
export function createSessionAcceptor(context: MeshContext, accepted: AcceptedSessions, drift: DriftWatch): SessionAcceptor {
  const { core, rules, figures, note } = context
  const { clock } = core.surroundings
  // One for each service that accepts here: no more than there are.
  const verifiers = new Map<string, TokenVerifier>()

  function verifierFor(service: string): TokenVerifier {
    const known = verifiers.get(service)
    if (known !== undefined) return known
    if (rules.services.get(service) === undefined)
      throw new MisuseError('ERR_OPTION_INVALID', 'service', 'takes the id of a service of this mesh')
    const made = createTokenVerifier(
      {
        issuer: core.issuer,
        audience: service,
        keys: core.directory,
        algorithms: [core.keys.algorithm],
        type: SESSION_TOKEN_TYPE,
        requiredClaims: ['iat', 'sid', 'act', 'txn'],
        binding: 'if-bound',
        maxBytes: MAX_BYTES,
        // What lets somebody in for another is never judged by what was known before.
        revocation: { list: core.revocations },
        clockSkewSeconds: core.skewMs / 1000,
      },
      core.surroundings,
    )
    verifiers.set(service, made)
    return made
  }

  async function judge(text: string, { service, caller }: AcceptanceRequest): Promise<PropagatedSession | Refusal> {
    const verifier = verifierFor(service)
    const token = await readToken(verifier, text)
    drift.see(token)
    if (isRefusal(token)) return asSessionRefusal(token)
    const said = readSessionClaims(token)
    if (said === null || token.id === null) return NO_SESSION
    if (said.actors.length > rules.maxHops) return refuse('ERR_SESSION_HOPS', { hops: said.actors.length, maxHops: rules.maxHops })
    if (!isSender(caller, said.actors[0], token)) return SENDER
    const issuedAtMs = token.issuedAtMs ?? Number.NEGATIVE_INFINITY
    if (core.revocations.has('session', said.sessionId, issuedAtMs)) return ENDED
    if (said.actors.some((actor) => core.revocations.has('service', actor, issuedAtMs))) return ENDED
    const shown = ofCertificate(peerOf(caller)?.certificate?.['x5t#S256'])
    if (isAnyRevoked(core.revocations, shown, issuedAtMs)) return ENDED
    return claim(token, said, service, [...handedDown(token, text, core.issuer), ...shown])
  }

  async function claim(
    token: Token,
    { sessionId, actors }: SessionClaims,
    service: string,
    handed: readonly RevocableId[],
  ): Promise<PropagatedSession | Refusal> {
    const [stored] = await core.store.read([sessionKey(sessionId)])
    const record = readSessionRecord(stored)
    if (record !== null && !isJudgeable(record, core.revocations)) return OUTDATED
    const nowMs = clock.nowMs()
    const status = record === null ? null : sessionStatusAt(record, core.revocations, nowMs)
    if (record === null || status !== 'ACTIVE' || record.subject !== token.subject) return refuse('ERR_SESSION_ENDED', { status })
    const { id: tokenId } = token
    const revokedWith = joinRevokedWith(sessionIds(record), handed)
    if (tokenId === null || revokedWith === null) return NO_SESSION
    // RFC 7519 §4.1.7: what is used once is remembered until nobody would accept it any more. Not asked twice: the first time may have counted.
    const claimed = await core.store.claim(stateKey('propagation', tokenId), token.expiresAtMs + core.marginMs)
    if (claimed !== 'first') return claimed === 'again' ? REPLAYED : FULL
    const session: PropagatedSession = Object.freeze({
      id: record.id,
      subject: record.subject,
      actors,
      // What it may do was fixed when it began: a record that was narrowed since counts too.
      scopes: new Set([...token.scopes].filter((scope) => record.scopes.includes(scope))),
      claims: record.claims,
      correlationId: record.correlationId,
      expiresAtMs: record.expiresAtMs,
    })
    accepted.add(session, { service, tokenId, revokedWith, issuedAtMs: token.issuedAtMs ?? nowMs })
    return session
  }

  function isSender(caller: Principal | Peer, actor: string, { boundTo }: Token): boolean {
    const peer = peerOf(caller)
    if (boundTo !== null && peer?.certificate?.['x5t#S256'] !== boundTo) return false
    if (peer !== null) return isService(peer.identity, actor)
    const identity = 'provenance' in caller ? caller.identity : caller.caller
    return !rules.isMtlsRequired && identity !== null && isService(identity, actor)
  }

  /** The subject of a token is a service only where this mesh says so. */
  function isService({ kind, authority, value }: Identity, actor: string): boolean {
    if (value !== actor) return false
    return kind === 'spiffe' || kind === 'dns' || kind === 'uri' || (kind === 'subject' && authority === core.issuer)
  }

  return {
    async accept(text, request) {
      const startMs = performance.now()
      checkRequest(text, request)
      let outcome: PropagatedSession | Refusal
      try {
        outcome = await judge(text, request)
      } catch (fault) {
        if (fault instanceof MisuseError) throw fault
        outcome = refuse('ERR_SESSION_UNAVAILABLE', undefined, fault)
      }
      figures.took('accept', startMs)
      const { service } = request
      if (isRefusal(outcome)) {
        figures.notAccepted(outcome.code)
        note('session.refused', 'warn', 'A session was not accepted', { ...outcome.facts, service }, outcome.code, outcome.cause)
        return outcome
      }
      figures.accepted()
      const { id, actors, correlationId } = outcome
      note('session.accepted', 'info', 'A session was accepted', {
        service,
        session: id,
        actors,
        correlationId,
        tokenId: accepted.of(outcome)?.tokenId ?? null,
      })
      return outcome
    },
    async close() {
      for (const verifier of verifiers.values()) await verifier.close()
    },
  }
}

function peerOf(caller: Principal | Peer): Peer | null {
  return 'provenance' in caller ? caller : caller.peer
}

function asSessionRefusal({ code, facts, cause }: Refusal): Refusal {
  const own = SESSION_CODES[code]
  return own === undefined ? refuse('ERR_SESSION_INVALID', { ...facts, token: code }, cause) : refuse(own, facts, cause)
}

function invalid(reason: string): Refusal {
  return Object.freeze(refuse('ERR_SESSION_INVALID', Object.freeze({ reason })))
}

function checkRequest(text: unknown, request: AcceptanceRequest): void {
  if (typeof text !== 'string') throw new MisuseError('ERR_OPTION_INVALID', 'token', 'takes the token as text')
  const given: unknown = request
  checkKeys('request', given, ['service', 'caller'])
  checkText('request.service', request.service)
  if (typeof given['caller'] !== 'object' || given['caller'] === null)
    throw new MisuseError('ERR_OPTION_MISSING', 'request.caller', 'is who has called: guard.principal(request), or its peer')
}
