import { DER_TAG, isRefusal, type Refusal } from '@countersign/core'
import { DerError, DerReader } from '../der/der-reader.js'
import { decodeBase64 } from '../der/pem.js'
import { type Decoded, passedThrough } from './certificates.js'
import { fieldText } from './field-text.js'
import type { ForwardedResult } from './format.js'
import { MAX_FORWARDED_CERTIFICATES } from './limits.js'
import { type ForwardedRole, malformed, tooLarge } from './refusals.js'

/**
 * Reads one certificate as base64 of its DER: HAProxy, Caddy, Azure App Service, Cloudflare.
 *
 * @returns As {@link parseEscapedPem} does.
 */
export function parseBase64Der(value: string | null | undefined): ForwardedResult {
  return passedThrough(decodeBase64Der(value, 'certificate'), 'certificate')
}

/**
 * Reads certificates as base64 of their DER, joined with commas, leaf first: `X-Forwarded-Tls-Client-Cert` of Traefik.
 *
 * @returns As {@link parseEscapedPem} does. A second line of the field arrives joined with `, ` and is refused for its space.
 */
export function parseBase64List(value: string | null | undefined): ForwardedResult {
  return passedThrough(decodeBase64List(value, 'certificate'), 'certificate')
}

export function decodeBase64Der(value: string | null | undefined, role: ForwardedRole): Decoded {
  const text = fieldText(value, role)
  if (isRefusal(text)) return text
  if (text === '') return null
  const der = decodeBase64(text)
  return der === null ? malformed(role, 'base64') : [der]
}

function decodeBase64List(value: string | null | undefined, role: ForwardedRole): Decoded {
  const text = fieldText(value, role)
  if (isRefusal(text)) return text
  if (text === '') return null
  const parts = text.split(',', MAX_FORWARDED_CERTIFICATES + 1)
  if (parts.length > MAX_FORWARDED_CERTIFICATES) return tooLarge(role, 'certificates')
  const ders: Uint8Array[] = []
  for (const part of parts) {
    const der = decodeBase64(part)
    if (der === null) return malformed(role, 'base64')
    ders.push(der)
  }
  return ders
}

/** Base64 of certificates one after another, as `ssl_c_chain_der` of HAProxy has them: split by their outer lengths. */
export function decodeConcatenatedDer(value: string | null | undefined, role: ForwardedRole): readonly Uint8Array[] | Refusal {
  const decoded = decodeBase64Der(value, role)
  if (isRefusal(decoded)) return decoded
  const [bytes] = decoded ?? []
  const ders: Uint8Array[] = []
  if (bytes === undefined) return ders
  const reader = new DerReader(bytes)
  try {
    while (!reader.atEnd) {
      if (ders.length === MAX_FORWARDED_CERTIFICATES) return tooLarge(role, 'certificates')
      ders.push(reader.take(DER_TAG.sequence).whole())
    }
  } catch (error) {
    if (error instanceof DerError) return malformed(role, 'intermediate')
    throw error
  }
  return ders
}
