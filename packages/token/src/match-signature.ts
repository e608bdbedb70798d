import type { Algorithm } from './algorithm.js'
import { ALGORITHMS } from './algorithm.js'
import { decodedLength } from './base64url.js'
import { verifySignature } from './signature.js'
import type { VerificationKey } from './verification-key.js'

/** Which of these keys made the signature. `null`: none. A signature of the wrong length costs no cryptography. */
export async function matchSignature(
  candidates: readonly VerificationKey[],
  algorithm: string,
  signingInput: string,
  signature: string,
): Promise<VerificationKey | null> {
  const known: Algorithm | undefined = ALGORITHMS.find((name) => name === algorithm)
  if (known === undefined) return null
  const length = decodedLength(signature)
  for (const candidate of candidates) {
    if (candidate.signatureBytes !== length || !candidate.algorithms.has(known)) continue
    if (await verifySignature(known, candidate.key, signingInput, signature)) return candidate
  }
  return null
}
