import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** Signs with node:crypto alone: neither our own code nor jose had a hand in these tokens. */
export interface Signer {
  readonly algorithm: string
  readonly kid: string
  readonly publicKey: KeyObject
  readonly jwk: Record<string, unknown>
  /** Signs exactly these claims; `header` is put over `alg`, `typ` and `kid`, and `undefined` takes one away. */
  sign(claims: unknown, header?: Record<string, unknown>): string
  /** Signs the texts of a header and a payload as they are. */
  signText(header: string, payload: string): string
}

const HASHES: Record<string, string | null> = {
  RS256: 'sha256',
  RS384: 'sha384',
  RS512: 'sha512',
  PS256: 'sha256',
  PS384: 'sha384',
  PS512: 'sha512',
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
  Ed25519: null,
  EdDSA: null,
}
const CURVES: Record<string, string> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

export function createSigner(algorithm = 'ES256', kid = `kid-${algorithm}`, privateKey = generatePrivateKey(algorithm)): Signer {
  const publicKey = createPublicKey(privateKey)
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' }

  function signText(header: string, payload: string): string {
    const input = `${encode(header)}.${encode(payload)}`
    const signature = sign(HASHES[algorithm] ?? null, Buffer.from(input), {
      key: privateKey,
      dsaEncoding: 'ieee-p1363',
      ...(algorithm.startsWith('PS') ? { padding: 6, saltLength: -1 } : {}),
    })
    return `${input}.${signature.toString('base64url')}`
  }

  return {
    algorithm,
    kid,
    publicKey,
    jwk,
    signText,
    sign: (claims, header = {}) => signText(JSON.stringify({ alg: algorithm, typ: 'at+jwt', kid, ...header }), JSON.stringify(claims)),
  }
}

export function generatePrivateKey(algorithm: string): KeyObject {
  const curve = CURVES[algorithm]
  if (curve !== undefined) return generateKeyPairSync('ec', { namedCurve: curve }).privateKey
  if (algorithm.startsWith('Ed')) return generateKeyPairSync('ed25519').privateKey
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}

export function encode(text: string | Buffer): string {
  return Buffer.from(text).toString('base64url')
}
