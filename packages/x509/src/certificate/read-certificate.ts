import { createHash } from 'node:crypto'
import { DER_TAG } from '@countersign/core'
import { contextTag, DerError, DerReader } from '../der/der-reader.js'
import { hexFrom, readBitString, readInteger, readOctetAlignedBitString, readSmallInteger, readTime, sameBytes } from '../der/der-values.js'
import { type DistinguishedName, readName } from '../der/distinguished-name.js'
import { type CertificateExtensions, NO_EXTENSIONS, readExtensions } from './certificate-extensions.js'
import { type PublicKeyInfo, readPublicKey } from './public-key.js'
import { readSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.js'

/** A certificate as it was read: well-formed, nothing in it verified. Its byte fields are views of `der`. */
export interface ParsedCertificate {
  readonly der: Uint8Array
  /** SHA-256 of the DER. */
  readonly fingerprint: Uint8Array
  readonly version: number
  /** Lowercase hexadecimal. */
  readonly serialNumber: string
  readonly issuer: DistinguishedName
  readonly subject: DistinguishedName
  /** Of the names, for comparison under RFC 5280 §7.1. */
  readonly issuerKey: string
  readonly subjectKey: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly key: PublicKeyInfo
  readonly extensions: CertificateExtensions
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Certificates have 0.5 to 3 KB; one with a post-quantum key 10 KB. */
export const MAX_CERTIFICATE_BYTES = 65_536
/** RFC 5280 §4.1.2.2. */
const MAX_SERIAL_OCTETS = 20

/**
 * Reads one DER certificate, all of its bytes.
 * @returns A fixed text of what is wrong, if it cannot be read. Never throws.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
export function readCertificate(bytes: Uint8Array): ParsedCertificate | string {
  if (bytes.length > MAX_CERTIFICATE_BYTES) return 'larger than 64 KiB'
  // A copy of its own: what was handed in may change, or be a slice that keeps a pool of buffers alive.
  const der = new Uint8Array(bytes)
  try {
    return readWhole(der)
  } catch (error) {
    if (error instanceof DerError) return error.message
    throw error
  }
}

function readWhole(der: Uint8Array): ParsedCertificate {
  const outer = new DerReader(der)
  const certificate = outer.take(DER_TAG.sequence).enter()
  outer.finish()
  const signed = certificate.take(DER_TAG.sequence).whole()
  const fields = certificate.enter()
  const signatureAlgorithm = readSignatureAlgorithm(certificate)
  const signature = readOctetAlignedBitString(certificate)
  certificate.finish()

  const version = readVersion(fields)
  const serial = readInteger(fields)
  // RFC 5280 §4.1.1.2: the algorithm inside and outside of the signed part is the same.
  if (!sameBytes(fields.take(DER_TAG.sequence).whole(), signatureAlgorithm.der)) throw new DerError('two signature algorithms')
  const issuer = readName(fields)
  const validity = fields.take(DER_TAG.sequence).enter()
  const notBeforeMs = readTime(validity)
  const notAfterMs = readTime(validity)
  validity.finish()
  const subject = readName(fields)
  const key = readPublicKey(fields)
  // RFC 5280 §4.1.2.8: unique identifiers, obsolete, versions 2 and 3 only.
  for (const tag of [contextTag(1, 'primitive'), contextTag(2, 'primitive')]) {
    if (version > 1 && fields.isNext(tag)) readBitString(fields, tag)
  }
  const extensions = version === 3 && fields.optional(contextTag(3, 'constructed')) ? readExtensions(fields.enter()) : NO_EXTENSIONS
  fields.finish()

  let fingerprint: Uint8Array | null = null
  const parsed: ParsedCertificate = {
    der,
    // Where nobody asks, hashing would be half of what reading costs.
    get fingerprint() {
      fingerprint ??= createHash('sha256').update(der).digest()
      return fingerprint
    },
    version,
    serialNumber: hexFrom(serial).replace(/^0+(?=.)/, ''),
    issuer,
    subject,
    issuerKey: issuer.key,
    subjectKey: subject.key,
    notBeforeMs,
    notAfterMs,
    key,
    extensions,
    signatureAlgorithm,
    signed,
    signature,
  }
  checkSerial(serial, isSelfIssued(parsed))
  return parsed
}

// RFC 5280 §4.1.2.2: positive, up to twenty octets. Zero is read where a root numbered itself so; several public ones did.
function checkSerial(serial: Uint8Array, selfIssued: boolean): void {
  const [first = 0] = serial
  if (serial.length - (first === 0 ? 1 : 0) > MAX_SERIAL_OCTETS) throw new DerError('a serial number of too many octets')
  if (first >= 0x80 || (first === 0 && serial.length === 1 && !selfIssued)) throw new DerError('a serial number that is not positive')
}

function readVersion(fields: DerReader): number {
  if (!fields.optional(contextTag(0, 'constructed'))) return 1
  const inner = fields.enter()
  const version = readSmallInteger(inner) + 1
  inner.finish()
  // Version 1 is the default, which DER leaves out.
  if (version !== 2 && version !== 3) throw new DerError('a version that does not exist')
  return version
}

/** RFC 5280 §6.1: issuer and subject are the same name. */
export function isSelfIssued(certificate: ParsedCertificate): boolean {
  return certificate.issuerKey === certificate.subjectKey
}
