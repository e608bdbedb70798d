import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { checkChoice, MisuseError, RefusedError, withDeadline } from '@countersign/core'
import { flawOfKey, SIGNING_ALGORITHMS, type SigningAlgorithm, verifyWith } from './signing-algorithm.js'
import { type BackgroundKey, publicJwkOf } from './signing-key.js'

/** A key that somebody else keeps, such as a hardware module or a key service: no byte of it is in this process. */
export interface Signer {
  readonly algorithm: SigningAlgorithm
  readonly publicJwk: JsonWebKey
  /**
   * Makes a JWS signature (RFC 7515 §5.1; of ECDSA R and S side by side). One that does not come in time, or does not verify, is an error.
   * @param signal ends once nobody waits any more.
   */
  sign(bytes: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
}

/**
 * A remote key as the ring uses one.
 * @throws {MisuseError} if its public key is none of its algorithm.
 */
export function createRemoteKey(option: string, signer: Signer, expected: SigningAlgorithm, timeoutMs: number): BackgroundKey {
  const algorithm = checkChoice(`${option}.algorithm`, signer.algorithm, SIGNING_ALGORITHMS)
  if (algorithm !== expected)
    throw new MisuseError('ERR_OPTION_CONTRADICTION', `${option}.algorithm`, `is not that of the ring: ${expected}`)
  const key = importKey(`${option}.publicJwk`, signer)
  const flaw = flawOfKey(key, 'public', algorithm)
  if (flaw !== null) throw new MisuseError('ERR_OPTION_INVALID', `${option}.publicJwk`, flaw)

  async function signInBackground(bytes: Uint8Array): Promise<Uint8Array> {
    let signature: unknown
    try {
      const deadline = { server: 'the signer', timeoutMs }
      signature = await withDeadline(deadline, (signal) => signer.sign(bytes, signal))
    } catch (cause) {
      throw new RefusedError('ERR_KEYS_UNAVAILABLE', 'The signer did not sign', cause)
    }
    // A signature that was made wrong can give an RSA key away (Boneh, DeMillo, Lipton 1997), and serves nobody.
    if (!(signature instanceof Uint8Array) || !verifyWith(algorithm, key, bytes, signature))
      throw new RefusedError('ERR_KEYS_UNAVAILABLE', 'What the signer made is not its signature')
    return signature
  }
  return Object.freeze({ jwk: publicJwkOf(option, key, algorithm), signInBackground })
}

function importKey(option: string, { publicJwk }: Signer): ReturnType<typeof createPublicKey> {
  for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']) {
    if (Object.hasOwn(publicJwk, name))
      throw new MisuseError('ERR_OPTION_INVALID', option, 'holds a private key: give the public part alone')
  }
  try {
    return createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
  } catch (cause) {
    throw new MisuseError('ERR_OPTION_INVALID', option, 'takes a public JWK', cause)
  }
}
