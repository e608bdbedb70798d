import { type Refusal, refuse } from '@countersign/core'
import { decodeBase64url, isCanonical } from './base64url.js'
import { type JsonObject, parseJsonObject } from './json.js'

/** A JWS in compact serialization, taken apart. Nothing in it is verified. */
export interface CompactJws {
  readonly header: JsonObject
  readonly payload: Uint8Array
  /** What the signature is over: header and payload as they stood. */
  readonly signingInput: string
  /** base64url, canonical; empty where the token is not signed. */
  readonly signature: string
}

// RFC 8725bis §3.14: three segments of base64url and nothing else, so neither a JWE nor a JSON serialization gets past this.
const SHAPE = /^[\w-]+\.[\w-]*\.[\w-]*$/

// Made once: garbage should cost less than what it is refused for.
const NOT_COMPACT = malformed('it is not three segments of base64url')
const NOT_CANONICAL = malformed('its base64url is not canonical')
const NO_HEADER = malformed('its header is not a JSON object')

/** Takes a compact JWS apart, strictly (RFC 7515 §5.2, steps 1 to 3). Verifies nothing, never throws. */
export function decodeCompact(text: string): CompactJws | Refusal {
  if (!SHAPE.test(text)) return NOT_COMPACT
  const first = text.indexOf('.')
  const second = text.indexOf('.', first + 1)
  const signature = text.slice(second + 1)
  const payload = decodeBase64url(text.slice(first + 1, second))
  const headerBytes = decodeBase64url(text.slice(0, first))
  if (payload === null || headerBytes === null || !isCanonical(signature)) return NOT_CANONICAL
  const header = parseJsonObject(headerBytes)
  return header === null ? NO_HEADER : { header, payload, signingInput: text.slice(0, second), signature }
}

/** `reason` is a fixed text of ours. */
export function malformed(reason: string): Refusal {
  return Object.freeze(refuse('ERR_TOKEN_MALFORMED', Object.freeze({ reason })))
}
