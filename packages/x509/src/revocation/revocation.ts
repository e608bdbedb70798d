import { type Refusal, refuse } from '@countersign/core'
import type { CaCertificate } from '../certificate/ca-certificate.js'
import type { DistributionPoint } from '../certificate/distribution-point.js'
import type { ParsedCertificate } from '../certificate/read-certificate.js'
import type { Waiting } from './revocation-waiting.js'

/** What has to be known of a certificate to ask whether it was revoked. */
export interface RevocationSubject {
  /** Lowercase hexadecimal. */
  readonly serialNumber: string
  readonly isCa: boolean
  /** Its own name and key: what they sign says nothing of it. */
  readonly subjectKey: string
  readonly key: { readonly spki: Uint8Array }
  /** DER of the issuer's name as it stands in the certificate. */
  readonly issuerName: Uint8Array
  /** The same as the key of a map. */
  readonly issuerKey: string
  readonly notAfterMs: number
  /** Where its issuer says that CRLs are; `null` if it does not. */
  readonly distributionPoints: readonly DistributionPoint[] | null
  /** Where its issuer says that OCSP is answered. */
  readonly ocspUris: readonly string[]
}

/** Another certificate than the issuer's whose key signs CRLs about it, verified. */
export interface CrlSigner {
  readonly ca: CaCertificate
  /** When it is to be looked for again. */
  readonly untilMs: number
}

/** Finds those of one leaf. */
export interface CrlSigners {
  /**
   * @param name Key of the name of the CRL issuer.
   * @param place Of the certificate that is asked about: 0 is the leaf, 1 its issuer.
   */
  named(name: string, place: number, rules: RevocationRules, waiting?: Waiting): readonly CrlSigner[]
  /** Ends the search for a path: nobody knows what the rest would have shown. */
  readonly overrun: Refusal | null
}

/** `untilMs` may have passed: then it was known once. `lookAgainMs` is when a newer answer should be at hand. */
export type RevocationAnswer =
  | { readonly status: 'revoked' }
  | { readonly status: 'good'; readonly untilMs: number; readonly lookAgainMs: number }
  /** `hasSource`: somebody is configured, or named in the certificate, who should know. */
  | { readonly status: 'unknown'; readonly reason: UnknownReason; readonly hasSource: boolean }

/** Why it is not known of a certificate whether it was revoked: the `reason` of `ERR_PEER_REVOCATION_UNKNOWN`. */
export type UnknownReason =
  | 'no-crl'
  | 'no-source'
  | 'stale'
  | 'not-yet-valid'
  | 'scope'
  | 'reasons'
  | 'host'
  | 'unreachable'
  | 'busy'
  | 'refused'
  | 'try-later'
  | 'unknown-certificate'
  | 'unverified'

/**
 * Something that knows of revocations. Asking never waits: what is missing is fetched beside it, and {@link pending} tells when that is done.
 */
export interface RevocationSource {
  /** @param signersNamed finds certificates besides the issuer's own whose CRLs count, by the name of the CRL issuer. */
  ask(subject: RevocationSubject, issuer: CaCertificate, signersNamed: (name: string) => readonly CrlSigner[]): RevocationAnswer
  /** What is being fetched about this certificate now. Never rejects. */
  pending(subject: RevocationSubject, issuer: CaCertificate): Promise<unknown> | null
}

export interface RevocationRules {
  readonly source: RevocationSource
  readonly mode: 'prefer' | 'require'
  readonly scope: 'leaf' | 'chain'
  /** How long an answer that is out of date still counts; `Infinity`: no answer is needed. */
  readonly graceMs: number
  /** How long a caller with a new connection may wait for an answer. */
  readonly timeoutMs: number
}

/** Until when a path is known to be good. */
export interface KnownGood {
  readonly untilMs: number
  /** When to ask again, so that a newer answer is at hand before. */
  readonly lookAgainMs: number
}

export const NEVER_CHECKED: KnownGood = Object.freeze({ untilMs: Number.POSITIVE_INFINITY, lookAgainMs: Number.POSITIVE_INFINITY })

/**
 * Asks about every certificate in scope.
 * @param path Issuer of the leaf first, anchor last.
 * @param waiting Gets what is being fetched about those that nothing current is known of.
 */
export function judgeRevocation(
  leaf: RevocationSubject,
  path: readonly CaCertificate[],
  rules: RevocationRules,
  nowMs: number,
  signers: CrlSigners,
  waiting?: Waiting,
): KnownGood | Refusal {
  const asked = rules.scope === 'leaf' ? path.slice(0, 1) : path
  const subjects = [leaf, ...path.slice(0, -1).map(({ certificate }) => revocationSubject(certificate))]
  // All are asked before the first is judged: what is missing is fetched at the same time.
  const answers = asked.flatMap((issuer, i) => {
    const subject = subjects[i]
    if (subject === undefined) return []
    const answer = rules.source.ask(subject, issuer, (name) => signers.named(name, i, rules, waiting))
    const settled = answer.status === 'revoked' || (answer.status === 'good' && nowMs < answer.untilMs)
    const pending = settled ? null : rules.source.pending(subject, issuer)
    if (pending !== null) waiting?.add(pending, rules.timeoutMs)
    return [{ answer, subject, certificate: i === 0 ? 'leaf' : 'intermediate' }]
  })
  if (signers.overrun !== null) return signers.overrun
  // What is revoked stays so, whatever is not known of the others.
  answers.sort((a, b) => Number(b.answer.status === 'revoked') - Number(a.answer.status === 'revoked'))
  let { untilMs, lookAgainMs } = NEVER_CHECKED
  for (const { answer, subject, certificate } of answers) {
    if (answer.status === 'revoked') return refuse('ERR_PEER_REVOKED', { certificate, serialNumber: subject.serialNumber })
    if (answer.status === 'unknown') {
      if (rules.mode === 'prefer' && !answer.hasSource) continue
      if (rules.graceMs === Number.POSITIVE_INFINITY) {
        lookAgainMs = Math.min(lookAgainMs, nowMs + UNKNOWN_LOOK_MS)
        continue
      }
      return refuse('ERR_PEER_REVOCATION_UNKNOWN', { certificate, reason: answer.reason })
    }
    lookAgainMs = Math.min(lookAgainMs, answer.lookAgainMs)
    const goodMs = answer.untilMs + rules.graceMs
    // Written so that a NaN refuses.
    if (!(nowMs < goodMs)) return refuse('ERR_PEER_REVOCATION_UNKNOWN', { certificate, reason: 'stale' })
    untilMs = Math.min(untilMs, goodMs)
  }
  return { untilMs, lookAgainMs: Math.max(lookAgainMs, nowMs + MIN_LOOK_MS) }
}

/** An answer that should have been renewed long ago is not looked for on every request. */
const MIN_LOOK_MS = 1_000
/** Whoever is let through without an answer is asked about again. */
const UNKNOWN_LOOK_MS = 10_000

export function revocationSubject(certificate: ParsedCertificate): RevocationSubject {
  const { serialNumber, subjectKey, key, issuer, issuerKey, notAfterMs, extensions } = certificate
  const { isCa, distributionPoints, ocspUris } = extensions
  return {
    serialNumber,
    isCa,
    subjectKey,
    key: { spki: key.spki },
    issuerName: issuer.der,
    issuerKey,
    notAfterMs,
    distributionPoints,
    ocspUris,
  }
}
