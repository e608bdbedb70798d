import { constants, createHash, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import { MisuseError } from '@countersign/core'

/** JWS algorithms that tokens are signed with. `EdDSA` is the older name of `Ed25519` (RFC 9864). */
export type SigningAlgorithm = 'ES256' | 'RS256' | 'PS256' | 'Ed25519' | 'EdDSA'

/** A public key as JWKS carry it (RFC 7517 §4). */
export interface PublicJwk extends JsonWebKey {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly use: 'sig'
}

/** A private key that signs, and its public part. */
export interface SigningKey {
  readonly jwk: PublicJwk
  sign(bytes: Uint8Array): Uint8Array
}

const RSA_BITS = 2048 // RFC 7518 §3.3; these keys live shorter than certificates
const KEY_TYPES: Readonly<Record<SigningAlgorithm, string>> = {
  ES256: 'ec',
  RS256: 'rsa',
  PS256: 'rsa',
  Ed25519: 'ed25519',
  EdDSA: 'ed25519',
}

/**
 * A key for the algorithm, generated or given.
 * @throws {MisuseError} if the given key is not one for this algorithm.
 */
export function createSigningKey(algorithm: SigningAlgorithm, given?: KeyObject, keyId?: string): SigningKey {
  const key = given ?? generate(algorithm)
  if (key.type !== 'private' || key.asymmetricKeyType !== KEY_TYPES[algorithm])
    throw new MisuseError('ERR_OPTION_INVALID', 'options.key', `takes a private key of the kind ${KEY_TYPES[algorithm]} for ${algorithm}`)
  const publicJwk = createPublicKey(key).export({ format: 'jwk' })
  if (algorithm === 'ES256' && publicJwk.crv !== 'P-256')
    throw new MisuseError('ERR_OPTION_INVALID', 'options.key', 'takes a key on the curve P-256 for ES256')
  const kid = keyId ?? thumbprint(publicJwk)
  return { jwk: Object.freeze({ ...publicJwk, kid, alg: algorithm, use: 'sig' }), sign: signerOf(algorithm, key) }
}

function generate(algorithm: SigningAlgorithm): KeyObject {
  switch (algorithm) {
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    case 'RS256':
    case 'PS256':
      return generateKeyPairSync('rsa', { modulusLength: RSA_BITS }).privateKey
    case 'Ed25519':
    case 'EdDSA':
      return generateKeyPairSync('ed25519').privateKey
  }
}

function signerOf(algorithm: SigningAlgorithm, key: KeyObject): (bytes: Uint8Array) => Uint8Array {
  switch (algorithm) {
    case 'ES256':
      return (bytes) => sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }) // RFC 7518 §3.4: R and S side by side
    case 'RS256':
      return (bytes) => sign('sha256', bytes, key)
    case 'PS256':
      return (bytes) => sign('sha256', bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })
    case 'Ed25519':
    case 'EdDSA':
      return (bytes) => sign(null, bytes, key)
  }
}

/** RFC 7638 §3: the required members in lexicographic order. */
function thumbprint(jwk: JsonWebKey): string {
  const members = ['crv', 'e', 'kty', 'n', 'x', 'y'].filter((name) => jwk[name] !== undefined).map((name) => [name, jwk[name]])
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest('base64url')
}
