import { createHash, type KeyObject } from 'node:crypto'
import { bitString, explicit, integer, oid, sequence, set, time, utf8String } from './der.js'
import { type Extension, encodeExtension } from './extension.js'
import type { SignatureAlgorithm } from './signature-algorithm.js'

/** Everything that stands in a certificate, ready to be signed. */
export interface CertificateContent {
  readonly serialNumber: string
  /** DER of the issuer's Name. */
  readonly issuer: Uint8Array
  /** DER of the subject's Name. */
  readonly subject: Uint8Array
  readonly validFrom: Date
  readonly validTo: Date
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  readonly extensions: readonly Extension[]
}

/** Signs a version 3 certificate (RFC 5280 §4.1) and returns its DER. */
export function signCertificate(content: CertificateContent, algorithm: SignatureAlgorithm): Uint8Array {
  const body = sequence(
    explicit(0, integer(2)),
    integer(BigInt(`0x${content.serialNumber}`)),
    algorithm.identifier,
    content.issuer,
    sequence(time(content.validFrom), time(content.validTo)),
    content.subject,
    content.spki,
    ...(content.extensions.length === 0 ? [] : [explicit(3, sequence(...content.extensions.map(encodeExtension)))]),
  )
  return sequence(body, algorithm.identifier, bitString(algorithm.sign(body)))
}

/** A Name of one CN, or the empty Name for an empty text. */
export function nameOf(commonName: string): Uint8Array {
  return commonName === '' ? sequence() : sequence(set(sequence(oid('2.5.4.3'), utf8String(commonName))))
}

/**
 * Asked extensions take the place of those that would have been written by default, so that a test can have any of them
 * malformed, and twice.
 */
export function mergeExtensions(usual: readonly (Extension | null)[], asked: readonly Extension[]): readonly Extension[] {
  const kept = usual.filter((extension) => extension !== null && !asked.some((other) => other.oid === extension.oid))
  return [...kept.filter((extension) => extension !== null), ...asked]
}

/** SHA-256 of a certificate's DER. */
export function thumbprintOf(der: Uint8Array, encoding: 'hex' | 'base64url'): string {
  return createHash('sha256').update(der).digest(encoding)
}

/** A key and the bytes that name its holder, as an issuer needs them. */
export interface SigningIdentity {
  readonly key: KeyObject
  readonly subject: Uint8Array
  readonly keyId: Uint8Array
}
