import { type JsonObject, type Refusal, refuse, type Token } from '@countersign/core'
import { type Assertions, readClaims, refuseSubject } from '../claims.js'
import type { IssuerRules } from '../options.js'
import type { Revocable } from '../revocation.js'
import { createToken } from '../verified-token.js'

/** An active token, as the issuer described it: what must still be true of it on every request. */
export interface Described extends Revocable, Pick<Assertions, 'expiresAtMs' | 'notBeforeMs' | 'issuedAtMs'> {
  readonly token: Token
  readonly claims: JsonObject
}

const WRONG_ISSUER = Object.freeze(refuse('ERR_TOKEN_ISSUER'))
const WRONG_TYPE = Object.freeze(refuse('ERR_TOKEN_TYPE'))
const BOUND_TO_KEY = Object.freeze(refuse('ERR_TOKEN_BINDING', Object.freeze({ reason: 'it is bound by a method that is not understood' })))

/** Reads what the issuer says of an active token (RFC 7662 §2.2) by the rules that the claims of a JWT are read by. */
export function describe(answer: JsonObject, rules: IssuerRules): Described | Refusal {
  const { iss, token_type: type } = answer
  if (iss !== undefined && iss !== rules.issuer) return WRONG_ISSUER
  // A refresh token is active too, and is no access token.
  if (type !== undefined && (typeof type !== 'string' || type.toLowerCase() !== 'bearer')) return WRONG_TYPE
  const assertions = readClaims(answer, rules)
  if ('refused' in assertions) return assertions
  const { identity } = assertions
  if (identity === null) return refuseSubject(rules.issuer, assertions)
  const token = createToken(rules.issuer, assertions, identity, null)
  // What is bound to a key needs a proof of that key, and came here without one.
  if (token.boundToKey !== null || assertions.confirmation.jwk !== null) return BOUND_TO_KEY
  const { tokenId, expiresAtMs, notBeforeMs, issuedAtMs } = assertions
  return { token, claims: answer, tokenId, keyIds: [], expiresAtMs, notBeforeMs, issuedAtMs, clearedIn: undefined }
}
