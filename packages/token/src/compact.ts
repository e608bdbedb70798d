import { type JsonObject, parseJsonObject, type Refusal, refuse } from '@countersign/core'
import { isCanonical } from './base64url.js'
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

/** The segments of a compact JWS: canonical base64url, and not decoded. */
export interface CutJws {
  /** Of the whole. */
  readonly bytes: number
  readonly header: string
  readonly payload: string
  readonly signature: string
  readonly signingInput: string
}

// RFC 8725bis §3.14: segments of base64url and nothing else, so no JSON serialization gets past this.
const STRAY = /[^\w.-]/

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

/** Cuts a compact JWS into its segments, and decodes none of them. */
export function cutCompact(text: string): CutJws | Refusal {
  const first = text.indexOf('.')
  const second = first === -1 ? -1 : text.indexOf('.', first + 1)
  // Three segments: a JWE has five.
  if (second === -1 || text.includes('.', second + 1) || STRAY.test(text)) return NOT_COMPACT
  const header = text.slice(0, first)
  const payload = text.slice(first + 1, second)
  const signature = text.slice(second + 1)
  if (!isCanonical(header) || !isCanonical(payload) || !isCanonical(signature)) return NOT_CANONICAL
  return { bytes: text.length, header, payload, signature, signingInput: text.slice(0, second) }
}

/** Reads a JWS that was cut. */
export function readCompact({ header: text, payload, signature, signingInput }: CutJws, memory?: HeaderMemory): CompactJws | Refusal {
  const header = memory?.recall(text) ?? parseJsonObject(decode(text))
  return header === null ? NO_HEADER : { header, payload: decode(payload), signingInput, signature: decode(signature) }
}

/** Of canonical base64url. */
function decode(text: string): Buffer {
  return Buffer.from(text, 'base64url')
}

/** `reason` is a fixed text of ours. */
export function malformed(reason: string): Refusal {
  return Object.freeze(refuse('ERR_TOKEN_MALFORMED', Object.freeze({ reason })))
}
