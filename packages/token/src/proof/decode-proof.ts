import { type Facts, type JsonObject, parseJsonObject, type Refusal, refuse } from '@countersign/core'
import { decodeCompact } from '../compact.js'
import { mediaTypeOf } from '../header.js'

/** A JWT that proves a key, taken apart. Nothing in it is verified. */
export interface DecodedProof {
  readonly header: JsonObject
  readonly claims: JsonObject
  readonly algorithm: string
  readonly signingInput: string
  readonly signature: Uint8Array
}

/** Longest proof: one with the largest RSA key and a URI of 2 KiB takes 6 KiB. */
export const MAX_PROOF_BYTES = 8192
/** Longest `jti` and `nonce`: a UUID has 36 characters, 128 bits in base64url 22. */
export const MAX_ID_LENGTH = 256

const NO_ALGORITHM = malformed('its header has no alg')
const NOT_SIGNED = malformed('it is not signed')
const CRITICAL = malformed('it demands an extension that is not understood')
const NO_CLAIMS = malformed('its payload is not a JSON object')
const WRONG_TYPE = Object.freeze(refuse('ERR_PROOF_TYPE'))
const WRONG_ALGORITHM = Object.freeze(refuse('ERR_PROOF_ALGORITHM'))

/**
 * Everything about a proof that holds whatever it proves, cheapest first: length, form, type, algorithm.
 * @param type its `typ`.
 * @param algorithms those that the options allow; none of them is symmetric.
 */
export function decodeProof(text: string, type: 'dpop+jwt' | 'wpt+jwt', algorithms: ReadonlySet<string>): DecodedProof | Refusal {
  if (text.length > MAX_PROOF_BYTES) return refuse('ERR_PROOF_TOO_LARGE', { bytes: text.length, maxBytes: MAX_PROOF_BYTES })
  const jws = decodeCompact(text)
  if ('refused' in jws) return refuse('ERR_PROOF_MALFORMED', jws.facts)
  const { header, signingInput, signature } = jws
  if (mediaTypeOf(header['typ']) !== type) return WRONG_TYPE
  const { alg } = header
  if (typeof alg !== 'string' || alg === '') return NO_ALGORITHM
  // Compared as it is written: `none` and HMAC are in no list.
  if (!algorithms.has(alg)) return WRONG_ALGORITHM
  // RFC 7515 §4.1.11, RFC 7797: we understand no extension, and no unencoded payload.
  if ('crit' in header || ('b64' in header && header['b64'] !== true)) return CRITICAL
  if (signature.length === 0) return NOT_SIGNED
  const claims = parseJsonObject(jws.payload)
  return claims === null ? NO_CLAIMS : { header, claims, algorithm: alg, signingInput, signature }
}

/** A claim that must be a text of bounded length. `null` if it is not. */
export function readId(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= MAX_ID_LENGTH ? value : null
}

export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

export function wrongClaim(claim: string): Refusal {
  return refuse('ERR_PROOF_CLAIM', { claim })
}

/** `reason` is a fixed text of ours. */
function malformed(reason: string): Refusal {
  const facts: Facts = Object.freeze({ reason })
  return Object.freeze(refuse('ERR_PROOF_MALFORMED', facts))
}
