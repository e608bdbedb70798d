import { CaCertificate } from './ca-certificate.js'
import { readCertificate } from './read-certificate.js'

/**
 * Reads a certificate that is to vouch for others.
 * @param use `'intermediates'`: to sign CRLs is enough (RFC 5280 §6.3.3 (f)).
 * @returns A fixed text of why it cannot.
 */
export function readAuthority(der: Uint8Array, use: 'anchors' | 'intermediates'): CaCertificate | string {
  const certificate = readCertificate(der)
  if (typeof certificate === 'string') return `a certificate that cannot be read: ${certificate}`
  const { version, extensions } = certificate
  const signs = extensions.keyUsage?.includes('keyCertSign') ?? true
  if (version === 3 && extensions.isCa && signs) return new CaCertificate(certificate)
  if (use === 'intermediates' && extensions.keyUsage?.includes('cRLSign')) return new CaCertificate(certificate)
  return 'a certificate that is not a CA certificate (cA, keyCertSign) and can vouch for nobody'
}
