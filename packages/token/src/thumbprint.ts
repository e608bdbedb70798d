import { createHash, type KeyObject } from 'node:crypto'
import { mlDsaOctets } from './ml-dsa.js'

/**
 * RFC 7638 thumbprint of a public key: SHA-256 over its required members in lexicographic order, base64url.
 * @see https://www.rfc-editor.org/rfc/rfc7638#section-3
 */
export function thumbprint(key: KeyObject): string {
  return createHash('sha256')
    .update(JSON.stringify(requiredMembers(key)))
    .digest('base64url')
}

function requiredMembers(key: KeyObject): object {
  const type = key.asymmetricKeyType
  if (type !== 'rsa' && type !== 'ec' && type !== 'ed25519') {
    const module = mlDsaOctets(key)
    // RFC 9964 §6
    if (module !== null) return { alg: module.kind, kty: 'AKP', pub: Buffer.from(module.octets).toString('base64url') }
  }
  const { kty, crv, n, e, x, y } = key.export({ format: 'jwk' })
  return kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y }
}
