import { isRefusal, type Refusal } from '@countersign/core'
import { decodeBase64 } from '../der/pem.js'
import { type Decoded, passedThrough } from './certificates.js'
import { fieldText } from './field-text.js'
import type { ForwardedResult } from './format.js'
import { MAX_FORWARDED_CERTIFICATES } from './limits.js'
import { ambiguous, type ForwardedRole, malformed, tooLarge } from './refusals.js'

const BEGIN = '-----BEGIN CERTIFICATE-----'
const END = '-----END CERTIFICATE-----'
// RFC 3986 §2.3, the characters of base64 that AWS leaves bare, and the escapes. No space: it would be `%20`.
const ESCAPED = /^[A-Za-z0-9\-._~+/=%]*$/
// An octet above 0x7f is in no PEM and no base64.
const BROKEN_ESCAPE = /%(?![0-7][0-9A-Fa-f])/

/**
 * Reads one certificate as URL-encoded PEM: `$ssl_client_escaped_cert` of nginx, `-Leaf` of an AWS load balancer, `Cert` of Envoy.
 * `+` is a plus sign (AWS leaves `+`, `=` and `/` bare) and never a space.
 *
 * @returns Evidence with the provenance `proxy-passed-through`, since nothing beside the value says more; `null` for an empty value.
 * Refusals: `ERR_FORWARDED_MALFORMED`, `ERR_FORWARDED_TOO_LARGE`, `ERR_FORWARDED_AMBIGUOUS` for a second certificate. Never throws.
 */
export function parseEscapedPem(value: string | null | undefined): ForwardedResult {
  return passedThrough(decodeEscapedPem(value, 'certificate'), 'certificate')
}

/** Reads a chain as {@link parseEscapedPem} reads one certificate: blocks one after another, leaf first (`X-Amzn-Mtls-Clientcert`). */
export function parseEscapedPemChain(value: string | null | undefined): ForwardedResult {
  return passedThrough(decodeEscapedPemChain(value, 'certificate'), 'certificate')
}

export function decodeEscapedPem(value: string | null | undefined, role: ForwardedRole): Decoded {
  return onlyOne(decodeEscapedPemChain(value, role), role)
}

export function decodeEscapedPemChain(value: string | null | undefined, role: ForwardedRole): Decoded {
  const text = fieldText(value, role)
  if (isRefusal(text)) return text
  if (text === '') return null
  if (!ESCAPED.test(text)) return malformed(role, 'characters')
  const pem = decodePercent(text)
  return pem === null ? malformed(role, 'percent-encoding') : decodePem(pem, role)
}

/** One certificate and no other: who reads the first of two may read another one than who reads the last. */
export function onlyOne(decoded: Decoded, role: ForwardedRole): Decoded {
  return decoded !== null && !isRefusal(decoded) && decoded.length > 1 ? ambiguous(role, 'list') : decoded
}

/** RFC 3986 §2.1, of ASCII. `null` if a `%` begins no escape of it. What is decoded is not decoded again. */
export function decodePercent(text: string): string | null {
  return BROKEN_ESCAPE.test(text) ? null : decodeURIComponent(text)
}

/**
 * Blocks with the label CERTIFICATE one after another, and nothing before, between or behind them but line ends (RFC 7468 §2 allows
 * explanatory text; no proxy writes it).
 */
export function decodePem(pem: string, role: ForwardedRole): readonly Uint8Array[] | Refusal {
  const text = pem.replaceAll('\r\n', '\n')
  const bodies: string[] = []
  for (let at = skipLineFeeds(text, 0); at < text.length; at = skipLineFeeds(text, at)) {
    const end = text.indexOf(`\n${END}`, at)
    if (end === -1 || !text.startsWith(`${BEGIN}\n`, at)) return malformed(role, 'pem')
    if (bodies.length === MAX_FORWARDED_CERTIFICATES) return tooLarge(role, 'certificates')
    bodies.push(text.slice(at + BEGIN.length, end))
    at = end + 1 + END.length
    if (at < text.length && text[at] !== '\n') return malformed(role, 'pem')
  }
  const ders: Uint8Array[] = []
  for (const body of bodies) {
    const der = decodeBase64(body.replaceAll('\n', ''))
    if (der === null) return malformed(role, 'base64')
    ders.push(der)
  }
  return ders.length === 0 ? malformed(role, 'pem') : ders
}

// Not a regular expression: one for line feeds at the end takes quadratic time on those that are not.
function skipLineFeeds(text: string, from: number): number {
  let at = from
  while (text[at] === '\n') at++
  return at
}
