import { type Inbound, isJsonObject, type JsonObject, REPEATED, type Refusal, refuse } from '@countersign/core'
import { type DecodedProof, decodeProof, isTime, readId, wrongClaim } from '../proof/decode-proof.js'
import { isTargetOf, normalizeUri } from '../proof/target-uri.js'
import type { DpopRules } from './options.js'

/** A DPoP proof made for this request, now, as far as its text says. Its signature, its key and its token are not looked at. */
export interface DpopProof extends DecodedProof {
  readonly jwk: JsonObject
  readonly jti: string
  /** In its one spelling. */
  readonly htu: string
  readonly iatMs: number
  /** `null` where the request has no token. */
  readonly ath: string | null
  readonly nonce: string | null
}

const MISSING = Object.freeze(refuse('ERR_PROOF_MISSING'))
const TOO_MANY = Object.freeze(refuse('ERR_PROOF_REPEATED'))
const NO_KEY = Object.freeze(refuse('ERR_PROOF_KEY', Object.freeze({ flaw: 'missing' })))
const WRONG_METHOD = Object.freeze(refuse('ERR_PROOF_METHOD'))
const WRONG_TARGET = Object.freeze(refuse('ERR_PROOF_TARGET'))
const NO_TARGET = Object.freeze(refuse('ERR_PROOF_TARGET', Object.freeze({ reason: 'its htu is no http or https URI' })))

/**
 * The checks of RFC 9449 §4.3 that take neither cryptography nor the token, cheapest first.
 * @param hasToken the request brings a token, which the proof must name.
 */
export function readDpopProof(inbound: Inbound, rules: DpopRules, nowMs: number, hasToken: boolean): DpopProof | Refusal {
  const field = inbound.header('dpop')
  // RFC 9449 §4.3, check 1.
  if (field === null) return MISSING
  if (field === REPEATED) return TOO_MANY
  const decoded = decodeProof(field, 'dpop+jwt', rules.algorithms)
  if ('refused' in decoded) return decoded
  const { jwk } = decoded.header
  if (!isJsonObject(jwk)) return NO_KEY

  const { htm, htu, iat, nonce, exp } = decoded.claims
  const jti = readId(decoded.claims['jti'])
  const ath = readId(decoded.claims['ath'])
  if (jti === null) return wrongClaim('jti')
  if (typeof htm !== 'string') return wrongClaim('htm')
  if (typeof htu !== 'string') return wrongClaim('htu')
  if (!isTime(iat)) return wrongClaim('iat')
  if (ath === null && hasToken) return wrongClaim('ath')
  if (nonce !== undefined && readId(nonce) === null) return wrongClaim('nonce')
  if (exp !== undefined && !isTime(exp)) return wrongClaim('exp')

  // Checks 8 and 9: methods are compared as they are written.
  if (htm !== inbound.method) return WRONG_METHOD
  const uri = normalizeUri(htu)
  if (uri === null) return NO_TARGET
  if (!isTargetOf(uri, inbound, rules.origins)) return WRONG_TARGET

  const iatMs = iat * 1000
  const untimely = judgeProofTime(iatMs, exp === undefined ? null : Number(exp) * 1000, rules, nowMs)
  return untimely ?? { ...decoded, jwk, jti, htu: uri, iatMs, ath, nonce: typeof nonce === 'string' ? nonce : null }
}

/** Check 11, RFC 9449 §11.1. An `exp`, which a proof need not have, ends it earlier (RFC 7519 §4.1.4). */
function judgeProofTime(iatMs: number, expMs: number | null, { maxAgeMs, futureMs }: DpopRules, nowMs: number): Refusal | null {
  const endMs = Math.min(iatMs + maxAgeMs, expMs === null ? Number.POSITIVE_INFINITY : expMs + futureMs)
  if (!(nowMs < endMs)) return refuse('ERR_PROOF_EXPIRED', { forSeconds: Math.floor((nowMs - endMs) / 1000) })
  if (!(nowMs >= iatMs - futureMs)) return refuse('ERR_PROOF_ISSUED_IN_FUTURE', { forSeconds: Math.ceil((iatMs - nowMs) / 1000) })
  return null
}
