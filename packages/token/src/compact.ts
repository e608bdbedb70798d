import { type JsonObject, parseJsonObject, type Refusal, refuse } from '@countersign/core'
import { decodeBase64url } from './base64url.js'
import type { HeaderMemory } from './header-memory.js'

/** A JWS in compact serialization, taken apart. Nothing in it is verified. */
export interface CompactJws {
  readonly header: JsonObject
  /** The bytes that were signed, whatever they are. */
  readonly payload: Uint8Array
  /** What the signature is over: header and payload as they stood. */
  readonly signingInput: string
  /** Empty where the token is not signed. */
  readonly signature: Uint8Array
}

// Made once: garbage should cost less than what it is refused for.
const NOT_COMPACT = malformed('it is not three segments of base64url')
const NOT_CANONICAL = malformed('its base64url is not canonical')
const NO_HEADER = malformed('its header is not a JSON object')

/**
 * Takes a compact JWS apart, strictly (RFC 7515 §5.2, steps 1 to 3). Verifies nothing, never throws.
 * @param memory headers that need not be read again.
 */
export function decodeCompact(text: string, memory?: HeaderMemory): CompactJws | Refusal {
  const first = text.indexOf('.')
  const second = first === -1 ? -1 : text.indexOf('.', first + 1)
  // RFC 8725bis §3.14: three segments of base64url and nothing else, so neither a JWE, which has five, nor JSON gets past this.
  if (second === -1 || text.includes('.', second + 1)) return NOT_COMPACT
  const headerText = text.slice(0, first)
  const known = memory?.recall(headerText)
  const headerBytes = known === undefined ? decodeBase64url(headerText) : null
  if (known === undefined && headerBytes === null) return NOT_CANONICAL
  const payload = decodeBase64url(text.slice(first + 1, second))
  const signature = decodeBase64url(text.slice(second + 1))
  if (payload === null || signature === null) return NOT_CANONICAL
  const header = known ?? (headerBytes === null ? null : parseJsonObject(headerBytes))
  return header === null ? NO_HEADER : { header, payload, signingInput: text.slice(0, second), signature }
}

/** `reason` is a fixed text of ours. */
export function malformed(reason: string): Refusal {
  return Object.freeze(refuse('ERR_TOKEN_MALFORMED', Object.freeze({ reason })))
}
