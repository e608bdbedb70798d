import { createHash } from 'node:crypto'
import { DER_TAG, encodeDer } from '@countersign/core'
import type { CaCertificate } from '../certificate/ca-certificate.js'
import { DerReader } from '../der/der-reader.js'
import { readInteger, readOctetAlignedBitString, readOid, readOptionalNull, sameBytes } from '../der/der-values.js'
import type { RevocationSubject } from './revocation.js'
import { integerOctets } from './serial-index.js'

/** Hash of a CertID. It finds a certificate; nothing rests on its strength. */
export type CertIdHash = 'sha1' | 'sha256' | 'sha384' | 'sha512'

/** The certificate that a response is about (RFC 6960 §4.1.1). */
export interface CertId {
  /** `null`: one that is not known here. */
  readonly hash: CertIdHash | null
  readonly issuerNameHash: Uint8Array
  readonly issuerKeyHash: Uint8Array
  /** Content octets of the INTEGER. */
  readonly serialNumber: Uint8Array
}

const OIDS: ReadonlyMap<string, CertIdHash> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
])
/** The AlgorithmIdentifiers of those that requests are written with. */
const ALGORITHMS = {
  sha1: Buffer.from('300906052b0e03021a0500', 'hex'),
  sha256: Buffer.from('300d06096086480165030402010500', 'hex'),
} as const

export function encodeCertId(subject: RevocationSubject, issuer: CaCertificate, hash: keyof typeof ALGORITHMS): Uint8Array {
  const digest = (bytes: Uint8Array): Uint8Array => encodeDer(DER_TAG.octetString, createHash(hash).update(bytes).digest())
  const names = [digest(subject.issuerName), digest(keyBitsOf(issuer))]
  return encodeDer(DER_TAG.sequence, ALGORITHMS[hash], ...names, encodeDer(DER_TAG.integer, integerOctets(subject.serialNumber)))
}

export function readCertId(reader: DerReader): CertId {
  const id = reader.take(DER_TAG.sequence).enter()
  const algorithm = id.take(DER_TAG.sequence).enter()
  const hash = OIDS.get(readOid(algorithm)) ?? null
  if (hash !== null) {
    readOptionalNull(algorithm)
    algorithm.finish()
  }
  const issuerNameHash = id.take(DER_TAG.octetString).content()
  const issuerKeyHash = id.take(DER_TAG.octetString).content()
  const serialNumber = readInteger(id)
  id.finish()
  return { hash, issuerNameHash, issuerKeyHash, serialNumber }
}

/** Is it this certificate of this issuer? */
export function isCertIdOf(id: CertId, subject: RevocationSubject, issuer: CaCertificate): boolean {
  if (id.hash === null || !sameBytes(id.serialNumber, integerOctets(subject.serialNumber))) return false
  const { hash } = id
  const digest = (bytes: Uint8Array): Uint8Array => createHash(hash).update(bytes).digest()
  return sameBytes(id.issuerNameHash, digest(subject.issuerName)) && sameBytes(id.issuerKeyHash, digest(keyBitsOf(issuer)))
}

/** The subject public key without its tag, length and unused bits (RFC 6960 §4.1.1, §4.2.1). */
export function keyBitsOf({ certificate }: CaCertificate): Uint8Array {
  const outer = new DerReader(certificate.key.spki)
  const inner = outer.take(DER_TAG.sequence).enter()
  inner.take(DER_TAG.sequence)
  return readOctetAlignedBitString(inner)
}
