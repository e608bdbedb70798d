import { isRefusal } from '@countersign/core'
import { decodeBase64 } from '../der/pem.js'
import { type Decoded, passedThrough } from './certificates.js'
import { decodePem, decodePercent, onlyOne } from './escaped-pem.js'
import { fieldText } from './field-text.js'
import type { ForwardedResult } from './format.js'
import { type ForwardedRole, malformed } from './refusals.js'

/** What Apache writes for a variable that is not set. */
const APACHE_UNSET = '(null)'

/**
 * Reads one certificate as Apache httpd writes it: PEM whose line feeds became spaces (`%{SSL_CLIENT_CERT}s`). `(null)` is its word for
 * nothing.
 *
 * @returns As {@link parseEscapedPem} does.
 */
export function parseFoldedPem(value: string | null | undefined): ForwardedResult {
  return passedThrough(decodeFoldedPem(value, 'certificate'), 'certificate')
}

export function decodeFoldedPem(value: string | null | undefined, role: ForwardedRole): Decoded {
  const text = fieldText(value, role)
  if (isRefusal(text)) return text
  return text === '' || text === APACHE_UNSET ? null : onlyOne(decodePem(unfold(text), role), role)
}

/**
 * Reads one certificate as Azure Application Gateway can have it: PEM with its delimiters or base64 of the DER, either of them with
 * percent-encoding or without.
 *
 * @returns As {@link parseEscapedPem} does.
 */
export function parsePemOrBase64(value: string | null | undefined): ForwardedResult {
  return passedThrough(decodePemOrBase64(value, 'certificate'), 'certificate')
}

export function decodePemOrBase64(value: string | null | undefined, role: ForwardedRole): Decoded {
  const text = fieldText(value, role)
  if (isRefusal(text)) return text
  if (text === '') return null
  const plain = text.includes('%') ? decodePercent(text) : text
  if (plain === null) return malformed(role, 'percent-encoding')
  if (plain.startsWith('-----BEGIN')) return onlyOne(decodePem(unfold(plain), role), role)
  const der = decodeBase64(plain)
  return der === null ? malformed(role, 'base64') : [der]
}

/** Line feeds where spaces stand for them: everywhere but in the words of the delimiters. */
function unfold(pem: string): string {
  return pem.replaceAll(' ', '\n').replaceAll('\nCERTIFICATE-----', ' CERTIFICATE-----')
}
