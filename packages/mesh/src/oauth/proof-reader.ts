import { type Headers, type Inbound, isRefusal, type Refusal } from '@countersign/core'
import type { DpopProofVerifier } from '@countersign/token'
import { type Rejection, reject } from './rejection.js'

/** Reads DPoP proofs (RFC 9449 §5). */
export interface ProofReader {
  /** Never rejects. */
  read(inbound: Inbound): Promise<ReadProof>
}

export interface ReadProof {
  /** RFC 7638 thumbprint of the key that was proven; `null` without a proof. */
  readonly finding: string | null | Rejection
  /** `DPoP-Nonce`, where one is told (RFC 9449 §8.2). */
  readonly headers: Headers
}

export function createProofReader(proofs: DpopProofVerifier): ProofReader {
  return {
    async read(inbound) {
      const found = await proofs.verify(inbound)
      return { finding: isRefusal(found) ? rejectionOf(found) : found, headers: proofs.fieldsFor(inbound) }
    },
  }
}

function rejectionOf({ code, cause }: Refusal): Rejection {
  switch (code) {
    case 'ERR_PROOF_NONCE':
      return reject('ERR_GRANT_NONCE')
    case 'ERR_REPLAY_UNAVAILABLE':
    case 'ERR_GUARD_FAULT':
      return reject('ERR_STATE_UNAVAILABLE', { reason: code }, cause)
    default:
      return reject('ERR_GRANT_PROOF', { reason: code })
  }
}
