import { type JsonObject, parseJsonObject, type Refusal, refuse } from '@countersign/core'
import { type Assertions, readClaims } from './claims.js'
import { type CutJws, malformed, readCompact } from './compact.js'
import type { Scheme } from './credentials.js'
import { checkHeader, checkType } from './header.js'
import type { Issuer, Issuers } from './issuer.js'

/** A token that is what it should be in every way but one: nobody has looked at its signature. */
export interface Appraisal {
  readonly issuer: Issuer
  readonly header: JsonObject
  readonly kid: string | null
  readonly algorithm: string
  readonly signingInput: string
  readonly signature: Uint8Array
  readonly assertions: Assertions
}

const NO_CLAIMS = malformed('its payload is not a JSON object')
const WRONG_SCHEME = Object.freeze(refuse('ERR_TOKEN_SCHEME', Object.freeze({ reason: 'tokens of this issuer do not come by it' })))
const NOT_BEARER = Object.freeze(
  refuse('ERR_TOKEN_BINDING', Object.freeze({ reason: 'it is bound to a key, and was sent as a bearer token' })),
)
const UNBOUND = Object.freeze(refuse('ERR_TOKEN_UNBOUND'))
const NO_KEY_ID = malformed('its header has no kid')
const WRONG_ALGORITHM = Object.freeze(refuse('ERR_TOKEN_ALGORITHM'))

/**
 * Everything about a token that can be told without cryptography and without the time, cheapest first. The issuer is taken from the
 * token only to know whose rules and whose keys it must pass.
 * @param scheme the one that the token came by.
 */
export function appraise(cut: CutJws, scheme: Scheme, issuers: Issuers): Appraisal | Refusal {
  const jws = readCompact(cut, issuers.headers)
  if ('refused' in jws) return jws
  const { header, signingInput, signature } = jws
  const unfit = checkHeader(header, signature, issuers.algorithms)
  if (unfit !== null) return unfit

  const claims = parseJsonObject(jws.payload)
  if (claims === null) return NO_CLAIMS
  const issuer = issuers.of(claims, scheme)
  if ('refused' in issuer) return issuer
  const { alg, kid } = header
  const { bytes } = cut
  if (scheme === 'DPoP' && issuer.dpop === null) return WRONG_SCHEME
  if (bytes > issuer.maxBytes) return refuse('ERR_TOKEN_TOO_LARGE', { bytes, maxBytes: issuer.maxBytes })
  if (typeof alg !== 'string' || !issuer.algorithms.has(alg)) return WRONG_ALGORITHM
  const mistyped = checkType(header, issuer.type)
  if (mistyped !== null) return mistyped

  const assertions = readClaims(claims, issuer)
  if ('refused' in assertions) return assertions
  const { boundToKey } = assertions.confirmation
  // RFC 9449 §7.2: bound to a key, it is no bearer token. §7.1: under DPoP it must be bound to one.
  if (scheme === 'Bearer' && boundToKey !== null && issuer.binding !== 'dangerously-unchecked') return NOT_BEARER
  if (scheme === 'DPoP' && boundToKey === null) return UNBOUND
  // WIT-SVID §2.1: the key is named, never tried for.
  if (scheme === 'WPT' && kid === undefined && assertions.identity?.kind === 'spiffe') return NO_KEY_ID
  return { issuer, header, kid: typeof kid === 'string' ? kid : null, algorithm: alg, signingInput, signature, assertions }
}
