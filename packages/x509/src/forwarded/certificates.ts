import { isRefusal, type Refusal } from '@countersign/core'
import { type ParsedCertificate, readCertificate } from '../certificate/read-certificate.js'
import { sameBytes } from '../der/der-values.js'
import type { ForwardedCertificateEvidence, ForwardedResult } from './format.js'
import { MAX_FORWARDED_CERTIFICATES } from './limits.js'
import { type ForwardedRole, malformed, tooLarge } from './refusals.js'

/** DER as it was decoded, leaf first; `null` where the field says that there is no certificate. */
export type Decoded = readonly Uint8Array[] | Refusal | null

/** Certificates that can be read. */
export interface ForwardedCertificates {
  readonly leaf: ParsedCertificate
  readonly intermediates: readonly Uint8Array[]
}

/** Reads all of them, each to its last byte. A damaged leaf is final: the next certificate never takes its place. */
export function readCertificates(ders: readonly Uint8Array[], role: ForwardedRole): ForwardedCertificates | Refusal {
  if (ders.length > MAX_FORWARDED_CERTIFICATES) return tooLarge(role, 'certificates')
  const [first, ...rest] = ders
  const leaf = first === undefined ? 'none' : readCertificate(first)
  if (typeof leaf === 'string') return malformed(role, 'leaf')
  const intermediates: Uint8Array[] = []
  for (const der of rest) {
    const intermediate = readCertificate(der)
    if (typeof intermediate === 'string') return malformed(role, 'intermediate')
    intermediates.push(intermediate.der)
  }
  return { leaf, intermediates }
}

export function certificateEvidence(
  { leaf, intermediates }: ForwardedCertificates,
  provenance: ForwardedCertificateEvidence['provenance'],
): ForwardedCertificateEvidence {
  return Object.freeze({ kind: 'certificate', leaf: leaf.der, intermediates: Object.freeze(intermediates), provenance })
}

/** Evidence out of certificates beside which nothing stands. */
export function passedThrough(decoded: Decoded, role: ForwardedRole): ForwardedResult {
  if (decoded === null || isRefusal(decoded)) return decoded
  const certificates = readCertificates(decoded, role)
  return isRefusal(certificates) ? certificates : certificateEvidence(certificates, 'proxy-passed-through')
}

/** Leaf and intermediates in one list; the leaf is not taken twice where the chain begins with it. */
export function chained(leaf: readonly Uint8Array[] | null, chain: readonly Uint8Array[]): Decoded {
  const [own] = leaf ?? []
  const [first] = chain
  if (own === undefined) return first === undefined ? null : malformed('chain', 'chain-without-leaf')
  return [own, ...(first !== undefined && sameBytes(own, first) ? chain.slice(1) : chain)]
}
