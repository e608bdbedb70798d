import type { ApiKey, Connection, EvidenceKind, Identity, Inbound, Peer, Principal, PropagatedSession, Token } from '@countersign/core'

const NEVER = Number.POSITIVE_INFINITY

/** Nobody we know. Matches no rule but `{ anonymous: true }`. */
export const ANONYMOUS: Principal = Object.freeze({
  id: 'anonymous',
  anonymous: true,
  caller: null,
  subject: null,
  evidence: Object.freeze([]),
  peer: null,
  token: null,
  apiKey: null,
  session: null,
  assurance: Object.freeze({ provenance: null, tokenBound: false, resumed: false }),
  expiresAtMs: NEVER,
})

interface Made {
  readonly peer: Peer | null
  readonly token: Token | null
  readonly apiKey: ApiKey | null
  readonly principal: Principal
}

/**
 * Makes the principal of verified evidence, once for as long as a connection brings the same evidence again.
 * @returns a maker that keeps its last principal on the connection.
 */
export function createPrincipalMaker(): (peer: Peer | null, token: Token | null, apiKey: ApiKey | null, inbound: Inbound) => Principal {
  const slot = Symbol('countersign.principal')
  return function principalFrom(peer, token, apiKey, { connection }) {
    const made = connection[slot] as Made | undefined
    if (made !== undefined && made.peer === peer && made.token === token && made.apiKey === apiKey) return made.principal
    const principal = makePrincipal(peer, token, apiKey, connection)
    connection[slot] = { peer, token, apiKey, principal } satisfies Made
    return principal
  }
}

/** The same caller, with the session that this one request has handed on. */
export function withSession(principal: Principal, session: PropagatedSession): Principal {
  return Object.freeze({ ...principal, session, expiresAtMs: Math.min(principal.expiresAtMs, session.expiresAtMs) })
}

function makePrincipal(peer: Peer | null, token: Token | null, apiKey: ApiKey | null, connection: Connection): Principal {
  // A key is a workload's own; a token may speak for somebody else.
  const caller = peer?.identity ?? apiKey?.owner ?? token?.identity ?? null
  if (caller === null) return ANONYMOUS
  const evidence: EvidenceKind[] = []
  if (peer !== null) evidence.push('mtls')
  if (token !== null) evidence.push('jwt')
  if (apiKey !== null) evidence.push('api-key')
  return Object.freeze({
    id: caller.value,
    anonymous: false,
    caller,
    subject: token === null || isSame(token.identity, caller) ? null : token.identity,
    evidence: Object.freeze(evidence),
    peer,
    token,
    apiKey,
    session: null,
    assurance: Object.freeze({
      provenance: peer?.provenance ?? null,
      tokenBound: token !== null && (token.boundToKey !== null || isBoundTo(token, peer)),
      resumed: connection.resumed,
    }),
    expiresAtMs: Math.min(peer?.expiresAtMs ?? NEVER, token?.expiresAtMs ?? NEVER, apiKey?.expiresAtMs ?? NEVER),
  })
}

function isBoundTo({ boundTo }: Token, peer: Peer | null): boolean {
  return boundTo !== null && peer?.certificate?.['x5t#S256'] === boundTo
}

function isSame(one: Identity, other: Identity): boolean {
  return one.kind === other.kind && one.authority === other.authority && one.value === other.value
}
