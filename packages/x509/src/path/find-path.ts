import { type CertificateKey, isRefusal, type Refusal, refuse } from '@countersign/core'
import type { CaCertificate } from '../certificate/ca-certificate.js'
import { keyObjectFrom } from '../certificate/public-key.js'
import { isSelfIssued, type ParsedCertificate } from '../certificate/read-certificate.js'
import { verifySignature } from '../certificate/signature-algorithm.js'
import { sameBytes } from '../der/der-values.js'
import type { AnchorSet } from './anchor-set.js'
import { checkKey, checkLeaf, checkPath, type PathRules, weakHash } from './check-path.js'
import { moreTelling } from './more-telling.js'
import { createSearchBudget, isSpent, type SearchBudget } from './search-budget.js'

export interface PathSearch {
  readonly leaf: ParsedCertificate
  readonly anchors: AnchorSet
  readonly intermediates: readonly CaCertificate[]
  readonly rules: PathRules
  /** Shared with other searches for the same leaf. Default: one of its own. */
  readonly budget?: SearchBudget
  /** The leaf once more, where it is kept like a CA: what is found of its signature is kept with it. */
  readonly kept?: CaCertificate
  /** Last word on a path that is otherwise good. */
  accept(path: readonly CaCertificate[]): Refusal | null
}

export interface NameAndKey {
  readonly subjectKey: string
  readonly key: { readonly spki: Uint8Array }
}

export interface FoundPath {
  /** Issuer of the leaf first, anchor last. */
  readonly path: readonly CaCertificate[]
  /** Policies that it is good for (RFC 5280 §6.1.5 (g)). */
  readonly policies: readonly string[]
}

/** Real paths have one to three. */
export const MAX_DEPTH = 8
/** Self-issued certificates among them do not count for the depth; this many are a key that was rolled over often. */
const MAX_PATH = 32

/**
 * Finds a path from the leaf to an anchor, depth first, anchors before intermediates, within a budget. A search that runs out of it is
 * refused for that, whatever else was wrong: nobody knows what the rest would have shown.
 *
 * @returns The path, or the most telling reason why there is none.
 */
export function findPath(search: PathSearch): FoundPath | Refusal {
  const { leaf, anchors, intermediates, rules, accept, kept = null, budget = createSearchBudget() } = search
  const verdicts = new Map<CaCertificate | null, Map<CaCertificate, boolean>>()
  const bySubject = groupBySubject(intermediates)
  /** Ends the search. */
  let fatal: Refusal | null = null
  let refusal: Refusal | null = null

  function extend(path: readonly CaCertificate[], depth: number): FoundPath | null {
    const last = path.at(-1) ?? null
    for (const issuer of candidates(last?.certificate ?? leaf)) {
      budget.steps++
      if (isSpent(budget)) fatal ??= overrun()
      if (fatal !== null) return null
      if (path.some((ca) => ca === issuer || sameAuthority(ca.certificate, issuer.certificate)) || !isSignedBy(last, issuer)) continue
      const found = isAnchor(issuer) ? conclude([...path, issuer]) : descend(path, issuer, depth)
      if (found !== null) return found
    }
    return null
  }

  function descend(path: readonly CaCertificate[], issuer: CaCertificate, depth: number): FoundPath | null {
    const deeper = isSelfIssued(issuer.certificate) ? depth : depth + 1
    if (deeper <= rules.maxDepth && path.length + 1 < MAX_PATH) return extend([...path, issuer], deeper)
    refusal = moreTelling(refusal, refuse('ERR_PEER_TOO_COMPLEX', { reason: 'path-length' }))
    return null
  }

  function conclude(path: readonly CaCertificate[]): FoundPath | null {
    const flaw = checkLeaf(leaf, rules)
    // No other path would mend it.
    if (flaw !== null) fatal ??= flaw
    if (flaw !== null) return null
    const checked = checkPath(leaf, path, rules, budget)
    const reason = isRefusal(checked) ? checked : accept(path)
    if (!isRefusal(checked) && reason === null) return { path, policies: checked }
    if (reason?.code === 'ERR_PEER_TOO_COMPLEX') fatal ??= reason
    refusal = moreTelling(refusal, reason)
    return null
  }

  // RFC 5280 §4.2.1.1: the key identifier helps to choose. The signature decides.
  function candidates(child: ParsedCertificate): readonly CaCertificate[] {
    const trusted = anchors.withSubject(child.issuerKey)
    const named = bySubject.get(child.issuerKey) ?? []
    const all = [...trusted, ...named.filter((ca) => !trusted.some((anchor) => isSameCertificate(anchor, ca)))]
    if (all.length < 2) return all
    const keyId = child.extensions.authorityKeyId
    const unlikely = ({ certificate: { extensions, notBeforeMs, notAfterMs } }: CaCertificate): number => {
      const otherKey = keyId !== null && extensions.subjectKeyId !== keyId
      const untimely = rules.nowMs < notBeforeMs || rules.nowMs > notAfterMs
      return (otherKey ? 2 : 0) + (untimely ? 1 : 0)
    }
    return all.sort((a, b) => unlikely(a) - unlikely(b))
  }

  function isAnchor(ca: CaCertificate): boolean {
    return anchors.withSubject(ca.certificate.subjectKey).includes(ca)
  }

  /** @param ca `null`: the leaf. */
  function isSignedBy(ca: CaCertificate | null, issuer: CaCertificate): boolean {
    const child = ca?.certificate ?? leaf
    const { scheme, name } = child.signatureAlgorithm
    const { description } = issuer.certificate.key
    const place = isAnchor(issuer) ? 'anchor' : 'intermediate'
    const weak = weakHash(child, rules)
      ? refuse('ERR_PEER_WEAK_SIGNATURE', { algorithm: name })
      : checkKey(issuer.certificate, place, rules)
    if (weak !== null) refusal = moreTelling(refusal, weak)
    if (weak !== null || scheme === null || !scheme.keys.includes(description.type)) return false
    const held = ca ?? kept
    const known = held?.signers.has(issuer) || verdicts.get(ca)?.get(issuer)
    if (known !== undefined) return known
    // Making a key of its octets takes as long as a verification with the fastest.
    budget.work += workOf(description) + (issuer.hasKey ? 0 : 1)
    budget.signatures++
    if (isSpent(budget)) fatal ??= overrun()
    if (fatal !== null) return false
    if (issuer.key === null) {
      refusal = moreTelling(
        refusal,
        refuse('ERR_PEER_WEAK_KEY', { certificate: place, type: description.type, reason: 'a key that OpenSSL does not take' }),
      )
    }
    const verdict = issuer.key !== null && verifySignature(scheme, child.signed, child.signature, issuer.key)
    verdicts.set(ca, (verdicts.get(ca) ?? new Map<CaCertificate, boolean>()).set(issuer, verdict))
    if (verdict) held?.signers.add(issuer)
    return verdict
  }

  function overrun(): Refusal {
    return refuse('ERR_PEER_TOO_COMPLEX', { reason: 'budget', signatures: budget.signatures, steps: budget.steps })
  }

  return refuseSelfSigned(leaf, rules) ?? extend([], 0) ?? fatal ?? refusal ?? refuse('ERR_PEER_UNTRUSTED')
}

function groupBySubject(authorities: readonly CaCertificate[]): ReadonlyMap<string, readonly CaCertificate[]> {
  const groups = new Map<string, CaCertificate[]>()
  for (const ca of authorities) {
    const { subjectKey } = ca.certificate
    const group = groups.get(subjectKey)
    if (group === undefined) groups.set(subjectKey, [ca])
    else if (!group.some((known) => isSameCertificate(known, ca))) group.push(ca)
  }
  return groups
}

/** How long a signature of this key takes to verify: measured, P-256 is 1 (0.07 ms). */
function workOf({ type, bits }: CertificateKey): number {
  switch (type) {
    case 'ec':
      return bits <= 256 ? 1 : bits <= 384 ? 11 : 23
    case 'ed25519':
    case 'ml-dsa-44':
      return 2
    case 'ml-dsa-65':
      return 3
    case 'ml-dsa-87':
    case 'ed448':
      return 5
    default:
      // The larger public exponents that are let through count for as much as another doubling.
      return bits <= 4096 ? 2 : 7
  }
}

function isSameCertificate(a: CaCertificate, b: CaCertificate): boolean {
  return a === b || sameBytes(a.certificate.der, b.certificate.der)
}

/** The same name and key are one CA, whichever certificate says so: a path through both only goes in circles. */
export function sameAuthority(a: NameAndKey, b: NameAndKey): boolean {
  return a.subjectKey === b.subjectKey && sameBytes(a.key.spki, b.key.spki)
}

// A leaf that vouches for itself is not proven by being listed: it would stay valid whatever the authorities revoke.
function refuseSelfSigned(leaf: ParsedCertificate, rules: PathRules): Refusal | null {
  const { scheme } = leaf.signatureAlgorithm
  if (!isSelfIssued(leaf)) return null
  if (scheme === null || !scheme.keys.includes(leaf.key.description.type) || checkKey(leaf, 'leaf', rules) !== null) {
    return leaf.extensions.authorityKeyId === null || leaf.extensions.authorityKeyId === leaf.extensions.subjectKeyId
      ? refuse('ERR_PEER_SELF_SIGNED')
      : null
  }
  const key = keyObjectFrom(leaf.key)
  return key !== null && verifySignature(scheme, leaf.signed, leaf.signature, key) ? refuse('ERR_PEER_SELF_SIGNED') : null
}
