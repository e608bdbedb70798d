import { createPublicKey, type KeyObject } from 'node:crypto'
import { isJsonArray, type JsonObject } from '@countersign/core'
import type { CaCertificate } from '../certificate/ca-certificate.js'
import { readAuthority } from '../certificate/read-authority.js'
import { decodeBase64 } from '../der/pem.js'

/** A public key that verifies tokens of a trust domain (RFC 7517). Frozen; only members of a public key are in it. */
export interface BundleJwk {
  readonly kty: 'RSA' | 'EC' | 'OKP'
  readonly use: 'jwt-svid' | 'wit-svid'
  readonly kid: string
  /** The one algorithm of the key, where the bundle names it. */
  readonly alg?: string
  readonly n?: string
  readonly e?: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
}

/** What an entry of a bundle is: a certificate authority, a token key, nothing for us, or a fixed text of what is wrong. */
export type BundleKey = CaCertificate | BundleJwk | null | string

/** Key identifiers are hashes or short names. */
const MAX_KID_LENGTH = 256
const MAX_ALG_LENGTH = 32
const CURVES: ReadonlyMap<unknown, readonly unknown[]> = new Map<unknown, readonly unknown[]>([
  ['RSA', [undefined]],
  ['EC', ['P-256', 'P-384', 'P-521']],
  ['OKP', ['Ed25519', 'Ed448']],
])
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** Reads one entry of `keys`. */
export function readBundleKey(jwk: JsonObject<bigint>): BundleKey {
  const { kty, crv, use } = jwk
  // Trust Domain and Bundle §4.2.1, §4.2.2: an unknown type or use, or none, is passed over with the whole entry.
  if (CURVES.get(kty)?.includes(crv) !== true) return null
  // A private key that was published is everybody's: nothing is proven with it.
  if (PRIVATE_MEMBERS.some((name) => name in jwk)) return null
  switch (use) {
    case 'x509-svid':
      return readX509Key(jwk)
    case 'jwt-svid':
    case 'wit-svid':
      return readTokenKey(jwk, use)
    default:
      return null
  }
}

/** X509-SVID §6.1, §6.2 */
function readX509Key(jwk: JsonObject<bigint>): CaCertificate | null | string {
  const { x5c } = jwk
  if (x5c === undefined) return null
  if (!isJsonArray(x5c)) return 'an x5c that is no list'
  const [text, second] = x5c
  if (text === undefined) return null
  // §6.1: exactly one. §6.2 would have the others ignored: whoever put a chain there meant something else than an authority.
  if (second !== undefined) return 'an x5c of more than one certificate'
  const der = typeof text === 'string' ? decodeBase64(text) : null
  if (der === null) return 'an x5c that is not base64'
  const authority = readAuthority(der, 'anchors')
  if (typeof authority === 'string') return authority
  // RFC 7517 §4.7: the key of the certificate and that of the entry are the same.
  const key = publicKeyOf(jwk)
  if (key === null) return 'a key that cannot be read'
  return authority.key === null || authority.key.equals(key) ? authority : 'an x5c for another key'
}

/** JWT-SVID §6, WIT-SVID §6.1 */
function readTokenKey(jwk: JsonObject<bigint>, use: BundleJwk['use']): BundleJwk | string {
  const { kid, alg } = jwk
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) return 'a token key without a kid'
  if (alg !== undefined && (typeof alg !== 'string' || alg.length > MAX_ALG_LENGTH)) return 'an alg that is no name'
  const key = publicKeyOf(jwk)
  if (key === null) return 'a key that cannot be read'
  const { kty, ...members } = key.export({ format: 'jwk' })
  return Object.freeze({ kty, use, kid, ...(alg === undefined ? {} : { alg }), ...members }) as BundleJwk
}

/** OpenSSL refuses points that are not on their curve. */
function publicKeyOf(jwk: JsonObject<bigint>): KeyObject | null {
  const members = Object.fromEntries(['kty', 'crv', 'x', 'y', 'n', 'e'].flatMap((name) => (name in jwk ? [[name, jwk[name]]] : [])))
  try {
    return createPublicKey({ key: members, format: 'jwk' })
  } catch {
    return null
  }
}
