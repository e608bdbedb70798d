import { type CertificateMetadata, RefusedError } from '@countersign/core'
import { metadataFrom } from './certificate-metadata.js'
import { asciiFrom } from './der-values.js'
import { onlyPemBlock } from './pem.js'
import { MAX_CERTIFICATE_BYTES, readCertificate } from './read-certificate.js'

/** Base64 adds a third, line feeds and explanatory text a little more. */
const MAX_PEM_BYTES = 2 * MAX_CERTIFICATE_BYTES

/**
 * Reads what one certificate says. Nothing is verified: not who signed it, not whether it is valid now.
 *
 * @param pemOrDer PEM as text or bytes, or DER. Exactly one certificate: a second block or bytes after it are refused.
 * @throws {RefusedError} `ERR_PEER_UNREADABLE`
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs'
 * import { parseCertificate } from '@countersign/x509'
 *
 * const certificate = parseCertificate(readFileSync('orders.pem', 'utf8'))
 * certificate.spiffeId // 'spiffe://prod.example/orders'
 * ```
 */
export function parseCertificate(pemOrDer: string | Uint8Array): CertificateMetadata {
  const der = derFrom(pemOrDer)
  const certificate = der === null ? 'not one PEM block CERTIFICATE' : readCertificate(der)
  if (typeof certificate === 'string') throw new RefusedError('ERR_PEER_UNREADABLE', `the certificate cannot be read: ${certificate}`)
  return metadataFrom(certificate)
}

function derFrom(pemOrDer: string | Uint8Array): Uint8Array | null {
  if (typeof pemOrDer !== 'string' && pemOrDer[0] === 0x30) return pemOrDer
  if (pemOrDer.length > MAX_PEM_BYTES) return null
  return onlyPemBlock(typeof pemOrDer === 'string' ? pemOrDer : asciiFrom(pemOrDer), 'CERTIFICATE')
}
