import { constants, generateKeyPair, generateKeyPairSync, type KeyObject, type SigningOptions, sign, verify } from 'node:crypto'
import { MisuseError } from '@countersign/core'

/** JWS algorithms that tokens are signed with. `EdDSA` is the older name of `Ed25519` (RFC 9864). */
export type SigningAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'ES384' | 'Ed25519' | 'EdDSA' | 'ML-DSA-44' | 'ML-DSA-65' | 'ML-DSA-87'

interface Mechanism {
  /** As Node calls the kind of the key. */
  readonly keyType: string
  /** As JWKs call the curve. */
  readonly curve?: string
  /** How a key of the kind is made. */
  readonly keyOptions?: object
  readonly hash: string | null
  readonly signing?: SigningOptions
}

const RSA_BITS = 2048 // RFC 7518 §3.3; these keys live shorter than certificates
const RSA = { keyType: 'rsa', keyOptions: { modulusLength: RSA_BITS }, hash: 'sha256' } as const
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } // RFC 7518 §3.5: the salt is as long as the hash
const SIDE_BY_SIDE = { dsaEncoding: 'ieee-p1363' } as const // RFC 7518 §3.4: R and S side by side

const MECHANISMS: Readonly<Record<SigningAlgorithm, Mechanism>> = {
  RS256: RSA,
  PS256: { ...RSA, signing: PSS },
  ES256: { keyType: 'ec', curve: 'P-256', keyOptions: { namedCurve: 'P-256' }, hash: 'sha256', signing: SIDE_BY_SIDE },
  ES384: { keyType: 'ec', curve: 'P-384', keyOptions: { namedCurve: 'P-384' }, hash: 'sha384', signing: SIDE_BY_SIDE },
  Ed25519: { keyType: 'ed25519', hash: null },
  EdDSA: { keyType: 'ed25519', hash: null },
  'ML-DSA-44': { keyType: 'ml-dsa-44', hash: null },
  'ML-DSA-65': { keyType: 'ml-dsa-65', hash: null },
  'ML-DSA-87': { keyType: 'ml-dsa-87', hash: null },
}

/** Every {@link SigningAlgorithm}. */
export const SIGNING_ALGORITHMS: readonly SigningAlgorithm[] = Object.freeze(Object.keys(MECHANISMS) as SigningAlgorithm[])

// The types of Node 20 know no ML-DSA, which Node 24 has.
const generateAny = generateKeyPairSync as unknown as (type: string, options?: object) => { readonly privateKey: KeyObject }
const generateAnyLater = generateKeyPair as unknown as (
  type: string,
  options: object,
  done: (error: Error | null, publicKey: KeyObject, privateKey: KeyObject) => void,
) => void

// Verifiers refuse others, ours too.
const MIN_MODULUS_BITS = 2048
const MAX_MODULUS_BITS = 8192

/**
 * Makes a private key for the algorithm.
 * @throws {MisuseError} where the runtime has no such keys.
 */
export function generateKey(option: string, algorithm: SigningAlgorithm): KeyObject {
  const { keyType, keyOptions } = MECHANISMS[algorithm]
  try {
    return generateAny(keyType, keyOptions).privateKey
  } catch (cause) {
    throw notHere(option, algorithm, cause)
  }
}

/** {@link generateKey} on the thread pool: an RSA key takes a tenth of a second. */
export function generateKeyInBackground(option: string, algorithm: SigningAlgorithm): Promise<KeyObject> {
  const { keyType, keyOptions = {} } = MECHANISMS[algorithm]
  return new Promise((resolve, reject) => {
    try {
      generateAnyLater(keyType, keyOptions, (error, _, privateKey) => {
        if (error === null) resolve(privateKey)
        else reject(error)
      })
    } catch (cause) {
      reject(notHere(option, algorithm, cause))
    }
  })
}

function notHere(option: string, algorithm: SigningAlgorithm, cause: unknown): MisuseError {
  return new MisuseError('ERR_OPTION_INVALID', option, `this runtime has no ${algorithm}`, cause)
}

/**
 * Says why a key cannot be used with the algorithm.
 * @returns what the option takes; `null` for a key that fits.
 */
export function flawOfKey(key: KeyObject, type: 'private' | 'public', algorithm: SigningAlgorithm): string | null {
  const { keyType, curve } = MECHANISMS[algorithm]
  if (key.type !== type || key.asymmetricKeyType !== keyType) return `takes a ${type} key of the kind ${keyType} for ${algorithm}`
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {}
  if (keyType === 'rsa' && (modulusLength < MIN_MODULUS_BITS || modulusLength > MAX_MODULUS_BITS))
    return `takes a key of ${MIN_MODULUS_BITS} to ${MAX_MODULUS_BITS} bits for ${algorithm}`
  if (curve !== undefined && namedCurve !== (curve === 'P-256' ? 'prime256v1' : 'secp384r1'))
    return `takes a key on the curve ${curve} for ${algorithm}`
  return null
}

/** A JWS signature (RFC 7515 §5.1), made at once. */
export function signWith(algorithm: SigningAlgorithm, key: KeyObject, bytes: Uint8Array): Uint8Array {
  const { hash, signing } = MECHANISMS[algorithm]
  return sign(hash, bytes, { key, ...signing })
}

/** {@link signWith} on the thread pool: the event loop goes on. */
export function signInBackgroundWith(algorithm: SigningAlgorithm, key: KeyObject, bytes: Uint8Array): Promise<Uint8Array> {
  const { hash, signing } = MECHANISMS[algorithm]
  return new Promise((resolve, reject) => {
    sign(hash, bytes, { key, ...signing }, (error, signature) => {
      if (error === null) resolve(signature)
      else reject(error)
    })
  })
}

/** Whether it is the signature that the public key's holder was asked for. */
export function verifyWith(algorithm: SigningAlgorithm, key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  const { hash, signing } = MECHANISMS[algorithm]
  return verify(hash, bytes, { key, ...signing }, signature)
}
