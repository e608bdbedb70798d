import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { jwkThumbprint, MisuseError } from '@countersign/core'
import {
  flawOfKey,
  generateKey,
  generateKeyInBackground,
  type SigningAlgorithm,
  signInBackgroundWith,
  signWith,
} from './signing-algorithm.js'

/** A public key as JWKS carry it (RFC 7517 §4). */
export interface PublicJwk extends JsonWebKey {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly use: 'sig'
}

/** What signs, wherever the private key is, and its public part. */
export interface BackgroundKey {
  readonly jwk: PublicJwk
  signInBackground(bytes: Uint8Array): Promise<Uint8Array>
}

/** A private key of this process, and its public part. The key itself is no property: nothing that prints or copies this has it. */
export interface SigningKey extends BackgroundKey {
  sign(bytes: Uint8Array): Uint8Array
}

/**
 * A key for the algorithm, generated or given.
 * @param option path of the option that a given key came by.
 * @param keyId default: the RFC 7638 thumbprint.
 * @throws {MisuseError} if the given key is not one for this algorithm.
 */
export function createSigningKey(option: string, algorithm: SigningAlgorithm, given?: KeyObject, keyId?: string): SigningKey {
  const key = given ?? generateKey('options.algorithm', algorithm)
  const flaw = flawOfKey(key, 'private', algorithm)
  if (flaw !== null) throw new MisuseError('ERR_OPTION_INVALID', option, flaw)
  return Object.freeze({
    jwk: publicJwkOf(option, createPublicKey(key), algorithm, keyId),
    sign: (bytes: Uint8Array) => signWith(algorithm, key, bytes),
    signInBackground: (bytes: Uint8Array) => signInBackgroundWith(algorithm, key, bytes),
  })
}

/** A generated key, made on the thread pool. */
export async function makeSigningKey(algorithm: SigningAlgorithm): Promise<SigningKey> {
  return createSigningKey('options.algorithm', algorithm, await generateKeyInBackground('options.algorithm', algorithm))
}

/** The JWK of a public key: its required members, and what it is for. */
export function publicJwkOf(option: string, key: KeyObject, algorithm: SigningAlgorithm, keyId?: string): PublicJwk {
  const members = key.export({ format: 'jwk' })
  const kid = keyId ?? jwkThumbprint(members)
  if (kid === null) throw new MisuseError('ERR_OPTION_INVALID', option, `this runtime cannot export keys of ${algorithm} as JWKs`)
  return Object.freeze({ ...members, kid, alg: algorithm, use: 'sig' })
}
