import { isAlgorithm } from './algorithm.js'
import { verifySignature } from './signature.js'
import type { VerificationKey } from './verification-key.js'

/**
 * Which of these keys made the signature. `null`: none. A signature of the wrong length costs no cryptography.
 * @returns a promise only where verifying takes long, see `verifySignature`.
 */
export function matchSignature(
  candidates: readonly VerificationKey[],
  algorithm: string,
  signingInput: string,
  signature: Uint8Array,
): VerificationKey | null | Promise<VerificationKey | null> {
  if (!isAlgorithm(algorithm)) return null
  for (const [index, candidate] of candidates.entries()) {
    if (candidate.signatureBytes !== signature.length || !candidate.algorithms.has(algorithm)) continue
    const right = verifySignature(algorithm, candidate.key, signingInput, signature)
    if (right === true) return candidate
    if (right === false) continue
    const others = candidates.slice(index + 1)
    return right.then((found) => (found ? candidate : matchSignature(others, algorithm, signingInput, signature)))
  }
  return null
}
