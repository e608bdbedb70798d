import { createHash } from 'node:crypto'
import {
  type Connection,
  type Finding,
  type Inbound,
  isRefusal,
  type Peer,
  type PeerVerifier,
  type Presented,
  type Refusal,
  refuse,
  type Surroundings,
} from '@countersign/core'
import { LRUCache } from 'lru-cache'
import { CaCertificate } from './ca-certificate.js'
import { metadataFrom } from './certificate-metadata.js'
import { type CheckedOptions, checkMtlsOptions } from './check-options.js'
import { endMs } from './check-path.js'
import type { Evidence, LeafFact } from './leaf-fact.js'
import type { MtlsOptions } from './options.js'
import { pemFrom } from './pem.js'
import { MAX_CERTIFICATE_BYTES, type ParsedCertificate, readCertificate } from './read-certificate.js'
import { judgeRevocation, revocationSubject } from './revocation.js'
import { openTrustState } from './trust-state.js'
import { anchorsFor, type VerifiedLeaf, verifyLeaf } from './verify-leaf.js'

/** Judges client certificates, and can be told to look at its files at once. */
export interface CertificateVerifier extends PeerVerifier {
  /** Looks at all files now instead of at the next interval. `true`: something changed and is in use. */
  reload(): boolean
}

/** Verified leaves that new connections, resumed ones above all, find again: 2 KB each. */
const MAX_PEERS = 10_000
/** Intermediates of verified paths: a mesh has tens. */
const MAX_AUTHORITIES = 256
/** A handshake brings one to three. */
const MAX_PRESENTED = 32
/** How long a refusal is kept that time alone may mend: new files have a new epoch anyway. */
const RECHECK_MS = 10_000

/**
 * Judges client certificates: verified once a leaf, judged again on every request.
 *
 * @throws {MisuseError} for a wrong option (`ERR_OPTION_…`), and `ERR_TRUST_UNREADABLE` for files that cannot be read or hold nothing usable.
 */
export function createPeerVerifier(options: MtlsOptions, surroundings: Surroundings): CertificateVerifier {
  const checked = checkMtlsOptions('mtls', options)
  const state = openTrustState(checked, surroundings)
  const { trust, revocation } = state
  const judgement = { options: checked, trust, revocation }
  const { clock, recorder } = surroundings

  const slot = Symbol('countersign.peer')
  const factsByLeaf = new LRUCache<string, LeafFact>({ max: MAX_PEERS })
  const factsByPeer = new WeakMap<Peer, LeafFact>()
  const authorities = new LRUCache<string, CaCertificate>({ max: MAX_AUTHORITIES })
  const nonePresented: LeafFact = { finding: null, epoch: 0, untilMs: Number.POSITIVE_INFINITY, evidence: null }

  function recall({ connection }: Inbound): Finding<Peer> | undefined {
    const fact = connection[slot] as LeafFact | undefined
    if (fact === undefined) return connection.transport === 'tls' && connection.certificateRequested ? undefined : null
    return current(fact, clock.nowMs())
  }

  function current(fact: LeafFact, nowMs: number): Finding<Peer> | undefined {
    return fact.epoch === state.epoch() && nowMs < fact.untilMs ? fact.finding : judgeAgain(fact, nowMs)
  }

  /** Looks up what may have changed; verifies nothing. `undefined`: the leaf has to be verified again. */
  function judgeAgain(fact: LeafFact, nowMs: number): Finding<Peer> | undefined {
    const { evidence } = fact
    if (evidence === null) return fact === nonePresented ? null : undefined
    if (nowMs >= evidence.leafEndMs) return refuseExpired(fact, evidence)
    if (nowMs >= evidence.pathEndMs || !isStillAnchored(evidence)) return undefined
    const known = revocation === null ? Number.POSITIVE_INFINITY : judgeRevocation(evidence.subject, evidence.path, revocation, nowMs)
    if (typeof known === 'number') return accept(fact, evidence, known)
    // Where an intermediate was revoked, there may be another path.
    if (known.code === 'ERR_PEER_REVOKED' && known.facts['certificate'] !== 'leaf') return undefined
    return keep(fact, known, recheckAt(known, nowMs))
  }

  // Kept for no time at all: a clock that was ahead for a moment must not lock out every connection of this leaf.
  function refuseExpired(fact: LeafFact, { peer }: Evidence): Refusal {
    if (isRefusal(fact.finding) && fact.finding.code === 'ERR_PEER_EXPIRED') return fact.finding
    return keep(fact, refuse('ERR_PEER_EXPIRED', { certificate: 'leaf', notAfter: peer.certificate.validTo.toISOString() }), 0)
  }

  function isStillAnchored({ peer, trustDomain, path }: Evidence): boolean {
    const anchor = path.at(-1)
    return anchor !== undefined && anchorsFor({ identity: peer.identity, trustDomain }, trust).has(anchor.fingerprint)
  }

  function keep<F extends Peer | Refusal>(fact: LeafFact, finding: F, untilMs: number): F {
    fact.finding = finding
    fact.epoch = state.epoch()
    fact.untilMs = untilMs
    return finding
  }

  function accept(fact: LeafFact, evidence: Evidence, revocationEndMs: number): Peer {
    const expiresAtMs = Math.min(evidence.pathEndMs, revocationEndMs)
    if (evidence.peer.expiresAtMs !== expiresAtMs) evidence.peer = Object.freeze({ ...evidence.peer, expiresAtMs })
    factsByPeer.set(evidence.peer, fact)
    return keep(fact, evidence.peer, expiresAtMs)
  }

  function verifyConnection(connection: Connection, nowMs: number): Finding<Peer> {
    const presented = readPresented(connection)
    if (presented.kind === 'none') {
      connection[slot] = nonePresented
      return null
    }
    if (presented.kind === 'unreadable')
      return remember(connection, refuse('ERR_PEER_UNREADABLE', { reason: 'extraction' }, presented.cause))
    const { leaf, intermediates } = presented
    if (leaf.length > MAX_CERTIFICATE_BYTES)
      return remember(connection, refuse('ERR_PEER_UNREADABLE', { reason: 'size', bytes: leaf.length }))
    const fingerprint = createHash('sha256').update(leaf).digest('hex')
    const fact = factsByLeaf.get(fingerprint) ?? { finding: null, epoch: -1, untilMs: 0, evidence: null }
    connection[slot] = fact
    return (fact.evidence === null ? undefined : current(fact, nowMs)) ?? examine(fact, leaf, intermediates, nowMs)
  }

  function remember(connection: Connection, refusal: Refusal): Refusal {
    connection[slot] = { finding: refusal, epoch: state.epoch(), untilMs: Number.POSITIVE_INFINITY, evidence: null } satisfies LeafFact
    return refusal
  }

  function examine(fact: LeafFact, der: Uint8Array, presented: readonly Uint8Array[], nowMs: number): Peer | Refusal {
    const leaf = readCertificate(der)
    if (typeof leaf === 'string') return keep(fact, refuse('ERR_PEER_UNREADABLE', { reason: leaf }), Number.POSITIVE_INFINITY)
    if (presented.length > MAX_PRESENTED) {
      return keep(fact, refuse('ERR_PEER_TOO_COMPLEX', { reason: 'intermediates', count: presented.length }), Number.POSITIVE_INFINITY)
    }
    const known = fact.evidence?.path ?? []
    const candidates = new Map([...state.intermediates(), ...known, ...presented.flatMap(authorityFrom)].map((ca) => [ca.fingerprint, ca]))
    const verified = verifyLeaf(leaf, [...candidates.values()], judgement, nowMs)
    if (isRefusal(verified)) return keep(fact, verified, recheckAt(verified, nowMs, leaf.notBeforeMs - checked.skewMs))
    return establish(fact, leaf, verified)
  }

  function authorityFrom(der: Uint8Array): CaCertificate[] {
    if (der.length > MAX_CERTIFICATE_BYTES) return []
    const known = authorities.get(createHash('sha256').update(der).digest('hex'))
    const certificate = known ?? readCertificate(der)
    // One that cannot be read is one that does not help: without another the path ends there.
    if (typeof certificate === 'string') return []
    return [certificate instanceof CaCertificate ? certificate : new CaCertificate(certificate)]
  }

  function establish(fact: LeafFact, leaf: ParsedCertificate, verified: VerifiedLeaf): Peer {
    const { identity, trustDomain, path, pathEndMs, revocationEndMs } = verified
    const isNew = fact.evidence === null
    const certificate = fact.evidence?.peer.certificate ?? metadataFrom(leaf)
    const expiresAtMs = Math.min(pathEndMs, revocationEndMs)
    const { spiffeId } = certificate
    const peer: Peer = Object.freeze({ id: identity.value, identity, spiffeId, provenance: 'connection', certificate, expiresAtMs })
    fact.evidence = { peer, trustDomain, path, leafEndMs: endMs(leaf, checked.skewMs), pathEndMs, subject: revocationSubject(leaf) }
    factsByLeaf.set(certificate.fingerprint256, fact)
    for (const ca of path) authorities.set(ca.fingerprint, ca)
    if (isNew) recordFirstSight(peer)
    return accept(fact, fact.evidence, revocationEndMs)
  }

  function recordFirstSight({ id, certificate: { serialNumber, fingerprint256 } }: Peer): void {
    if (!recorder.wants('peer.first-seen')) return
    const facts = { peer: id, serialNumber, fingerprint256 }
    recorder.record({ kind: 'peer.first-seen', severity: 'info', message: 'A peer was seen for the first time', facts })
  }

  return {
    kind: 'mtls',
    recall,
    async verify(inbound) {
      try {
        const known = recall(inbound)
        return known === undefined ? verifyConnection(inbound.connection, clock.nowMs()) : known
      } catch (fault) {
        return refuse('ERR_GUARD_FAULT', { part: 'mtls' }, fault)
      }
    },
    judge(peer) {
      const fact = factsByPeer.get(peer)
      const evidence = fact?.evidence
      if (fact === undefined || evidence === null || evidence === undefined) return refuse('ERR_PEER_UNTRUSTED', { reason: 'unknown-peer' })
      const nowMs = clock.nowMs()
      const finding = current(fact, nowMs) ?? examine(fact, evidence.peer.certificate.der, [], nowMs)
      return isRefusal(finding) ? finding : null
    },
    trustAnchors: () => trust.all().anchors.map((anchor) => pemFrom(anchor.certificate.der, 'CERTIFICATE')),
    reload: state.reload,
    ready: state.ready,
    async close() {
      state.close()
    },
    toString: () => `trust ${trust}, ${describeRevocation(checked.revocation)}`,
  }
}

function readPresented(connection: Connection): Presented {
  try {
    return connection.presented()
  } catch (cause) {
    return { kind: 'unreadable', cause }
  }
}

/** When a refusal may have another end without anything but time having changed. */
function recheckAt({ code }: Refusal, nowMs: number, validFromMs = 0): number {
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

function describeRevocation(revocation: CheckedOptions['revocation']): string {
  if (revocation === null) return 'revocation not checked'
  const { files, scope, graceMs } = revocation
  const unknown = graceMs === Number.POSITIVE_INFINITY ? ', unknown is let through' : ''
  return `revocation of the ${scope} by ${files.length} CRL ${files.length === 1 ? 'file' : 'files'}${unknown}`
}
