import { createHash, type JsonWebKey } from 'node:crypto'

const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  RSA: ['e', 'kty', 'n'],
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'], // RFC 8037 §2
  AKP: ['alg', 'kty', 'pub'], // RFC 9964 §6
}

/**
 * RFC 7638 thumbprint of a public key: SHA-256 over its required members in lexicographic order, base64url.
 * @returns `null` for a key of another kind, or one that lacks a required member.
 * @see https://www.rfc-editor.org/rfc/rfc7638#section-3
 */
export function jwkThumbprint(jwk: JsonWebKey): string | null {
  const names = typeof jwk.kty === 'string' && Object.hasOwn(REQUIRED, jwk.kty) ? (REQUIRED[jwk.kty] ?? []) : []
  const members = names.map((name) => [name, jwk[name]] as const)
  if (members.length === 0 || members.some(([, value]) => typeof value !== 'string')) return null
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest('base64url')
}
