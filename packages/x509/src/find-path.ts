import { type CertificateKey, type Refusal, refuse } from '@countersign/core'
import type { AnchorSet } from './anchor-set.js'
import type { CaCertificate } from './ca-certificate.js'
import { checkKey, checkLeaf, checkPath, type PathRules, weakHash } from './check-path.js'
import { keyObjectFrom } from './public-key.js'
import { isSelfIssued, type ParsedCertificate } from './read-certificate.js'
import { verifySignature } from './signature-algorithm.js'

export interface PathSearch {
  readonly leaf: ParsedCertificate
  readonly anchors: AnchorSet
  readonly intermediates: readonly CaCertificate[]
  readonly rules: PathRules
  /** Certificates above the leaf, the anchor included. Default {@link MAX_PATH}. */
  readonly maxPath?: number
  /** Last word on a path that is otherwise good. */
  accept(path: readonly CaCertificate[]): Refusal | null
}

/** Real paths have one to three. */
export const MAX_PATH = 8
/** A path of four with two candidates a step takes eight; each costs up to 0.3 ms. */
const MAX_SIGNATURES = 64
/** The time of all of them, in that of one with P-256: eight with P-521, or some 9 ms. Strangers choose the keys of what they send. */
const MAX_WORK = 152
/** Steps without a signature of their own cost a microsecond. */
const MAX_STEPS = 1_000

/**
 * Finds a path from the leaf to an anchor, depth first, anchors before intermediates, within a budget.
 * @returns The path, issuer of the leaf first, anchor last; or the most telling reason why there is none.
 */
export function findPath(search: PathSearch): readonly CaCertificate[] | Refusal {
  const { leaf, anchors, intermediates, rules, accept, maxPath = MAX_PATH } = search
  const verdicts = new Map<string, boolean>()
  let signatures = 0
  let work = 0
  let steps = 0
  let overrun = false
  let tooLong = false
  let leafRefused = false
  /** Of a path that reached an anchor; of a step that was not taken because of its algorithm or key. */
  let refusal: Refusal | null = null
  let weakness: Refusal | null = null

  function extend(path: readonly CaCertificate[]): readonly CaCertificate[] | null {
    const last = path.at(-1) ?? null
    for (const issuer of candidates(last?.certificate ?? leaf)) {
      if (++steps > MAX_STEPS) overrun = true
      if (overrun || leafRefused) return null
      const isAnchor = anchors.has(issuer.fingerprint)
      if (path.some((ca) => sameAuthority(ca, issuer)) || !isSignedBy(last, issuer)) continue
      const longer = [...path, issuer]
      tooLong ||= longer.length >= maxPath && !isAnchor
      if (longer.length >= maxPath && !isAnchor) continue
      const found = isAnchor ? conclude(longer) : extend(longer)
      if (found !== null) return found
    }
    return null
  }

  function conclude(path: readonly CaCertificate[]): readonly CaCertificate[] | null {
    const flaw = checkLeaf(leaf, rules)
    leafRefused = flaw !== null
    const reason = flaw ?? checkPath(leaf, path, rules) ?? accept(path)
    if (reason === null) return path
    refusal ??= reason
    return null
  }

  // RFC 5280 §4.2.1.1: the key identifier helps to choose. The signature decides.
  function candidates(child: ParsedCertificate): readonly CaCertificate[] {
    const named = intermediates.filter((ca) => ca.certificate.subjectKey === child.issuerKey && !anchors.has(ca.fingerprint))
    const all = [...anchors.withSubject(child.issuerKey), ...named]
    const keyId = child.extensions.authorityKeyId
    if (keyId === null || all.length < 2) return all
    const likely = (ca: CaCertificate): number => (ca.certificate.extensions.subjectKeyId === keyId ? 0 : 1)
    return all.sort((a, b) => likely(a) - likely(b))
  }

  /** @param ca `null`: the leaf. */
  function isSignedBy(ca: CaCertificate | null, issuer: CaCertificate): boolean {
    const child = ca?.certificate ?? leaf
    const { scheme, name } = child.signatureAlgorithm
    const place = anchors.has(issuer.fingerprint) ? 'anchor' : 'intermediate'
    const weak = weakHash(child, rules)
      ? refuse('ERR_PEER_WEAK_SIGNATURE', { algorithm: name })
      : checkKey(issuer.certificate, place, rules)
    if (weak !== null) weakness ??= weak
    if (weak !== null || scheme === null || !scheme.keys.includes(issuer.certificate.key.description.type)) return false
    const pair = `${ca?.fingerprint} ${issuer.fingerprint}`
    const known = ca?.signers.has(issuer) || verdicts.get(pair)
    if (known !== undefined) return known
    work += workOf(issuer.certificate.key.description)
    if (++signatures > MAX_SIGNATURES || work > MAX_WORK) overrun = true
    const verdict = !overrun && issuer.key !== null && verifySignature(scheme, child.signed, child.signature, issuer.key)
    verdicts.set(pair, verdict)
    if (verdict) ca?.signers.add(issuer)
    return verdict
  }

  const selfSigned = refuseSelfSigned(leaf, rules)
  const found = selfSigned ?? extend([])
  if (found !== null) return found
  if (overrun) return refuse('ERR_PEER_TOO_COMPLEX', { reason: 'budget', signatures, steps })
  if (tooLong && refusal === null) return refuse('ERR_PEER_TOO_COMPLEX', { reason: 'path-length' })
  return refusal ?? weakness ?? refuse('ERR_PEER_UNTRUSTED')
}

/** How long a signature of this key takes to verify: measured, P-256 is 1 (0.06 ms). */
function workOf({ type, bits }: CertificateKey): number {
  if (type === 'ec') return bits <= 256 ? 1 : bits <= 384 ? 9 : 19
  if (type === 'ed448') return 3
  // The larger public exponents that are let through count for as much as another doubling.
  return type === 'ed25519' ? 1 : bits <= 4096 ? 2 : 7
}

/** The same name and key: a path through both only goes in circles. */
function sameAuthority(a: CaCertificate, b: CaCertificate): boolean {
  return a.fingerprint === b.fingerprint || (a.certificate.subjectKey === b.certificate.subjectKey && a.pin === b.pin)
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
