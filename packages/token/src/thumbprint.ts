import { createHash, type KeyObject } from 'node:crypto'

/**
 * RFC 7638 thumbprint of a public key: SHA-256 over its required members in lexicographic order, base64url.
 * @see https://www.rfc-editor.org/rfc/rfc7638#section-3
 */
export function thumbprint(key: KeyObject): string {
  const { kty, crv, n, e, x, y } = key.export({ format: 'jwk' })
  const required = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y }
  return createHash('sha256').update(JSON.stringify(required)).digest('base64url')
}
