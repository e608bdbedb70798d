import { createHash } from 'node:crypto'
import { type Clock, type Connection, type Finding, isRefusal, type Peer, type Presented, refuse } from '@countersign/core'
import { MAX_CERTIFICATE_BYTES } from './certificate/read-certificate.js'
import type { LeafFact } from './leaf-fact.js'
import type { LeafVerifier, PresentedLeaf } from './leaf-verifier.js'

/** Who is at the other end of a connection, by the certificate of its handshake. */
export interface ConnectionVerifier {
  /** `undefined`: its certificate has to be verified. `null`: it brought none. */
  recall(connection: Connection): Finding<Peer> | undefined
  verify(connection: Connection): Promise<Finding<Peer>>
  /** Who is still there, for what outlives its request: what was verified before is verified again at once, where it has to be. */
  judge(connection: Connection): Finding<Peer>
}

/** Reads each connection once, and keeps what it found on it. */
export function createConnectionVerifier(leaves: LeafVerifier, clock: Clock): ConnectionVerifier {
  const slot = Symbol('countersign.peer')
  const unverified = Symbol('countersign.unverified-peer')
  const nonePresented: LeafFact = { finding: null, epoch: 0, untilMs: Number.POSITIVE_INFINITY, evidence: null }

  function recall(connection: Connection): Finding<Peer> | undefined {
    const fact = connection[slot] as LeafFact | undefined
    if (fact !== undefined) return leaves.current(fact, clock.nowMs())
    if (connection.transport !== 'tls' || !connection.certificateRequested) return null
    return connection[unverified] === undefined ? recallLeaf(connection, clock.nowMs()) : undefined
  }

  // A leaf that was verified on another connection is known by its hash, which is no cryptography that must be rationed: who was proven
  // before connects again whatever strangers do behind the same address.
  function recallLeaf(connection: Connection, nowMs: number): Finding<Peer> | undefined {
    const presented = readPresented(connection)
    switch (presented.kind) {
      case 'none':
        return keep(connection, nonePresented)
      case 'unreadable':
        return keep(connection, leaves.refused(refuse('ERR_PEER_UNREADABLE', { reason: 'extraction' }, presented.cause)))
      case 'certificate': {
        if (presented.leaf.length > MAX_CERTIFICATE_BYTES)
          return keep(connection, leaves.refused(refuse('ERR_PEER_UNREADABLE', { reason: 'size' })))
        const fingerprint = createHash('sha256').update(presented.leaf).digest('hex')
        const known = leaves.find(fingerprint, nowMs)
        if (known !== undefined) return keep(connection, known)
        connection[unverified] = { ...presented, fingerprint } satisfies PresentedLeaf
        return undefined
      }
    }
  }

  function keep(connection: Connection, fact: LeafFact): Finding<Peer> {
    connection[slot] = fact
    return fact.finding
  }

  async function verify(connection: Connection): Promise<Finding<Peer>> {
    // Known on this connection before, but not any more: what the handshake brought is read again.
    if (connection[unverified] === undefined) {
      const known = recallLeaf(connection, clock.nowMs())
      if (known !== undefined) return known
    }
    const fact = await leaves.verify(connection[unverified] as PresentedLeaf)
    connection[unverified] = undefined
    keep(connection, fact)
    return isRefusal(fact.finding) ? fact.finding : (fact.evidence?.peer ?? refuse('ERR_GUARD_FAULT'))
  }

  function judge(connection: Connection): Finding<Peer> {
    const known = recall(connection)
    if (known !== undefined) return known
    const peer = (connection[slot] as LeafFact | undefined)?.evidence?.peer
    const refusal = peer === undefined ? undefined : leaves.judge(peer, clock.nowMs())
    return peer === undefined || refusal === undefined ? refuse('ERR_PEER_UNTRUSTED', { reason: 'unknown-peer' }) : (refusal ?? peer)
  }

  return { recall, verify, judge }
}

function readPresented(connection: Connection): Presented {
  try {
    return connection.presented()
  } catch (cause) {
    return { kind: 'unreadable', cause }
  }
}
