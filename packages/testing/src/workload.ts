import { createHash } from 'node:crypto'
import type { IssuedCertificate } from '@countersign/issuer'

/** A service of the mesh: its name, its certificate and its private key. */
export interface Workload {
  /** The SPIFFE ID, or for a certificate without one whatever the test calls it. */
  readonly id: string
  readonly certificatePem: string
  /** PKCS #8, not encrypted. */
  readonly keyPem: string
  readonly certificateDer: Uint8Array
  /** The leaf and its intermediates, the leaf first. */
  readonly chainDer: readonly Uint8Array[]
  /** The same in PEM: what a TLS server or client sends. */
  readonly chainPem: string
  /** Lowercase hexadecimal. */
  readonly serialNumber: string
  /** RFC 8705 §3.1 thumbprint, base64url: what a token bound to this workload holds. */
  readonly 'x5t#S256': string
}

/** Makes a workload of any issued certificate: for those that a mesh would not make, such as a CA as a leaf. */
export function workloadFrom(id: string, issued: IssuedCertificate): Workload {
  const { certificatePem, keyPem, certificateDer, chainDer, chainPem, serialNumber } = issued
  const thumbprint = createHash('sha256').update(certificateDer).digest('base64url')
  return Object.freeze({ id, certificatePem, keyPem, certificateDer, chainDer, chainPem, serialNumber, 'x5t#S256': thumbprint })
}
