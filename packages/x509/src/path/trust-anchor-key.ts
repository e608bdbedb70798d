import { createHash } from 'node:crypto'
import { CaCertificate } from '../certificate/ca-certificate.js'
import { NO_EXTENSIONS } from '../certificate/certificate-extensions.js'
import { readPublicKey } from '../certificate/public-key.js'
import type { ParsedCertificate } from '../certificate/read-certificate.js'
import { DerError, DerReader } from '../der/der-reader.js'
import { readName } from '../der/distinguished-name.js'

/** A trust anchor without a certificate: a bare name and key (RFC 5280 §6.1.1 (d)). */
export interface TrustAnchorKey {
  /** DER of the Name that the certificates below have as their issuer. */
  readonly name: Uint8Array
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
}

const NOTHING = new Uint8Array(0)
const BARE_EXTENSIONS = Object.freeze({ ...NO_EXTENSIONS, isCa: true })

/**
 * An anchor in the shape of a certificate that demands nothing: no dates, no constraints. Its DER is empty.
 * @returns `null` if the name or the key cannot be read.
 */
export function anchorFromKey({ name, publicKey }: TrustAnchorKey): CaCertificate | null {
  try {
    const subject = readWhole(name, readName)
    const key = readWhole(publicKey, readPublicKey)
    const bare: ParsedCertificate = {
      der: NOTHING,
      fingerprint: createHash('sha256').update(subject.der).update(key.spki).digest(),
      version: 3,
      serialNumber: '',
      issuer: subject,
      subject,
      issuerKey: subject.key,
      subjectKey: subject.key,
      notBeforeMs: Number.NEGATIVE_INFINITY,
      notAfterMs: Number.POSITIVE_INFINITY,
      key,
      extensions: BARE_EXTENSIONS,
      signatureAlgorithm: { name: '', der: NOTHING, scheme: null },
      signed: NOTHING,
      signature: NOTHING,
    }
    return new CaCertificate(bare)
  } catch (error) {
    if (error instanceof DerError) return null
    throw error
  }
}

/** Is this anchor one that has no certificate? */
export function isBareAnchor(anchor: CaCertificate): boolean {
  return anchor.certificate.der.length === 0
}

function readWhole<T>(bytes: Uint8Array, read: (reader: DerReader) => T): T {
  // A copy: what was handed in may change.
  const reader = new DerReader(new Uint8Array(bytes))
  const value = read(reader)
  reader.finish()
  return value
}
