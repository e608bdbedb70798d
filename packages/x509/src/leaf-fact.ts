import type { Peer, Refusal } from '@countersign/core'
import type { CaCertificate } from './ca-certificate.js'
import type { RevocationSubject } from './revocation.js'

/**
 * What is known of a presented leaf. One object for all connections with this leaf, so what is found out on one of them holds for the
 * others. The first three fields are all that a warm request reads.
 */
export interface LeafFact {
  finding: Peer | Refusal | null
  /** State of trust and revocation that `finding` was made in. */
  epoch: number
  /** Until when `finding` holds without another look. Epoch milliseconds. */
  untilMs: number
  /** `null` for a leaf that was never verified. */
  evidence: Evidence | null
}

/** What a verified leaf is judged by again: a few words a leaf, the CA certificates are shared. */
export interface Evidence {
  /** Another object when its end moves, as with a new CRL. */
  peer: Peer
  readonly trustDomain: string | null
  readonly path: readonly CaCertificate[]
  readonly leafEndMs: number
  readonly pathEndMs: number
  readonly subject: RevocationSubject
}
