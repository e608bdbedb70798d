import type { Headers, Inbound } from '@countersign/core'
import type { Rejection } from './rejection.js'

/** Reads DPoP proofs (RFC 9449 §5). */
export interface ProofReader {
  /** Rejects only with a {@link StateError}. */
  read(inbound: Inbound): Promise<ReadProof>
}

export interface ReadProof {
  /** RFC 7638 thumbprint of the key that was proven; `null` without a proof. */
  readonly finding: string | null | Rejection
  /** `DPoP-Nonce`, where one is told (RFC 9449 §8.2). */
  readonly headers: Headers
}
