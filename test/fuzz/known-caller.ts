import type { Peer, PeerVerifier } from '@countersign/core'

/** A caller whose certificate somebody else has judged: for what comes after it. */
export function knownCaller(id: string): PeerVerifier {
  const peer = {
    id,
    identity: { kind: 'spiffe', authority: 'prod.example', value: id },
    spiffeId: id,
    provenance: 'connection',
    certificate: { serialNumber: '1', fingerprint256: '0', 'x5t#S256': '0' },
    expiresAtMs: Number.POSITIVE_INFINITY,
  } as Peer
  return {
    kind: 'mtls',
    recall: () => peer,
    verify: async () => peer,
    judge: () => null,
    ready: async () => {},
    close: async () => {},
    trustAnchors: () => [],
    toString: () => 'a known caller',
  }
}
