import { addressKeyOf, type Inbound, type Peer } from '@countersign/core'

/** Whose attempts and questions are counted together: those of a verified peer, or else those of an address. */
export function sourceOf(inbound: Inbound, peer: Peer | null): string {
  if (peer === null) return addressKeyOf(inbound)
  const { kind, authority, value } = peer.identity
  return kind === 'spiffe' ? value : `${kind}:${authority}:${value}`
}
