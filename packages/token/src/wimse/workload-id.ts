import { parseSpiffeId } from '@countersign/core'

// draft-ietf-wimse-identifier-03 §4.1: an absolute URI whose authority is the trust domain, without user, port, query and fragment. Written
// as strictly as SPIFFE IDs are: nothing percent-encoded, no dot segment.
const WIMSE_ID = /^(wimse:\/\/[a-z0-9.-]{1,255})(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9\-._~!$&'()*+,;=:@]+)+$/
const TRUST_DOMAIN = /^(?:wimse:\/\/[a-z0-9.-]{1,255}|spiffe:\/\/[a-z0-9._-]{1,255})$/
const MAX_BYTES = 2048

/**
 * The trust domain of a workload identifier, as a URI: `wimse://prod.example`.
 * @returns `null` for what identifies no workload.
 */
export function trustDomainOf(identifier: string): string | null {
  const spiffeId = parseSpiffeId(identifier)
  if (spiffeId !== null) return spiffeId.path === '' ? null : `spiffe://${spiffeId.trustDomain}`
  return identifier.length > MAX_BYTES ? null : (WIMSE_ID.exec(identifier)?.[1] ?? null)
}

/** Is this a trust domain, as {@link trustDomainOf} writes one? */
export function isTrustDomain(text: string): boolean {
  return TRUST_DOMAIN.test(text)
}
