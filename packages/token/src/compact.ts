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

/** The segments of a compact JWS, decoded and not read. */
export interface CutJws {
  /** Of the whole. */
  readonly bytes: number
  readonly headerText: string
  readonly header: Uint8Array
  readonly payload: Uint8Array
  readonly signingInput: string
  readonly signature: Uint8Array
}

// Made once: garbage should cost less than what it is refused for.
const NOT_COMPACT = malformed('it is not three segments of base64url')
export const NOT_CANONICAL = malformed('its base64url is not canonical')
const NO_HEADER = malformed('its header is not a JSON object')

/**
 * Takes a compact JWS apart, strictly (RFC 7515 §5.2, steps 1 to 3). Verifies nothing, never throws.
 * @param memory headers that need not be read again.
 */
export function decodeCompact(text: string, memory?: HeaderMemory): CompactJws | Refusal {
  const cut = cutCompact(text)
  return 'refused' in cut ? cut : readCompact(cut, memory)
}

/** Cuts a compact JWS into its segments, each canonical base64url. Reads nothing in them. */
export function cutCompact(text: string): CutJws | Refusal {
  const first = text.indexOf('.')
  const second = first === -1 ? -1 : text.indexOf('.', first + 1)
  // RFC 8725bis §3.14: three segments of base64url and nothing else, so neither a JWE, which has five, nor JSON gets past this.
  if (second === -1 || text.includes('.', second + 1)) return NOT_COMPACT
  const headerText = text.slice(0, first)
  const header = decodeBase64url(headerText)
  const payload = decodeBase64url(text.slice(first + 1, second))
  const signature = decodeBase64url(text.slice(second + 1))
  if (header === null || payload === null || signature === null) return NOT_CANONICAL
  return { bytes: text.length, headerText, header, payload, signingInput: text.slice(0, second), signature }
}

/** Reads the header of a JWS that was cut. */
export function readCompact(
  { headerText, header: bytes, payload, signingInput, signature }: CutJws,
  memory?: HeaderMemory,
): CompactJws | Refusal {
  const header = memory?.recall(headerText) ?? parseJsonObject(bytes)
  return header === null ? NO_HEADER : { header, payload, signingInput, signature }
}

/** `reason` is a fixed text of ours. */
export function malformed(reason: string): Refusal {
  return Object.freeze(refuse('ERR_TOKEN_MALFORMED', Object.freeze({ reason })))
}
