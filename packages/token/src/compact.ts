import { type JsonObject, parseJsonObject, type Refusal, refuse } from '@countersign/core'
import { decodeBase64url, isCanonical } from './base64url.js'

/** A JWS in compact serialization, taken apart. Nothing in it is verified. */
export interface CompactJws {
  readonly header: JsonObject
  /** base64url, canonical. */
  readonly payload: string
  /** What the signature is over: header and payload as they stood. */
  readonly signingInput: string
  /** base64url, canonical; empty where the token is not signed. */
  readonly signature: string
}

// RFC 8725bis §3.14: segments of base64url and nothing else, so no JSON serialization gets past this.
const STRAY = /[^\w.-]/

// Made once: garbage should cost less than what it is refused for.
const NOT_COMPACT = malformed('it is not three segments of base64url')
const NOT_CANONICAL = malformed('its base64url is not canonical')
const NO_HEADER = malformed('its header is not a JSON object')

/** Takes a compact JWS apart, strictly (RFC 7515 §5.2, steps 1 to 3). Verifies nothing, never throws. */
export function decodeCompact(text: string): CompactJws | Refusal {
  const first = text.indexOf('.')
  const second = first === -1 ? -1 : text.indexOf('.', first + 1)
  // Three segments: a JWE has five.
  if (second === -1 || text.includes('.', second + 1) || STRAY.test(text)) return NOT_COMPACT
  const payload = text.slice(first + 1, second)
  const signature = text.slice(second + 1)
  const headerBytes = decodeBase64url(text.slice(0, first))
  if (headerBytes === null || !isCanonical(payload) || !isCanonical(signature)) return NOT_CANONICAL
  const header = parseJsonObject(headerBytes)
  return header === null ? NO_HEADER : { header, payload, signingInput: text.slice(0, second), signature }
}

/** The bytes that a JWS signs. */
export function decodePayload(jws: CompactJws): Buffer {
  return Buffer.from(jws.payload, 'base64url')
}

/** `reason` is a fixed text of ours. */
export function malformed(reason: string): Refusal {
  return Object.freeze(refuse('ERR_TOKEN_MALFORMED', Object.freeze({ reason })))
}
