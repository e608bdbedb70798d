import { derOfEvidence } from '../der/evidence-bytes.js'
import { MAX_CERTIFICATE_BYTES, type ParsedCertificate, readCertificate } from './read-certificate.js'

/** A certificate: DER, or PEM with exactly one block. */
export type CertificateInput = Uint8Array | string

/** @returns A fixed text of what is wrong, if it cannot be read. Never throws. */
export function readCertificateInput(input: CertificateInput): ParsedCertificate | string {
  const der = derFrom(input)
  return der === null ? 'not one PEM block CERTIFICATE' : readCertificate(der)
}

/** Its DER; `null` for what is neither DER nor one PEM block. */
export function derFrom(input: CertificateInput): Uint8Array | null {
  // One that is too long is read as far as to say so.
  if (typeof input !== 'string' && input[0] === 0x30) return input
  return derOfEvidence(input, 'CERTIFICATE', MAX_CERTIFICATE_BYTES)
}
