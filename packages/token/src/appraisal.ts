import { type JsonObject, parseJsonObject, type Refusal, refuse } from '@countersign/core'
import { type Assertions, readClaims } from './claims.js'
import { decodeCompact, malformed } from './compact.js'
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
const WRONG_ALGORITHM = Object.freeze(refuse('ERR_TOKEN_ALGORITHM'))

/**
 * Everything about a token that can be told without cryptography and without the time, cheapest first. The issuer is taken from the
 * token only to know whose rules and whose keys it must pass.
 */
export function appraise(token: string, issuers: Issuers): Appraisal | Refusal {
  const jws = decodeCompact(token, issuers.headers)
  if ('refused' in jws) return jws
  const { header, signingInput, signature } = jws
  const unfit = checkHeader(header, signature, issuers.algorithms)
  if (unfit !== null) return unfit

  const claims = parseJsonObject(jws.payload)
  if (claims === null) return NO_CLAIMS
  const issuer = issuers.of(claims)
  if ('refused' in issuer) return issuer
  const { alg, kid } = header
  if (token.length > issuer.maxBytes) return refuse('ERR_TOKEN_TOO_LARGE', { bytes: token.length, maxBytes: issuer.maxBytes })
  if (typeof alg !== 'string' || !issuer.algorithms.has(alg)) return WRONG_ALGORITHM
  const mistyped = checkType(header, issuer.type)
  if (mistyped !== null) return mistyped

  const assertions = readClaims(claims, issuer)
  if ('refused' in assertions) return assertions
  return { issuer, header, kid: typeof kid === 'string' ? kid : null, algorithm: alg, signingInput, signature, assertions }
}
