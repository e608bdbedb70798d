import type { Token } from '@countersign/core'
import type { Assertions } from './claims.js'
import { ScopeSet } from './scope-set.js'

/** What a service gets to see of a token, once it is verified. */
export function createToken(issuer: string, assertions: Assertions): Token {
  const { subject, identity, audience, scopes, claims, boundTo, tokenId, iatMs, expiresAtMs } = assertions
  return Object.freeze({
    issuer,
    subject,
    identity,
    audience: Object.freeze(audience),
    scopes: new ScopeSet(scopes),
    claims,
    boundTo,
    boundToKey: null,
    id: tokenId === '' ? null : tokenId,
    issuedAtMs: iatMs,
    expiresAtMs,
  })
}
