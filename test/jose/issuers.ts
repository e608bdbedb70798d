import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export const ISSUER = 'https://issuer.prod.example'
export const AUDIENCE = 'billing'
/** When every token is judged, in seconds. */
export const NOW = 1_800_000_000
export const SKEW_SECONDS = 30
export const MAX_BYTES = 8192

/** One key of the issuer, named by its one algorithm. */
export interface Signer {
  readonly algorithm: string
  readonly kid: string
  readonly publicKey: KeyObject
  readonly jwk: Readonly<Record<string, unknown>>
  /** A compact JWS over these texts, or bytes, as they are. */
  sign(header: string | Buffer, payload: string | Buffer): string
}

const SCHEMES: Readonly<Record<string, readonly [hash: string | null, make: () => KeyObject]>> = {
  RS256: ['sha256', rsa],
  RS384: ['sha384', rsa],
  RS512: ['sha512', rsa],
  PS256: ['sha256', rsa],
  PS384: ['sha384', rsa],
  PS512: ['sha512', rsa],
  ES256: ['sha256', () => curve('P-256')],
  ES384: ['sha384', () => curve('P-384')],
  ES512: ['sha512', () => curve('P-521')],
  EdDSA: [null, () => generateKeyPairSync('ed25519').privateKey],
  Ed25519: [null, () => generateKeyPairSync('ed25519').privateKey],
}

export const ALGORITHMS: readonly string[] = Object.keys(SCHEMES)

/** A key for every algorithm. Signed with node:crypto alone. */
export function createSigners(): readonly Signer[] {
  return Object.entries(SCHEMES).map(([algorithm, [hash, make]]): Signer => {
    const key = make()
    const publicKey = createPublicKey(key)
    const kid = `kid-${algorithm}`
    const how = {
      key,
      dsaEncoding: 'ieee-p1363' as const,
      ...(algorithm.startsWith('PS') ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {}),
    }
    return {
      algorithm,
      kid,
      publicKey,
      jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' },
      sign(header, payload) {
        const input = `${encode(header)}.${encode(payload)}`
        return `${input}.${sign(hash, Buffer.from(input), how).toString('base64url')}`
      },
    }
  })
}

export function encode(text: string | Buffer): string {
  return Buffer.from(text).toString('base64url')
}

function rsa(): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}

function curve(namedCurve: string): KeyObject {
  return generateKeyPairSync('ec', { namedCurve }).privateKey
}
