import { isRefusal, type Refusal } from '@countersign/core'
import { decodeBase64 } from '../der/pem.js'
import { type Decoded, passedThrough } from './certificates.js'
import { fieldText } from './field-text.js'
import type { ForwardedResult } from './format.js'
import { MAX_BYTE_SEQUENCE_OCTETS, MAX_FORWARDED_CERTIFICATES } from './limits.js'
import { ambiguous, type ForwardedRole, malformed, tooLarge } from './refusals.js'

/** Characters between the colons of a Byte Sequence of the most octets. */
const MAX_BYTE_SEQUENCE_LENGTH = Math.ceil(MAX_BYTE_SEQUENCE_OCTETS / 3) * 4

/**
 * Reads `Client-Cert` and `Client-Cert-Chain` (RFC 9440): a Byte Sequence, and a List of them without the leaf.
 *
 * Stricter than RFC 9651 in two things, so that a certificate has one spelling: parameters are refused (RFC 9440 defines none), and so are
 * bits behind the last octet that are not zero. Padding may be left out, as RFC 9651 §4.2.7 wants it.
 *
 * @returns Evidence with the provenance `proxy-passed-through`. `null` if both are absent, empty, `:` or `::`. Refusals:
 * `ERR_FORWARDED_MALFORMED` (a chain without a certificate too), `ERR_FORWARDED_TOO_LARGE`, `ERR_FORWARDED_AMBIGUOUS` for a list where
 * one certificate belongs. Never throws.
 * @see https://www.rfc-editor.org/rfc/rfc9440#section-2
 */
export function parseClientCert(clientCert: string | null | undefined, clientCertChain: string | null | undefined = null): ForwardedResult {
  return passedThrough(decodeClientCert(clientCert, clientCertChain, 'certificate'), 'certificate')
}

/** The leaf, then the members of the chain. */
export function decodeClientCert(cert: string | null | undefined, chain: string | null | undefined, role: ForwardedRole): Decoded {
  const leaf = decodeItem(cert, role)
  if (isRefusal(leaf)) return leaf
  const rest = decodeList(chain)
  if (isRefusal(rest)) return rest
  // RFC 9440 §2.3: Client-Cert-Chain MUST NOT appear without Client-Cert.
  if (leaf === null) return rest.length === 0 ? null : malformed('chain', 'chain-without-leaf')
  return [leaf, ...rest]
}

function decodeItem(value: string | null | undefined, role: ForwardedRole): Uint8Array | Refusal | null {
  const text = sequenceText(value, role)
  if (isRefusal(text) || text === '') return text === '' ? null : text
  // RFC 9440 §2.2: Client-Cert MUST NOT be a list. Lines that were sent twice arrive joined with a comma.
  if (text.includes(',')) return ambiguous(role, 'list')
  return decodeByteSequence(text, role)
}

function decodeList(value: string | null | undefined): readonly Uint8Array[] | Refusal {
  const text = sequenceText(value, 'chain')
  if (isRefusal(text)) return text
  if (text === '') return []
  const members = text.split(',', MAX_FORWARDED_CERTIFICATES)
  if (members.length === MAX_FORWARDED_CERTIFICATES) return tooLarge('chain', 'certificates')
  const ders: Uint8Array[] = []
  for (const member of members) {
    const der = decodeByteSequence(member.trim(), 'chain')
    if (isRefusal(der)) return der
    ders.push(der)
  }
  return ders
}

/** A Byte Sequence without octets, and the colon that some write for it, stand for no certificate. */
function sequenceText(value: string | null | undefined, role: ForwardedRole): string | Refusal {
  const text = fieldText(value, role)
  return text === ':' || text === '::' ? '' : text
}

// RFC 9651 §4.2.7.
function decodeByteSequence(text: string, role: ForwardedRole): Uint8Array | Refusal {
  if (text.length < 2 || text[0] !== ':') return malformed(role, 'byte-sequence')
  const close = text.indexOf(':', 1)
  if (close === -1) return malformed(role, 'byte-sequence')
  if (close !== text.length - 1) return malformed(role, text[close + 1] === ';' ? 'parameters' : 'byte-sequence')
  const base64 = text.slice(1, close)
  if (base64.length > MAX_BYTE_SEQUENCE_LENGTH) return tooLarge(role, 'bytes')
  const bare = base64.length % 4 !== 0 && !base64.endsWith('=')
  return decodeBase64(bare ? base64.padEnd(Math.ceil(base64.length / 4) * 4, '=') : base64) ?? malformed(role, 'base64')
}
