import { type CertifiedPeer, type Finding, isRefusal, type Peer, type Provenance, type Refusal, refuse } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import type { CaCertificate } from './certificate/ca-certificate.js'
import { metadataFrom } from './certificate/certificate-metadata.js'
import type { ParsedCertificate } from './certificate/read-certificate.js'
import type { CheckedOptions } from './check-options.js'
import { sameBytes } from './der/der-values.js'
import { leafEvidence } from './leaf-evidence.js'
import { type Evidence, type LeafFact, recheckAt } from './leaf-fact.js'
import { leafRules } from './leaf-rules.js'
import { CLIENT, endMs } from './path/check-path.js'
import { createSearchBudget } from './path/search-budget.js'
import { createCrlSigners } from './revocation/crl-signers.js'
import {
  type CrlSigners,
  judgeRevocation,
  type KnownGood,
  NEVER_CHECKED,
  type RevocationSubject,
  revocationSubject,
} from './revocation/revocation.js'
import type { TrustState } from './trust/trust-state.js'
import { anchorsFor, type VerifiedLeaf } from './verify-leaf.js'

/** Verified leaves, and the judging of them again. Does no cryptography but for new lists. */
export interface LeafMemory {
  /** What is known now. `undefined`: the leaf has to be verified again. */
  current(fact: LeafFact, nowMs: number): Finding<Peer> | undefined
  /** @param fingerprint SHA-256 of the DER, lowercase hexadecimal. */
  find(fingerprint: string): LeafFact | undefined
  factOf(peer: Peer): LeafFact | undefined
  /** Keeps a leaf that was verified: again, or for the first time. */
  establish(known: LeafFact | undefined, leaf: ParsedCertificate, verified: VerifiedLeaf): LeafFact
}

/** Verified leaves that new connections, resumed ones above all, find again: 3 KB each. */
const MAX_LEAVES = 10_000

export function createLeafMemory(state: TrustState, options: CheckedOptions, provenance: Provenance): LeafMemory {
  const { epoch, trust, revocationFor } = state
  const byFingerprint = new LRUCache<string, LeafFact>({ max: MAX_LEAVES })
  const byPeer = new WeakMap<Peer, LeafFact>()

  function current(fact: LeafFact, nowMs: number): Finding<Peer> | undefined {
    return fact.epoch === epoch() && nowMs < fact.untilMs ? fact.finding : judgeAgain(fact, nowMs)
  }

  function judgeAgain(fact: LeafFact, nowMs: number): Finding<Peer> | undefined {
    const { evidence } = fact
    if (evidence === null) return fact.finding === null ? null : undefined
    // Written so that a clock without a number for us lets nobody in.
    if (!(nowMs < evidence.leafEndMs)) return refuseExpired(fact, evidence)
    if (!(nowMs < evidence.pathEndMs) || !isStillAnchored(evidence)) return undefined
    const rules = revocationFor(evidence.path.at(-1), evidence.trustDomain)
    const known =
      rules === null ? NEVER_CHECKED : judgeRevocation(evidence.subject, evidence.path, rules, nowMs, signersFor(evidence, nowMs))
    if (!isRefusal(known)) return accept(fact, evidence, known)
    // Where an intermediate was revoked, there may be another path.
    if (known.code === 'ERR_PEER_REVOKED' && known.facts['certificate'] !== 'leaf') return undefined
    return keep(fact, refusalOf(evidence, known), recheckAt(known, nowMs))
  }

  function signersFor({ subject, path, crlAuthorities }: Evidence, nowMs: number): CrlSigners {
    const candidates = [...crlAuthorities, ...state.intermediates()]
    return createCrlSigners({ leaf: subject, path, candidates, rules: leafRules(options, CLIENT, nowMs), budget: createSearchBudget() })
  }

  // Kept for no time at all: a clock that was ahead for a moment must not lock out every connection of this leaf.
  function refuseExpired(fact: LeafFact, evidence: Evidence): Refusal {
    if (isRefusal(fact.finding) && fact.finding.code === 'ERR_PEER_EXPIRED') return fact.finding
    const notAfter = evidence.peer.certificate.validTo.toISOString()
    return keep(fact, refusalOf(evidence, refuse('ERR_PEER_EXPIRED', { certificate: 'leaf', notAfter })), 0)
  }

  function refusalOf({ peer: { certificate } }: Evidence, refusal: Refusal): Refusal {
    return { ...refusal, evidence: leafEvidence(certificate) }
  }

  function isStillAnchored({ peer, trustDomain, path }: Evidence): boolean {
    const anchor = path.at(-1)
    return anchor !== undefined && anchorsFor({ identity: peer.identity, trustDomain }, trust).has(anchor.fingerprint)
  }

  function accept(fact: LeafFact, evidence: Evidence, { untilMs, lookAgainMs }: KnownGood): Peer {
    const expiresAtMs = Math.min(evidence.pathEndMs, untilMs)
    if (evidence.peer.expiresAtMs !== expiresAtMs) evidence.peer = Object.freeze({ ...evidence.peer, expiresAtMs })
    byPeer.set(evidence.peer, fact)
    return keep(fact, evidence.peer, Math.min(expiresAtMs, lookAgainMs))
  }

  function keep<F extends Peer | Refusal>(fact: LeafFact, finding: F, untilMs: number): F {
    fact.finding = finding
    fact.epoch = epoch()
    fact.untilMs = untilMs
    return finding
  }

  function establish(known: LeafFact | undefined, leaf: ParsedCertificate, verified: VerifiedLeaf): LeafFact {
    const { identity, trustDomain, path, pathEndMs, known: good, crlAuthorities } = verified
    const certificate = known?.evidence?.peer.certificate ?? metadataFrom(leaf)
    const expiresAtMs = Math.min(pathEndMs, good.untilMs)
    const { spiffeId } = certificate
    const peer: CertifiedPeer = Object.freeze({
      id: identity.value,
      identity,
      spiffeId,
      provenance,
      certificate,
      expiresAtMs,
    })
    const leafEndMs = endMs(leaf, options.skewMs)
    const evidence = { peer, trustDomain, path, crlAuthorities, leafEndMs, pathEndMs, subject: sparing(revocationSubject(leaf), path) }
    const fact = known ?? { finding: null, epoch: 0, untilMs: 0, evidence }
    fact.evidence = evidence
    byFingerprint.set(certificate.fingerprint256, fact)
    accept(fact, evidence, good)
    return fact
  }

  return { current, find: (fingerprint) => byFingerprint.get(fingerprint), factOf: (peer) => byPeer.get(peer), establish }
}

/** The name of the issuer as the issuer itself holds it: thousands of leaves have the same. */
function sparing(subject: RevocationSubject, [issuer]: readonly CaCertificate[]): RevocationSubject {
  if (issuer === undefined || !sameBytes(issuer.certificate.subject.der, subject.issuerName)) return subject
  return { ...subject, issuerName: issuer.certificate.subject.der, issuerKey: issuer.certificate.subjectKey }
}
