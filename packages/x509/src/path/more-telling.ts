import type { Code, Refusal } from '@countersign/core'

// How far a path had come when it was refused, nearest to success first. What is not listed comes after all of them.
const FROM_BEST: readonly Code[] = [
  'ERR_PEER_REVOKED',
  'ERR_PEER_REVOCATION_UNKNOWN',
  'ERR_PEER_NAME_NOT_PERMITTED',
  'ERR_PEER_PIN_MISMATCH',
  'ERR_PEER_NAME',
  'ERR_PEER_EXPIRED',
  'ERR_PEER_NOT_YET_VALID',
  'ERR_PEER_PURPOSE',
  'ERR_PEER_CHAIN_INVALID',
  'ERR_PEER_WEAK_SIGNATURE',
  'ERR_PEER_WEAK_KEY',
  'ERR_PEER_TOO_COMPLEX',
]

/** Of the reasons why paths were refused the one that says most: that of the path that came closest, and of equal ones the first. */
export function moreTelling(known: Refusal | null, next: Refusal | null): Refusal | null {
  if (known === null || next === null) return known ?? next
  return rank(next) < rank(known) ? next : known
}

function rank({ code }: Refusal): number {
  const place = FROM_BEST.indexOf(code)
  return place === -1 ? FROM_BEST.length : place
}
