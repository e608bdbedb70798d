import type { CertifiedPeer, Finding, Peer, Refusal } from '@countersign/core'
import type { CaCertificate } from './certificate/ca-certificate.js'
import type { RevocationSubject } from './revocation/revocation.js'

/**
 * What is known of a presented leaf. A verified leaf has one fact for all its connections, so what is found out on one of them holds
 * for the others; a refused one has a fact for each connection, since another connection may bring other intermediates. The first three
 * fields are all that a warm request reads.
 */
export interface LeafFact {
  finding: Finding<Peer>
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
  peer: CertifiedPeer
  readonly trustDomain: string | null
  /** Issuer of the leaf first, anchor last. */
  readonly path: readonly CaCertificate[]
  /** CRL issuers beside the path whose lists were believed, and those above them. */
  readonly crlAuthorities: readonly CaCertificate[]
  readonly leafEndMs: number
  readonly pathEndMs: number
  readonly subject: RevocationSubject
}

/** How long a refusal is kept that time alone may mend: new files have a new epoch anyway. */
const RECHECK_MS = 10_000

/** When a refusal may have another end without anything but time having changed. */
export function recheckAt({ code }: Refusal, nowMs: number, validFromMs = 0): number {
  switch (code) {
    case 'ERR_PEER_NOT_YET_VALID':
      return validFromMs > nowMs ? validFromMs : nowMs + RECHECK_MS
    case 'ERR_PEER_EXPIRED':
    case 'ERR_PEER_REVOCATION_UNKNOWN':
      return nowMs + RECHECK_MS
    default:
      return Number.POSITIVE_INFINITY
  }
}
