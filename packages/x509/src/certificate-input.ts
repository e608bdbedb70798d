import { asciiFrom } from './der-values.js'
import { onlyPemBlock } from './pem.js'
import { MAX_CERTIFICATE_BYTES, type ParsedCertificate, readCertificate } from './read-certificate.js'

/** A certificate: DER, or PEM with exactly one block. */
export type CertificateInput = Uint8Array | string

/** Base64 adds a third, line feeds and explanatory text a little more. */
const MAX_PEM_BYTES = 2 * MAX_CERTIFICATE_BYTES

/** @returns A fixed text of what is wrong, if it cannot be read. Never throws. */
export function readCertificateInput(input: CertificateInput): ParsedCertificate | string {
  const der = derFrom(input)
  return der === null ? 'not one PEM block CERTIFICATE' : readCertificate(der)
}

/** Its DER; `null` for what is neither DER nor one PEM block. */
export function derFrom(input: CertificateInput): Uint8Array | null {
  if (typeof input !== 'string' && input[0] === 0x30) return input
  if (input.length > MAX_PEM_BYTES) return null
  return onlyPemBlock(typeof input === 'string' ? input : asciiFrom(input), 'CERTIFICATE')
}
