import type { CaCertificate } from '../certificate/ca-certificate.js'
import { ALL_REASONS, absoluteName, type DistributionPoint, UNMATCHED } from '../certificate/distribution-point.js'
import { verifySignature } from '../certificate/signature-algorithm.js'
import type { ParsedCrl } from './read-crl.js'
import type { IssuerEntries } from './read-crl-entries.js'
import type { RevocationSubject, UnknownReason } from './revocation.js'
import type { SerialIndex } from './serial-index.js'

/** What authentic CRLs say of one certificate. */
export type CrlVerdict =
  | { readonly status: 'revoked' }
  | { readonly status: 'good'; readonly fromMs: number; readonly untilMs: number }
  | { readonly status: 'unknown'; readonly reason: UnknownReason }

/** May this CA's key have signed the CRL, and did it? See RFC 5280 §6.3.3 (f), (g). @returns `null`: yes. */
export function crlSignatureFlaw(
  { authorityKeyId, signatureAlgorithm: { scheme }, signed, signature }: ParsedCrl,
  { certificate, key }: CaCertificate,
  hashBits: number,
): 'issuer' | 'algorithm' | 'signature' | null {
  const { keyUsage, subjectKeyId } = certificate.extensions
  if (keyUsage !== null && !keyUsage.includes('cRLSign')) return 'issuer'
  if (authorityKeyId !== null && subjectKeyId !== null && authorityKeyId !== subjectKeyId) return 'issuer'
  if (scheme === null || scheme.hashBits < hashBits) return 'algorithm'
  if (key === null || !scheme.keys.includes(certificate.key.description.type)) return 'signature'
  return verifySignature(scheme, signed, signature, key) ? null : 'signature'
}

/**
 * Judges one certificate by the CRLs that its issuer signed.
 *
 * What any of them lists is revoked, however old it is and whatever its scope: the issuer said so. It is good as far as current lists
 * that are for it cover all reasons together.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-6.3.3
 */
export function judgeByCrls(crls: readonly ParsedCrl[], subject: RevocationSubject, skewMs: number, nowMs: number): CrlVerdict {
  if (crls.length === 0) return { status: 'unknown', reason: 'no-crl' }
  const deltas = crls.filter(({ deltaBase }) => deltaBase !== null)
  if (deltas.some((delta) => listsInDelta(delta, subject))) return { status: 'revoked' }
  const complete = crls.filter(({ deltaBase }) => deltaBase === null)
  const covering: { readonly reasons: number; readonly fromMs: number; readonly untilMs: number }[] = []
  let reason: UnknownReason = complete.length === 0 ? 'no-crl' : 'scope'
  for (const crl of complete) {
    const delta = deltaFor(crl, deltas, nowMs + skewMs)
    const isTakenOff = delta !== null && entriesAbout(delta, subject).removed.has(subject.serialNumber)
    if (entriesAbout(crl, subject).revoked.has(subject.serialNumber) && !isTakenOff) return { status: 'revoked' }
    const reasons = reasonsCovered(crl, subject)
    if (reasons === 0) continue
    // Written so that a clock without a number for us believes nothing.
    if (!(crl.thisUpdateMs <= nowMs + skewMs)) {
      if (reason === 'scope') reason = 'not-yet-valid'
      continue
    }
    covering.push({
      reasons,
      fromMs: Math.max(crl.thisUpdateMs, delta?.thisUpdateMs ?? 0),
      untilMs: Math.max(crl.nextUpdateMs, delta?.nextUpdateMs ?? 0) + skewMs,
    })
    reason = 'reasons'
  }
  let covered = 0
  let fromMs = Number.NEGATIVE_INFINITY
  for (const one of covering.sort((a, b) => b.untilMs - a.untilMs)) {
    covered |= one.reasons
    fromMs = Math.max(fromMs, one.fromMs)
    if (covered === ALL_REASONS) return { status: 'good', fromMs, untilMs: one.untilMs }
  }
  return { status: 'unknown', reason }
}

function listsInDelta(delta: ParsedCrl, subject: RevocationSubject): boolean {
  const { revoked, removed } = entriesAbout(delta, subject)
  return revoked.has(subject.serialNumber) && !removed.has(subject.serialNumber)
}

/** RFC 5280 §6.3.3 (i), (j): the number alone says nothing, it is that of one issuer. */
function entriesAbout(crl: ParsedCrl, { issuerKey }: RevocationSubject): IssuerEntries {
  return crl.issuerKey === issuerKey ? crl : (crl.ofOthers.get(issuerKey) ?? NOTHING)
}

const NONE: SerialIndex = Object.freeze({ size: 0, has: () => false })
const NOTHING: IssuerEntries = Object.freeze({ revoked: NONE, removed: NONE })

/** The newest delta CRL for a complete one. See RFC 5280 §5.2.4, §6.3.3 (c). */
function deltaFor(crl: ParsedCrl, deltas: readonly ParsedCrl[], nowMs: number): ParsedCrl | null {
  let newest: ParsedCrl | null = null
  for (const delta of deltas) {
    if (!completes(delta, crl) || !(delta.thisUpdateMs <= nowMs)) continue
    if (newest === null || (newest.number ?? 0n) < (delta.number ?? 0n)) newest = delta
  }
  return newest
}

/** Does this delta CRL say what has changed since the complete one? */
export function completes(delta: ParsedCrl, { issuerKey, number, scope, authorityKeyId }: ParsedCrl): boolean {
  if (delta.issuerKey !== issuerKey || delta.deltaBase === null || delta.number === null || number === null) return false
  if (delta.scope.text !== scope.text || delta.authorityKeyId !== authorityKeyId) return false
  return delta.deltaBase <= number && number < delta.number
}

/** For which reasons the CRL answers for a certificate; 0: not at all. See RFC 5280 §6.3.3 (b), (d). */
function reasonsCovered(crl: ParsedCrl, { isCa, distributionPoints, issuerKey }: RevocationSubject): number {
  const { scope } = crl
  if (scope.only !== null && (scope.only === 'authorities') !== isCa) return 0
  const isOwn = crl.issuerKey === issuerKey
  // RFC 5280 §6.3.3, last paragraph: what the issuer says of all its certificates is for this one too, whatever points this one names.
  if (isOwn && scope.distributionPoints === null) return scope.reasons
  // RFC 5280 §6.3.3 (b)(1)
  const points = (distributionPoints ?? []).filter(({ crlIssuers }) =>
    crlIssuers === null ? isOwn : scope.indirect && crlIssuers.includes(`dir:${crl.issuerKey}`),
  )
  if (scope.distributionPoints === null) return scope.reasons & reasonsOf(points)
  const names = new Set(scope.distributionPoints.map((name) => absoluteName(name, crl.issuerKey)))
  names.delete(UNMATCHED)
  return scope.reasons & reasonsOf(points.filter((point) => namesOf(point, issuerKey).some((name) => names.has(name))))
}

function reasonsOf(points: readonly DistributionPoint[]): number {
  return points.reduce((flags, { reasons }) => flags | reasons, 0)
}

// RFC 5280 §6.3.3 (b)(2)(i): a point without a name of its own is named by who issues its CRL.
function namesOf({ names, crlIssuers }: DistributionPoint, issuerKey: string): readonly string[] {
  const [crlIssuer] = crlIssuers ?? []
  const base = crlIssuer?.startsWith('dir:') ? crlIssuer.slice(4) : issuerKey
  return (names ?? crlIssuers ?? []).map((name) => absoluteName(name, base))
}

/** Issuers of CRLs that a certificate names beside its own issuer, as keys (RFC 5280 §4.2.1.13). */
export function namedCrlIssuers({ distributionPoints }: RevocationSubject): readonly string[] {
  return (distributionPoints ?? [])
    .flatMap(({ crlIssuers }) => crlIssuers ?? [])
    .flatMap((name) => (name.startsWith('dir:') ? [name.slice(4)] : []))
}
