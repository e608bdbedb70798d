import type {
  ApiKey,
  Code,
  Decision,
  Denial,
  Finding,
  Grant,
  Headers,
  Inbound,
  Peer,
  Principal,
  Quotas,
  Refusal,
  SessionVerifier,
  Token,
} from '@countersign/core'
import { catalogueEntry, isRefusal, refuse } from '@countersign/core'
import { judgeGrant } from './judge-grant.js'
import type { PipelineParts } from './pipeline-parts.js'
import { ANONYMOUS, createPrincipalMaker, withSession } from './principal-from.js'
import { type EvidenceNeed, missingPeerCode } from './requirement.js'
import { checkAuthority } from './target.js'
import { verifyEvidence } from './verify-evidence.js'

/** Decides requests, and judges grants again. */
export interface Pipeline {
  decide(inbound: Inbound): Decision | Promise<Decision>
  judge(grant: Grant): Denial | null
  close(): void
}

/**
 * What honest callers bring too: when a token, a key or a session runs out or is revoked, or a key is rotated, which takes no cryptography once
 * it is known, and when a nonce is new, which takes a proof that is good otherwise. It uses up no budget: whoever gets another token must not
 * be locked out with it.
 */
const HONEST: ReadonlySet<Code> = new Set([
  'ERR_TOKEN_EXPIRED',
  'ERR_TOKEN_REVOKED',
  'ERR_TOKEN_KEY_UNKNOWN',
  'ERR_PROOF_NONCE',
  'ERR_API_KEY_EXPIRED',
  'ERR_API_KEY_REVOKED',
  'ERR_API_KEY_LOCKED',
  'ERR_SESSION_EXPIRED',
  'ERR_SESSION_ENDED',
])

const NO_HEADERS: Headers = Object.freeze({})
const BODY_PARSER_FACTS = Object.freeze({ fix: 'put countersign(guard) in front of whatever reads the body, such as express.json()' })

/** The way of one request, whole. One direction, no step called twice. */
export function createPipeline(parts: PipelineParts): Pipeline {
  const {
    peers,
    tokens,
    apiKeys,
    sessions,
    authorizer,
    limiter,
    admission,
    pathOf,
    needOf,
    asServerName,
    denialFrom,
    ignoredFields,
    witness,
  } = parts
  const principalFrom = createPrincipalMaker()
  const mayBeProxied = (peers?.forwardedFields ?? []).length > 0
  let closed = false

  function decide(inbound: Inbound): Decision | Promise<Decision> {
    try {
      return examine(inbound)
    } catch (fault) {
      return deny(refuse('ERR_GUARD_FAULT', undefined, fault), inbound, null)
    }
  }

  function examine(inbound: Inbound): Decision | Promise<Decision> {
    if (closed) return deny(refuse('ERR_GUARD_CLOSED'), inbound, null)
    if (inbound.bodyRead) return deny(refuse('ERR_GUARD_BEHIND_BODY_PARSER', BODY_PARSER_FACTS), inbound, null)
    const path = pathOf(inbound)
    if (typeof path !== 'string') return deny(path, inbound, null)
    const misdirected = checkAuthority(inbound, asServerName, mayBeProxied)
    if (misdirected !== null) return deny(misdirected, inbound, null)
    const need = needOf(inbound.method, path)
    if (!need.reads) {
      const meddled = peers?.locate?.(inbound) ?? null
      return meddled === null ? takeQuota(ANONYMOUS, inbound, path, need) : deny(meddled, inbound, null)
    }
    const peer = peers === null ? null : peers.recall(inbound)
    // Looked at once the peer is known: what is recalled now may have ended by then.
    const token = isRefusal(peer) ? null : peer === undefined ? undefined : recallToken(inbound)
    // Whose failures an attempt with a key counts among is known only once the peer is.
    const apiKey =
      apiKeys === null || isRefusal(peer) || isRefusal(token) ? null : peer === undefined ? undefined : apiKeys.recall(inbound, peer)
    if (peer === undefined || token === undefined || apiKey === undefined)
      return examineCold(inbound, path, need, peer, token).catch((fault: unknown) =>
        deny(refuse('ERR_GUARD_FAULT', undefined, fault), inbound, null),
      )
    return judgeEvidence(inbound, path, need, peer, token, apiKey)
  }

  function recallToken(inbound: Inbound): Finding<Token> | undefined {
    if (tokens === null) return null
    // One `Authorization` holds one credential: what is a key is no token with a wrong scheme. A token in a field of its own is one all the same.
    const isKey = (apiKeys?.takesAuthorization(inbound) ?? false) && !(tokens.takesOwnField?.(inbound) ?? false)
    return isKey ? null : tokens.recall(inbound)
  }

  async function examineCold(
    inbound: Inbound,
    path: string,
    need: EvidenceNeed,
    recalledPeer: Finding<Peer> | undefined,
    recalledToken: Finding<Token> | undefined,
  ): Promise<Decision> {
    return verifyEvidence<Decision | Promise<Decision>>(parts, enter, recallToken, inbound, recalledPeer, recalledToken, {
      found: (peer, token, apiKey) => judgeEvidence(inbound, path, need, peer, token, apiKey),
      refused: (refusal, caller) => deny(refusal, inbound, caller),
    })
  }

  function enter(inbound: Inbound, peer: Peer | null): Refusal | (() => void) | Promise<Refusal | (() => void)> {
    return admission === null ? () => {} : admission.enter(inbound, peer, isForwarded(inbound))
  }

  function judgeEvidence(
    inbound: Inbound,
    path: string,
    need: EvidenceNeed,
    peer: Finding<Peer>,
    token: Finding<Token>,
    apiKey: Finding<ApiKey>,
  ): Decision | Promise<Decision> {
    // Bad evidence is final: it never falls through to weaker evidence, nor to none.
    if (isRefusal(peer)) return denyEvidence(peer, inbound, null)
    if (isRefusal(token)) return denyEvidence(token, inbound, peer)
    if (apiKey !== null && isRefusal(apiKey)) return denyEvidence(apiKey, inbound, peer)
    const missing = need.missing(peer, token, apiKey, () => missingPeerCode(inbound.connection, isForwarded(inbound)))
    if (missing !== null) return deny(missing, inbound, peer)
    if (token !== null && tokens !== null) {
      const unbound = tokens.bind(token, peer)
      if (unbound !== null) return denyEvidence(unbound, inbound, peer)
    }
    if (apiKey !== null && apiKeys !== null) {
      const foreign = apiKeys.bind(apiKey, peer, token)
      if (foreign !== null) return denyEvidence(foreign, inbound, peer)
    }
    return takeQuota(principalFrom(peer, token, apiKey, inbound), inbound, path, need)
  }

  function denyEvidence(refusal: Refusal, inbound: Inbound, caller: Peer | Principal | null, headers?: Headers): Denial {
    if (admission === null || catalogueEntry(refusal.code).status === 503 || HONEST.has(refusal.code))
      return deny(refusal, inbound, caller, headers)
    const forwarded = isForwarded(inbound)
    const peer = peerOf(caller)
    const flooded = admission.admit(inbound, peer, forwarded)
    if (flooded !== null) return deny(flooded, inbound, caller, headers)
    admission.charge(inbound, peer, forwarded)
    return deny(refusal, inbound, caller, headers)
  }

  function takeQuota(principal: Principal, inbound: Inbound, path: string, need: EvidenceNeed): Decision | Promise<Decision> {
    if (limiter === null) return conclude(principal, inbound, path, need, null, false)
    const quotas = limiter.take(principal, inbound, path)
    if (!('then' in quotas)) return conclude(principal, inbound, path, need, quotas, false)
    return quotas.then(
      (taken) => conclude(principal, inbound, path, need, taken, true),
      (fault: unknown) => deny(refuse('ERR_LIMITER_UNAVAILABLE', undefined, fault), inbound, principal),
    )
  }

  function conclude(
    principal: Principal,
    inbound: Inbound,
    path: string,
    need: EvidenceNeed,
    quotas: Quotas | null,
    isLate: boolean,
  ): Decision | Promise<Decision> {
    try {
      const headers = withTokenFields(quotas?.headers ?? NO_HEADERS, inbound)
      // Quota first: probing for a 403 is not free.
      if (quotas !== null && quotas.refusal !== null) return deny(quotas.refusal, inbound, principal, headers)
      const ended = isLate ? endOf(principal, inbound) : null
      if (ended !== null) return denyEvidence(ended, inbound, principal, headers)
      if (need.reads) {
        const refusal: unknown = authorizer.authorize(principal, inbound, path)
        if (isRefusal(refusal)) return deny(principal.anonymous ? inviting(inbound) : refusal, inbound, principal, headers)
        if (refusal !== null) return deny(refuse('ERR_GUARD_FAULT', { part: 'authorizer', answered: typeof refusal }), inbound, principal)
      }
      // What is used once is used up by a request that everything else allows, and by no other.
      if (sessions !== null && !principal.anonymous && sessions.isPresented(inbound))
        return takeSession(sessions, principal, inbound, headers)
      return grant(principal, inbound, need.reads, headers)
    } catch (fault) {
      return deny(refuse('ERR_GUARD_FAULT', undefined, fault), inbound, principal)
    }
  }

  /** A decision is true when it is given: what it stands on may have ended while something was waited for. */
  function endOf(principal: Principal, inbound: Inbound): Refusal | null {
    return closed ? refuse('ERR_GUARD_CLOSED') : judgeGrant({ principal, inbound }, parts)
  }

  async function takeSession(verifier: SessionVerifier, principal: Principal, inbound: Inbound, headers: Headers): Promise<Decision> {
    let leave: (() => void) | null = null
    try {
      const entry = await enter(inbound, principal.peer)
      if (isRefusal(entry)) return deny(entry, inbound, principal, headers)
      leave = entry
      // Before the session is used up, and after that once more.
      const ended = endOf(principal, inbound)
      if (ended !== null) return denyEvidence(ended, inbound, principal, headers)
      const session = await verifier.accept(inbound, principal)
      if (isRefusal(session)) return denyEvidence(session, inbound, principal, headers)
      // A verifier of the user's own that says nothing has accepted nothing.
      if (!isSession(session)) return deny(refuse('ERR_GUARD_FAULT', { part: 'session' }), inbound, principal)
      const accepted = withSession(principal, session)
      const endedMeanwhile = endOf(accepted, inbound)
      if (endedMeanwhile !== null) return denyEvidence(endedMeanwhile, inbound, accepted, headers)
      // An event says what has happened, and so comes after the session is used up: where it is lost, so is the session. Its caller gets another
      // one, and nobody reads of a request that was allowed and then was not.
      return grant(accepted, inbound, true, headers)
    } catch (fault) {
      return deny(refuse('ERR_GUARD_FAULT', { part: 'session' }, fault), inbound, principal)
    } finally {
      leave?.()
    }
  }

  function grant(principal: Principal, inbound: Inbound, reads: boolean, headers: Headers): Decision {
    const ignored = ignoredFields.find(inbound, reads, principal.peer, sessions !== null && !principal.anonymous)
    const made: Grant = { allowed: true, principal, inbound, headers, ignoredFields: ignored }
    const unrecorded = witness.allowed(made)
    return unrecorded === null ? made : answer(unrecorded, inbound, principal)
  }

  // A nonce that is due goes along with whatever is answered.
  function withTokenFields(headers: Headers, inbound: Inbound): Headers {
    const fields = tokens?.fieldsFor?.(inbound) ?? null
    return fields === null ? headers : { ...headers, ...fields }
  }

  // An anonymous caller who may not do this is asked for evidence, not told that it is forbidden.
  function inviting(inbound: Inbound): Refusal {
    if (tokens !== null) return refuse('ERR_TOKEN_MISSING')
    return refuse(apiKeys === null ? missingPeerCode(inbound.connection, isForwarded(inbound)) : 'ERR_API_KEY_MISSING')
  }

  function isForwarded(inbound: Inbound): boolean {
    return (peers?.proxyFields?.(inbound) ?? null) !== null
  }

  function deny(refusal: Refusal, inbound: Inbound, caller: Peer | Principal | null, headers?: Headers): Denial {
    try {
      ignoredFields.find(inbound, true, peerOf(caller), sessions !== null)
    } catch {
      // What is denied stays denied, whatever else goes wrong.
    }
    return answer(refusal, inbound, caller, headers)
  }

  function answer(refusal: Refusal, inbound: Inbound, caller: Peer | Principal | null, headers?: Headers): Denial {
    witness.denied(refusal, inbound, caller)
    const fields = headers === undefined ? (tokens?.fieldsFor?.(inbound) ?? undefined) : headers
    return denialFrom(refusal, inbound, fields)
  }

  function judge(grant: Grant): Denial | null {
    try {
      const refusal = endOf(grant.principal, grant.inbound)
      return refusal === null ? null : denialFrom(refusal)
    } catch (fault) {
      return denialFrom(refuse('ERR_GUARD_FAULT', undefined, fault))
    }
  }

  return {
    decide,
    judge,
    close() {
      closed = true
    },
  }
}

function peerOf(caller: Peer | Principal | null): Peer | null {
  return caller === null || 'provenance' in caller ? caller : caller.peer
}

function isSession(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'subject' in answer && 'expiresAtMs' in answer
}
