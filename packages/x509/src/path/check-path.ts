import { type Code, type Facts, type KeyUsage, type Refusal, refuse } from '@countersign/core'
import type { CaCertificate } from '../certificate/ca-certificate.js'
import { comparisonsFor, isPermitted } from '../certificate/name-constraints.js'
import { isSelfIssued, type ParsedCertificate } from '../certificate/read-certificate.js'
import { emptyNames } from '../der/general-names.js'
import { type PolicyRules, processPolicies } from './policy-graph.js'
import { isSpent, type SearchBudget } from './search-budget.js'

/** What certificates must be like to be accepted. */
export interface PathRules {
  readonly nowMs: number
  readonly skewMs: number
  readonly rsaBits: number
  readonly hashBits: number
  /** `null`: for anything. */
  readonly purpose: Purpose | null
  /** A CA certificate may be the leaf. */
  readonly allowsCaAsLeaf: boolean
  /** What an anchor's own certificate says about its dates; about everything else. */
  readonly enforcesAnchorDates: boolean
  readonly enforcesAnchorExtensions: boolean
  readonly policies: PolicyRules
  /** How many certificates may stand between leaf and anchor, self-issued ones not counted. */
  readonly maxDepth: number
}

/** What a leaf is to be good for. */
export interface Purpose {
  /** Of the extended key usage. */
  readonly oid: string
  /** Of which the key usage, where it is, must hold one. */
  readonly keyUsages: readonly KeyUsage[]
  /** What a leaf may do beside listing the purpose: lack the extension; list anyExtendedKeyUsage alone; sign CRLs too. */
  readonly leafMay: readonly ('lack-usage' | 'list-any' | 'sign-crls')[]
}

/** RFC 5280 §4.2.1.3, §4.2.1.12: a TLS client signs the handshake; a server signs it, or had its key used for the key exchange of TLS 1.2. */
export const CLIENT: Omit<Purpose, 'leafMay'> = Object.freeze({
  oid: '1.3.6.1.5.5.7.3.2',
  keyUsages: Object.freeze(['digitalSignature'] as const),
})
export const SERVER: Omit<Purpose, 'leafMay'> = Object.freeze({
  oid: '1.3.6.1.5.5.7.3.1',
  keyUsages: Object.freeze(['digitalSignature', 'keyEncipherment', 'keyAgreement'] as const),
})
const ANY_PURPOSE = '2.5.29.37.0'
/** A SPIFFE ID with a path that is not the root, well-formed or not. */
const WORKLOAD = /^spiffe:\/\/[^/?#]*\/[^?#]/i

type Place = 'leaf' | 'intermediate' | 'anchor'

/** `notAfter` names the last second that counts (RFC 5280 §4.1.2.5): the end is when it has passed. */
export function endMs(certificate: ParsedCertificate, skewMs: number): number {
  return certificate.notAfterMs + 1000 + skewMs
}

/** What is wrong with the leaf, whoever issued it. */
export function checkLeaf(leaf: ParsedCertificate, rules: PathRules): Refusal | null {
  const { isCa, keyUsage, unknownCritical, nameConstraints } = leaf.extensions
  const untimely = checkValidity(leaf, 'leaf', rules)
  if (untimely !== null) return untimely
  // RFC 5280 §4.2.1.9, X.509-SVID §3.2: what may sign certificates does not authenticate.
  if (!rules.allowsCaAsLeaf && (isCa || keyUsage?.includes('keyCertSign'))) return refuse('ERR_PEER_IS_CA')
  const unfit = rules.purpose === null ? null : checkPurpose(leaf, rules.purpose)
  if (unfit !== null) return unfit
  const invalid = (reason: string): Refusal => refuse('ERR_PEER_CHAIN_INVALID', { certificate: 'leaf', reason })
  // RFC 5280 §6.1.5 (f)
  if (unknownCritical !== null) return refuse('ERR_PEER_CHAIN_INVALID', { certificate: 'leaf', extension: unknownCritical })
  // RFC 5280 §4.1.2.4
  if (leaf.issuer.rdns.length === 0) return invalid('empty-issuer')
  // RFC 5280 §4.2.1.9: without cA the bit must not be set.
  if (!isCa && keyUsage?.includes('keyCertSign')) return invalid('key-usage')
  // RFC 5280 §4.2.1.10: in CA certificates only.
  if (!isCa && nameConstraints !== null) return invalid('name-constraints')
  return checkKey(leaf, 'leaf', rules)
}

function checkPurpose({ extensions: { isCa, keyUsage, extendedKeyUsage } }: ParsedCertificate, purpose: Purpose): Refusal | null {
  if (keyUsage?.includes('cRLSign') && !isCa && !purpose.leafMay.includes('sign-crls')) return refuse('ERR_PEER_PURPOSE', { keyUsage })
  // RFC 5280 §4.2.1.12: the extension, where it is, lists the purpose. Whether `anyExtendedKeyUsage` alone does is left to the application.
  const listed = extendedKeyUsage?.includes(purpose.oid) ?? purpose.leafMay.includes('lack-usage')
  const any = purpose.leafMay.includes('list-any') && extendedKeyUsage?.includes(ANY_PURPOSE)
  if (!listed && !any) return refuse('ERR_PEER_PURPOSE', { extendedKeyUsage })
  // RFC 5280 §4.2.1.3; that of a CA is to issue, whatever else it is let do here.
  if (!isCa && keyUsage !== null && !purpose.keyUsages.some((usage) => keyUsage.includes(usage)))
    return refuse('ERR_PEER_PURPOSE', { keyUsage })
  return null
}

/**
 * What is wrong with a path whose signatures and names chain, by keys and hashes that are accepted.
 * @param path Issuer of the leaf first, anchor last.
 * @returns The policies that the path is good for, or a refusal.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-6.1
 */
export function checkPath(
  leaf: ParsedCertificate,
  path: readonly CaCertificate[],
  rules: PathRules,
  budget: SearchBudget,
): readonly string[] | Refusal {
  // RFC 5280 §6.1.4 (l): self-issued certificates are not counted.
  let below = 0
  for (const [i, { certificate }] of path.entries()) {
    const place: Place = i === path.length - 1 ? 'anchor' : 'intermediate'
    const refusal = checkAuthority(certificate, place, below, rules)
    if (refusal !== null) return refusal
    if (!isSelfIssued(certificate)) below++
  }
  const constraining = rules.enforcesAnchorExtensions ? path : path.slice(0, -1)
  const misnamed = checkNames(leaf, constraining, budget)
  if (misnamed !== null) return misnamed
  const issued = [leaf, ...path.slice(0, -1).map((ca) => ca.certificate)].reverse()
  return processPolicies(issued, rules.enforcesAnchorExtensions ? (path.at(-1)?.certificate ?? null) : null, rules.policies)
}

function checkAuthority(ca: ParsedCertificate, place: Place, below: number, rules: PathRules): Refusal | null {
  const { isCa, keyUsage, pathLength, unknownCritical, extendedKeyUsage } = ca.extensions
  const invalid = (reason: string): Refusal => refuse('ERR_PEER_CHAIN_INVALID', { certificate: place, reason })
  const untimely = place === 'anchor' && !rules.enforcesAnchorDates ? null : checkValidity(ca, place, rules)
  if (untimely !== null) return untimely
  // RFC 5280 §4.1.2.6
  if (ca.subject.rdns.length === 0) return invalid('empty-subject')
  if (place === 'anchor' && !rules.enforcesAnchorExtensions) return null
  // RFC 5280 §6.1.4 (k), (n), (m), (o)
  if (ca.version !== 3 || !isCa) return invalid('not-a-ca')
  if (keyUsage !== null && !keyUsage.includes('keyCertSign')) return invalid('key-usage')
  if (pathLength !== null && below > pathLength) return invalid('path-length')
  // X.509-SVID §3.2: a signing certificate may have a SPIFFE ID, but none with a path.
  if (ca.extensions.sans?.uri.some((name) => WORKLOAD.test(name))) return invalid('spiffe-id-with-a-path')
  if (unknownCritical !== null) return refuse('ERR_PEER_CHAIN_INVALID', { certificate: place, extension: unknownCritical })
  // An issuer that is limited to other purposes cannot make a leaf for this one, as all but RFC 5280 itself have it.
  const { purpose } = rules
  if (purpose !== null && extendedKeyUsage !== null && !extendedKeyUsage.includes(purpose.oid) && !extendedKeyUsage.includes(ANY_PURPOSE)) {
    return refuse('ERR_PEER_PURPOSE', { certificate: place, extendedKeyUsage })
  }
  return null
}

function checkValidity(certificate: ParsedCertificate, place: Place, { nowMs, skewMs }: PathRules): Refusal | null {
  const facts = (code: Code, name: string, ms: number): Refusal =>
    refuse(code, { certificate: place, [name]: new Date(ms).toISOString() } as Facts)
  // RFC 5280 §6.1.3 (a)(2)
  // Both are written so that a NaN refuses.
  if (!(nowMs < endMs(certificate, skewMs))) return facts('ERR_PEER_EXPIRED', 'notAfter', certificate.notAfterMs)
  if (!(nowMs >= certificate.notBeforeMs - skewMs)) return facts('ERR_PEER_NOT_YET_VALID', 'notBefore', certificate.notBeforeMs)
  return null
}

/** Is the key of this certificate one that is not accepted? */
export function checkKey({ key }: ParsedCertificate, place: Place, { rsaBits }: PathRules): Refusal | null {
  const { type, bits } = key.description
  const small = (type === 'rsa' || type === 'rsa-pss') && bits < rsaBits
  if (key.flaw === null && !small) return null
  return refuse('ERR_PEER_WEAK_KEY', { certificate: place, type, bits, reason: key.flaw ?? 'a modulus of too few bits' })
}

/** Is this certificate signed with an algorithm that is not accepted? */
export function weakHash({ signatureAlgorithm: { scheme } }: ParsedCertificate, { hashBits }: PathRules): boolean {
  return scheme === null || scheme.hashBits < hashBits
}

// RFC 5280 §6.1.3 (b), (c): self-issued certificates are exempt, but not the last.
function checkNames(leaf: ParsedCertificate, path: readonly CaCertificate[], budget: SearchBudget): Refusal | null {
  for (const [i, { certificate: ca }] of path.entries()) {
    const constraints = ca.extensions.nameConstraints
    if (constraints === null) continue
    const below = path.slice(0, i).map((issuer) => issuer.certificate)
    for (const certificate of [leaf, ...below.filter((issuer) => !isSelfIssued(issuer))]) {
      const names = { sans: certificate.extensions.sans ?? emptyNames(), subject: certificate.subject }
      budget.comparisons += comparisonsFor(names, constraints)
      if (isSpent(budget)) return refuse('ERR_PEER_TOO_COMPLEX', { reason: 'name-constraints' })
      if (!isPermitted(names, constraints)) return refuse('ERR_PEER_CHAIN_INVALID', { reason: 'name-constraints' })
    }
  }
  return null
}
