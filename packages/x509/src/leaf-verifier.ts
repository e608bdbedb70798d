import { createHash } from 'node:crypto'
import { type Finding, isRefusal, type Peer, type Provenance, type Refusal, refuse, type Surroundings } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import { CaCertificate } from './certificate/ca-certificate.js'
import { MAX_CERTIFICATE_BYTES, type ParsedCertificate, readCertificate } from './certificate/read-certificate.js'
import type { CheckedOptions } from './check-options.js'
import { hexFrom } from './der/der-values.js'
import { emptyNames } from './der/general-names.js'
import { leafEvidence } from './leaf-evidence.js'
import { type LeafFact, recheckAt } from './leaf-fact.js'
import { createLeafMemory } from './leaf-memory.js'
import { createWaiting, type Waiting } from './revocation/revocation-waiting.js'
import type { TrustState } from './trust/trust-state.js'
import { type VerifiedLeaf, verifyLeaf } from './verify-leaf.js'

/** A leaf and what came with it, whichever way. Nothing in it is verified. */
export interface PresentedLeaf {
  readonly leaf: Uint8Array
  readonly intermediates: readonly Uint8Array[]
  /** SHA-256 of the leaf, lowercase hexadecimal. */
  readonly fingerprint: string
}

/** Verifies leaves once and judges them again, whichever way they come. */
export interface LeafVerifier {
  /**
   * What is known of a leaf. `undefined`: it has to be verified; also where an answer about it has run out, which whoever comes anew may
   * wait for. Does no cryptography.
   */
  find(fingerprint: string, nowMs: number): LeafFact | undefined
  /** What a fact says now. `undefined`: the leaf has to be verified again. */
  current(fact: LeafFact, nowMs: number): Finding<Peer> | undefined
  /**
   * Verifies a leaf, and waits for what is being fetched about it, no longer than its policy says. The fact of one that is refused is not
   * kept here: another presentation may bring other intermediates.
   */
  verify(presented: PresentedLeaf): Promise<LeafFact>
  /** A fact that a leaf is refused, for as long as trust stays what it is. */
  refused(finding: Refusal, untilMs?: number): LeafFact
  /** `undefined`: a peer that was not verified here. */
  judge(peer: Peer, nowMs: number): Refusal | null | undefined
}

/** Intermediates of verified paths: a mesh has tens. */
const MAX_AUTHORITIES = 256
/** A handshake brings one to three. */
const MAX_PRESENTED = 48

/** @param provenance what the peers say of the way that their leaves came. */
export function createLeafVerifier(
  options: CheckedOptions,
  state: TrustState,
  provenance: Provenance,
  { recorder, clock }: Pick<Surroundings, 'recorder' | 'clock'>,
): LeafVerifier {
  const { trust, revocationFor } = state
  const memory = createLeafMemory(state, options, provenance)
  const authorities = new LRUCache<string, CaCertificate>({ max: MAX_AUTHORITIES })

  function find(fingerprint: string, nowMs: number): LeafFact | undefined {
    const fact = memory.find(fingerprint)
    const finding = fact === undefined ? undefined : memory.current(fact, nowMs)
    if (finding === undefined || finding === null) return undefined
    return isRefusal(finding) && finding.code === 'ERR_PEER_REVOCATION_UNKNOWN' ? undefined : fact
  }

  async function verify(presented: PresentedLeaf): Promise<LeafFact> {
    const leaf = readCertificate(presented.leaf)
    if (typeof leaf === 'string') return refused(refuse('ERR_PEER_UNREADABLE', { reason: leaf }))
    const verified = await examineOrWait(leaf, presented)
    const { fingerprint } = presented
    const known = memory.find(fingerprint)
    if (isRefusal(verified)) {
      const { serialNumber, extensions } = leaf
      const { authorityKeyId } = extensions
      const evidence = leafEvidence({ serialNumber, fingerprint256: fingerprint, authorityKeyId, sans: extensions.sans ?? emptyNames() })
      return refused({ ...verified, evidence }, recheckAt(verified, clock.nowMs(), leaf.notBeforeMs - options.skewMs))
    }
    const fact = memory.establish(known, leaf, verified)
    if (known === undefined) recordFirstSight(verified, leaf)
    return fact
  }

  function refused(finding: Refusal, untilMs = Number.POSITIVE_INFINITY): LeafFact {
    return { finding, epoch: state.epoch(), untilMs, evidence: null }
  }

  // What is fetched about a certificate on a verified path is waited for once, and no longer than its policy says.
  async function examineOrWait(leaf: ParsedCertificate, { fingerprint, intermediates }: PresentedLeaf): Promise<VerifiedLeaf | Refusal> {
    const waiting = createWaiting()
    const verified = examine(leaf, memory.find(fingerprint), intermediates, clock.nowMs(), waiting)
    if (waiting.size === 0) return verified
    await waiting.settled()
    return examine(leaf, memory.find(fingerprint), intermediates, clock.nowMs())
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
    const earlier = known?.evidence ?? null
    const remembered = earlier === null ? [] : [...earlier.path, ...earlier.crlAuthorities]
    const all = [...presented.flatMap(authorityFrom), ...remembered, ...state.intermediates()]
    const candidates = new Map(all.map((ca) => [ca.fingerprint, ca]))
    const verified = verifyLeaf(leaf, [...candidates.values()], { options, trust, revocationFor, waiting }, nowMs)
    if (isRefusal(verified)) return verified
    for (const ca of [...verified.path, ...verified.crlAuthorities]) authorities.set(ca.fingerprint, ca)
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

  function judge(peer: Peer, nowMs: number): Refusal | null | undefined {
    const fact = memory.factOf(peer)
    if (fact === undefined || peer.certificate === null) return undefined
    const finding = memory.current(fact, nowMs)
    if (finding !== undefined) return isRefusal(finding) ? finding : null
    const leaf = readCertificate(peer.certificate.der)
    if (typeof leaf === 'string') return refuse('ERR_PEER_UNREADABLE', { reason: leaf })
    const verified = examine(leaf, fact, [], nowMs)
    if (isRefusal(verified)) return { ...verified, evidence: leafEvidence(peer.certificate) }
    memory.establish(fact, leaf, verified)
    return null
  }

  return { find, current: memory.current, verify, refused, judge }
}
