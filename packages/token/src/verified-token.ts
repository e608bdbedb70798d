import type { Token } from '@countersign/core'
import type { Assertions } from './claims.js'
import { ScopeSet } from './scope-set.js'

/**
 * What a service gets to see of a token, once it is verified.
 * @param proofThumbprint of the key in its `cnf.jwk`. `null`: it holds none.
 */
export function createToken(issuer: string, assertions: Assertions, proofThumbprint: string | null): Token {
  const { subject, identity, audience, scopes, claims, confirmation, tokenId, iatMs, expiresAtMs } = assertions
  return Object.freeze({
    issuer,
    subject,
    identity,
    audience: Object.freeze(audience),
    scopes: new ScopeSet(scopes),
    claims,
    boundTo: confirmation.boundTo,
    boundToKey: confirmation.boundToKey ?? proofThumbprint,
    id: tokenId === '' ? null : tokenId,
    issuedAtMs: iatMs,
    expiresAtMs,
  })
}
