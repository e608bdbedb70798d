import type {
  Admission,
  Authorizer,
  Code,
  Decision,
  Denial,
  Finding,
  Grant,
  Headers,
  Inbound,
  Limiter,
  Peer,
  PeerVerifier,
  Principal,
  Quotas,
  Refusal,
  Token,
  TokenVerifier,
} from '@countersign/core'
import { catalogueEntry, isRefusal, refuse } from '@countersign/core'
import type { DenialMaker } from './deny.js'
import { ANONYMOUS, createPrincipalMaker } from './principal-from.js'
import { type EvidenceNeed, missingPeerCode } from './requirement.js'
import type { RouteTable } from './routes.js'
import type { StrayFieldFinder } from './stray-fields.js'
import { checkAuthority, type PathReader } from './target.js'
import type { Witness } from './witness.js'

/** What the composition root puts together. */
export interface PipelineParts {
  readonly peers: PeerVerifier | null
  readonly tokens: TokenVerifier | null
  readonly authorizer: Authorizer
  readonly limiter: Limiter | null
  readonly admission: Admission | null
  readonly pathOf: PathReader
  readonly needOf: RouteTable
  readonly asServerName: boolean
  readonly denialFrom: DenialMaker
  readonly strayFieldsOf: StrayFieldFinder
  readonly witness: Witness
}

/** Decides requests, and judges grants again. */
export interface Pipeline {
  decide(inbound: Inbound): Decision | Promise<Decision>
  judge(grant: Grant): Denial | null
  close(): void
}

/**
 * What honest callers bring too: when a token runs out or a key is rotated, which takes no cryptography, and when a nonce is new, which takes
 * a proof that is good otherwise. It uses up no budget.
 */
const HONEST: ReadonlySet<Code> = new Set(['ERR_TOKEN_EXPIRED', 'ERR_TOKEN_KEY_UNKNOWN', 'ERR_PROOF_NONCE'])

const NO_HEADERS: Headers = Object.freeze({})
const BODY_PARSER_FACTS = Object.freeze({ fix: 'put countersign(guard) in front of whatever reads the body, such as express.json()' })

/** The way of one request, whole. One direction, no step called twice. */
export function createPipeline(parts: PipelineParts): Pipeline {
  const { peers, tokens, authorizer, limiter, admission, pathOf, needOf, asServerName, denialFrom, strayFieldsOf, witness } = parts
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
    const token = tokens === null || isRefusal(peer) ? null : tokens.recall(inbound)
    if (peer === undefined || token === undefined)
      return examineCold(inbound, path, need, peer, token).catch((fault: unknown) =>
        deny(refuse('ERR_GUARD_FAULT', undefined, fault), inbound, null),
      )
    return judgeEvidence(inbound, path, need, peer, token)
  }

  async function examineCold(
    inbound: Inbound,
    path: string,
    need: EvidenceNeed,
    recalledPeer: Finding<Peer> | undefined,
    recalledToken: Finding<Token> | undefined,
  ): Promise<Decision> {
    const left: (() => void)[] = []
    try {
      let peer = recalledPeer
      if (peer === undefined && peers !== null) {
        const entry = await enter(inbound, null)
        if (isRefusal(entry)) return deny(entry, inbound, null)
        left.push(entry)
        peer = await peers.verify(inbound)
        // Proven: what its token may have to wait for must not hold up strangers of the same address.
        if (!isRefusal(peer)) left.pop()?.()
      }
      if (isRefusal(peer)) return judgeEvidence(inbound, path, need, peer, null)
      let token = recalledToken
      if (token === undefined && tokens !== null) {
        const entry = await enter(inbound, peer ?? null)
        if (isRefusal(entry)) return deny(entry, inbound, peer ?? null)
        left.push(entry)
        token = await tokens.verify(inbound)
      }
      // A verifier of the user's own that says nothing has proven nothing.
      if (peer === undefined || token === undefined) return deny(refuse('ERR_GUARD_FAULT', { part: 'verifier' }), inbound, null)
      return judgeEvidence(inbound, path, need, peer, token)
    } finally {
      for (const leave of left) leave()
    }
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
  ): Decision | Promise<Decision> {
    // Bad evidence is final: it never falls through to weaker evidence, nor to none.
    if (isRefusal(peer)) return denyEvidence(peer, inbound, null)
    if (isRefusal(token)) return denyEvidence(token, inbound, peer)
    const missing = need.missing(peer !== null, token !== null, () => missingPeerCode(inbound.connection, isForwarded(inbound)))
    if (missing !== null) return deny(missing, inbound, peer)
    if (token !== null && tokens !== null) {
      const unbound = tokens.bind(token, peer)
      if (unbound !== null) return denyEvidence(unbound, inbound, peer)
    }
    return takeQuota(principalFrom(peer, token, inbound), inbound, path, need)
  }

  function denyEvidence(refusal: Refusal, inbound: Inbound, peer: Peer | null): Denial {
    if (admission === null || catalogueEntry(refusal.code).status === 503 || HONEST.has(refusal.code)) return deny(refusal, inbound, peer)
    const forwarded = isForwarded(inbound)
    const flooded = admission.admit(inbound, peer, forwarded)
    if (flooded !== null) return deny(flooded, inbound, peer)
    admission.charge(inbound, peer, forwarded)
    return deny(refusal, inbound, peer)
  }

  function takeQuota(principal: Principal, inbound: Inbound, path: string, need: EvidenceNeed): Decision | Promise<Decision> {
    if (limiter === null) return conclude(principal, inbound, path, need, null)
    const quotas = limiter.take(principal, inbound, path)
    if (!('then' in quotas)) return conclude(principal, inbound, path, need, quotas)
    return quotas.then(
      (taken) => conclude(principal, inbound, path, need, taken),
      (fault: unknown) => deny(refuse('ERR_LIMITER_UNAVAILABLE', undefined, fault), inbound, principal),
    )
  }

  function conclude(principal: Principal, inbound: Inbound, path: string, need: EvidenceNeed, quotas: Quotas | null): Decision {
    try {
      const headers = withTokenFields(quotas?.headers ?? NO_HEADERS, inbound)
      // Quota first: probing for a 403 is not free.
      if (quotas !== null && quotas.refusal !== null) return deny(quotas.refusal, inbound, principal, headers)
      if (need.reads) {
        const refusal: unknown = authorizer.authorize(principal, inbound, path)
        if (isRefusal(refusal)) return deny(principal.anonymous ? inviting(inbound) : refusal, inbound, principal, headers)
        if (refusal !== null) return deny(refuse('ERR_GUARD_FAULT', { part: 'authorizer', answered: typeof refusal }), inbound, principal)
      }
      const ignoredFields = ignored(inbound, need.reads, principal.peer)
      const grant: Grant = { allowed: true, principal, inbound, headers, ignoredFields }
      const unrecorded = witness.allowed(grant)
      return unrecorded === null ? grant : answer(unrecorded, inbound, principal)
    } catch (fault) {
      return deny(refuse('ERR_GUARD_FAULT', undefined, fault), inbound, principal)
    }
  }

  // A nonce that is due goes along with whatever is answered.
  function withTokenFields(headers: Headers, inbound: Inbound): Headers {
    const fields = tokens?.fieldsFor?.(inbound) ?? null
    return fields === null ? headers : { ...headers, ...fields }
  }

  // Fields that say who the client is count from the proxy that may write them, and are nobody else's to send.
  function ignored(inbound: Inbound, told: boolean, peer: Peer | null): readonly string[] {
    const found = strayFieldsOf(inbound)
    if (found.length === 0) return found
    // Left out: no proxy is trusted. `undefined`: nobody has looked yet who this is.
    const written = peers?.proxyFields === undefined ? null : peers.proxyFields(inbound)
    const stray = written ? found.filter((name) => !written.includes(name.toLowerCase())) : found
    if (!told || stray.length === 0 || written === undefined) return stray
    const configured = stray.some((name) => peers?.forwardedFields?.includes(name.toLowerCase()))
    witness.ignored(inbound, { names: stray, reason: written === null ? 'not-from-proxy' : 'not-this-format', peer, configured })
    return stray
  }

  // An anonymous caller who may not do this is asked for evidence, not told that it is forbidden.
  function inviting(inbound: Inbound): Refusal {
    return refuse(tokens === null ? missingPeerCode(inbound.connection, isForwarded(inbound)) : 'ERR_TOKEN_MISSING')
  }

  function isForwarded(inbound: Inbound): boolean {
    return (peers?.proxyFields?.(inbound) ?? null) !== null
  }

  function deny(refusal: Refusal, inbound: Inbound, caller: Peer | Principal | null, headers?: Headers): Denial {
    try {
      ignored(inbound, true, caller === null || 'provenance' in caller ? caller : caller.peer)
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

  function judge({ principal, inbound }: Grant): Denial | null {
    try {
      const refusal = closed
        ? refuse('ERR_GUARD_CLOSED')
        : ((principal.peer === null || peers === null ? null : peers.judge(principal.peer, inbound)) ??
          (principal.token === null || tokens === null
            ? null
            : (tokens.judge(principal.token, inbound) ?? tokens.bind(principal.token, principal.peer))))
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
