import type { KeyObject } from 'node:crypto'
import { compactVerify, errors } from 'jose'
import type { Algorithm } from './algorithm.js'

/**
 * The only place where a signature is verified. The key was imported once, when it was loaded; the algorithm is one of the issuer's
 * and of this key's, never the token's wish.
 *
 * @param signingInput header and payload as they stood in the token.
 * @param signature canonical base64url.
 * @returns `false` for a signature that is wrong. Rejects for a fault that is not the token's.
 */
export async function verifySignature(algorithm: Algorithm, key: KeyObject, signingInput: string, signature: string): Promise<boolean> {
  try {
    await compactVerify(`${signingInput}.${signature}`, key, { algorithms: [algorithm] })
    return true
  } catch (cause) {
    if (cause instanceof errors.JWSSignatureVerificationFailed) return false
    throw cause
  }
}
