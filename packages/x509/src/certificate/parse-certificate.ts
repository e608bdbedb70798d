import { type CertificateMetadata, RefusedError } from '@countersign/core'
import { type CertificateInput, readCertificateInput } from './certificate-input.js'
import { metadataFrom } from './certificate-metadata.js'

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
export function parseCertificate(pemOrDer: CertificateInput): CertificateMetadata {
  const certificate = readCertificateInput(pemOrDer)
  if (typeof certificate === 'string') throw new RefusedError('ERR_PEER_UNREADABLE', `the certificate cannot be read: ${certificate}`)
  return metadataFrom(certificate)
}
