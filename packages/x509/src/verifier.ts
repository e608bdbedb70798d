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
import { checkMtlsOptions } from './check-options.js'
import { hexFrom } from './der-values.js'
import { emptyNames } from './general-names.js'
import { leafEvidence } from './leaf-evidence.js'
import { type LeafFact, recheckAt } from './leaf-fact.js'
import { createLeafMemory } from './leaf-memory.js'
import type { MtlsOptions } from './options.js'
import { pemFrom } from './pem.js'
import { MAX_CERTIFICATE_BYTES, type ParsedCertificate, readCertificate } from './read-certificate.js'
import { describeRevocation } from './revocation-sources.js'
import { createWaiting, type Waiting } from './revocation-waiting.js'
import { openTrustState } from './trust-state.js'
import { type VerifiedLeaf, verifyLeaf } from './verify-leaf.js'

/** Judges client certificates, and can be told to look at its files at once. */
export interface CertificateVerifier extends PeerVerifier {
  /** Looks at all files now instead of at the next interval. `true`: something changed and is in use. */
  reload(): boolean
}

/** Intermediates of verified paths: a mesh has tens. */
const MAX_AUTHORITIES = 256
/** A handshake brings one to three. */
const MAX_PRESENTED = 48

/**
 * Judges client certificates: verified once a leaf, judged again on every request.
 *
 * @throws {MisuseError} for a wrong option (`ERR_OPTION_…`), and `ERR_TRUST_UNREADABLE` for files that cannot be read or hold nothing usable.
 * @example
 * ```ts
 * const verifier = createPeerVerifier({ trust: 'ca.pem' }, surroundings)
 * const finding = verifier.recall(inbound) ?? (await verifier.verify(inbound))
 * ```
 */
export function createPeerVerifier(options: MtlsOptions, surroundings: Surroundings): CertificateVerifier {
  const checked = checkMtlsOptions('mtls', options)
  const state = openTrustState(checked, surroundings)
  const { trust, revocationFor } = state
  const { clock, recorder } = surroundings
  const memory = createLeafMemory(state, checked.skewMs)
  const authorities = new LRUCache<string, CaCertificate>({ max: MAX_AUTHORITIES })
  const slot = Symbol('countersign.peer')
  const unverified = Symbol('countersign.unverified-peer')
  const nonePresented: LeafFact = { finding: null, epoch: 0, untilMs: Number.POSITIVE_INFINITY, evidence: null }

  function recall({ connection }: Inbound): Finding<Peer> | undefined {
    const fact = connection[slot] as LeafFact | undefined
    if (fact !== undefined) return memory.current(fact, clock.nowMs())
    if (connection.transport !== 'tls' || !connection.certificateRequested) return null
    return connection[unverified] === undefined ? recallLeaf(connection, clock.nowMs()) : undefined
  }

  // A leaf that was verified on another connection is known by its hash, which is no cryptography that must be rationed: who was proven
  // before connects again whatever strangers do behind the same address.
  function recallLeaf(connection: Connection, nowMs: number): Finding<Peer> | undefined {
    const presented = readPresented(connection)
    switch (presented.kind) {
      case 'none':
        connection[slot] = nonePresented
        return null
      case 'unreadable':
        return refuseConnection(connection, refuse('ERR_PEER_UNREADABLE', { reason: 'extraction' }, presented.cause))
      case 'certificate': {
        if (presented.leaf.length > MAX_CERTIFICATE_BYTES)
          return refuseConnection(connection, refuse('ERR_PEER_UNREADABLE', { reason: 'size' }))
        const fingerprint = createHash('sha256').update(presented.leaf).digest('hex')
        const known = memory.find(fingerprint)
        const finding = known === undefined ? undefined : memory.current(known, nowMs)
        // A new connection may wait for an answer about its certificate that has run out; an open one does not.
        const unanswered = isRefusal(finding) && finding.code === 'ERR_PEER_REVOCATION_UNKNOWN'
        if (finding !== undefined && finding !== null && !unanswered) {
          connection[slot] = known
          return finding
        }
        connection[unverified] = { ...presented, fingerprint } satisfies Unverified
        return undefined
      }
    }
  }

  async function verifyConnection(connection: Connection, nowMs: number): Promise<Finding<Peer>> {
    // Known on this connection before, but not any more: what the handshake brought is read again.
    if (connection[unverified] === undefined) {
      const known = recallLeaf(connection, nowMs)
      if (known !== undefined) return known
    }
    const { leaf: der, intermediates, fingerprint } = connection[unverified] as Unverified
    const leaf = readCertificate(der)
    if (typeof leaf === 'string') return refuseConnection(connection, refuse('ERR_PEER_UNREADABLE', { reason: leaf }))
    const verified = await examineOrWait(leaf, fingerprint, intermediates, nowMs)
    connection[unverified] = undefined
    const known = memory.find(fingerprint)
    if (isRefusal(verified)) {
      const { serialNumber, extensions } = leaf
      const { authorityKeyId } = extensions
      const evidence = leafEvidence({ serialNumber, fingerprint256: fingerprint, authorityKeyId, sans: extensions.sans ?? emptyNames() })
      return refuseConnection(connection, { ...verified, evidence }, recheckAt(verified, nowMs, leaf.notBeforeMs - checked.skewMs))
    }
    const fact = memory.establish(known, leaf, verified)
    connection[slot] = fact
    if (known === undefined) recordFirstSight(verified, leaf)
    return fact.evidence?.peer ?? refuse('ERR_GUARD_FAULT')
  }

  function refuseConnection(connection: Connection, finding: Refusal, untilMs = Number.POSITIVE_INFINITY): Refusal {
    connection[slot] = { finding, epoch: state.epoch(), untilMs, evidence: null } satisfies LeafFact
    return finding
  }

  // What is fetched about a certificate on a verified path is waited for once, and no longer than its policy says.
  async function examineOrWait(
    leaf: ParsedCertificate,
    fingerprint: string,
    presented: readonly Uint8Array[],
    nowMs: number,
  ): Promise<VerifiedLeaf | Refusal> {
    const waiting = createWaiting()
    const verified = examine(leaf, memory.find(fingerprint), presented, nowMs, waiting)
    if (waiting.size === 0) return verified
    await waiting.settled()
    return examine(leaf, memory.find(fingerprint), presented, clock.nowMs())
  }

  function examine(
    leaf: ParsedCertificate,
    known: LeafFact | undefined,
    presented: readonly Uint8Array[],
    nowMs: number,
    waiting?: Waiting,
  ): VerifiedLeaf | Refusal {
    if (presented.length > MAX_PRESENTED) return refuse('ERR_PEER_TOO_COMPLEX', { reason: 'intermediates', count: presented.length })
    // Those of an earlier handshake are needed where a resumed connection has none.
    const all = [...presented.flatMap(authorityFrom), ...(known?.evidence?.path ?? []), ...state.intermediates()]
    const candidates = new Map(all.map((ca) => [ca.fingerprint, ca]))
    const verified = verifyLeaf(leaf, [...candidates.values()], { options: checked, trust, revocationFor, waiting }, nowMs)
    if (!isRefusal(verified)) for (const ca of verified.path) authorities.set(ca.fingerprint, ca)
    return verified
  }

  function authorityFrom(der: Uint8Array): CaCertificate[] {
    if (der.length > MAX_CERTIFICATE_BYTES) return []
    const known = authorities.get(createHash('sha256').update(der).digest('hex'))
    if (known !== undefined) return [known]
    // One that cannot be read is one that does not help: without another the path ends there.
    const certificate = readCertificate(der)
    return typeof certificate === 'string' ? [] : [new CaCertificate(certificate)]
  }

  function recordFirstSight({ identity }: VerifiedLeaf, { serialNumber, fingerprint }: ParsedCertificate): void {
    if (!recorder.wants('peer.first-seen')) return
    const facts = { peer: identity.value, serialNumber, fingerprint256: hexFrom(fingerprint) }
    recorder.record({ kind: 'peer.first-seen', severity: 'info', message: 'A peer was seen for the first time', facts })
  }

  function judge(peer: Peer): Refusal | null {
    const fact = memory.factOf(peer)
    if (fact === undefined) return refuse('ERR_PEER_UNTRUSTED', { reason: 'unknown-peer' })
    const nowMs = clock.nowMs()
    const finding = memory.current(fact, nowMs)
    if (finding !== undefined) return isRefusal(finding) ? finding : null
    if (peer.certificate === null) return refuse('ERR_PEER_UNTRUSTED', { reason: 'unknown-peer' })
    const leaf = readCertificate(peer.certificate.der)
    if (typeof leaf === 'string') return refuse('ERR_PEER_UNREADABLE', { reason: leaf })
    const verified = examine(leaf, fact, [], nowMs)
    if (isRefusal(verified)) return { ...verified, evidence: leafEvidence(peer.certificate) }
    memory.establish(fact, leaf, verified)
    return null
  }

  // Asked for each new connection, and written anew only when trust has changed.
  let written: { readonly epoch: number; readonly pem: readonly string[] } | null = null
  function trustAnchors(): readonly string[] {
    const anchors = trust.all().anchors
    if (written?.epoch !== state.epoch() || written.pem.length !== anchors.length)
      written = { epoch: state.epoch(), pem: anchors.map((anchor) => pemFrom(anchor.certificate.der, 'CERTIFICATE')) }
    return written.pem
  }

  return {
    kind: 'mtls',
    recall,
    async verify(inbound) {
      try {
        const known = recall(inbound)
        return known === undefined ? await verifyConnection(inbound.connection, clock.nowMs()) : known
      } catch (fault) {
        return refuse('ERR_GUARD_FAULT', { part: 'mtls' }, fault)
      }
    },
    judge,
    trustAnchors,
    reload: state.reload,
    ready: state.ready,
    async close() {
      state.close()
    },
    toString: () => `trust ${trust}, ${describeRevocation(checked.revocation)}`,
  }
}

/** What a handshake brought, between `recall` and `verify`. */
type Unverified = Extract<Presented, { readonly kind: 'certificate' }> & { readonly fingerprint: string }

function readPresented(connection: Connection): Presented {
  try {
    return connection.presented()
  } catch (cause) {
    return { kind: 'unreadable', cause }
  }
}
