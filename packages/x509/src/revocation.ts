import { type Refusal, refuse } from '@countersign/core'
import type { CaCertificate } from './ca-certificate.js'
import type { ParsedCertificate } from './read-certificate.js'

/** What has to be known of a certificate to ask whether it was revoked. */
export interface RevocationSubject {
  /** Lowercase hexadecimal. */
  readonly serialNumber: string
  readonly isCa: boolean
  /** Where its issuer says that CRLs are; `null` if it does not. */
  readonly distributionPoints: readonly string[] | null
}

/**
 * Something that knows of revocations: CRLs now; OCSP answers have the same shape. Asking never waits: what it takes to know is
 * fetched beforehand.
 */
export interface RevocationSource {
  /** Grows whenever answers may have changed. */
  readonly epoch: number
  /** `'revoked'`, or until when it is known that the certificate is not: epoch milliseconds, perhaps past; `-Infinity` if nothing is known. */
  ask(subject: RevocationSubject, issuer: CaCertificate): 'revoked' | number
}

export interface RevocationRules {
  readonly source: RevocationSource
  readonly scope: 'leaf' | 'chain'
  /** How long an answer that is out of date still counts; `Infinity`: no answer is needed. */
  readonly graceMs: number
}

/**
 * Asks about every certificate in scope.
 * @param path Issuer of the leaf first, anchor last.
 * @returns Until when the path is known to be good, or why not.
 */
export function judgeRevocation(
  leaf: RevocationSubject,
  path: readonly CaCertificate[],
  rules: RevocationRules,
  nowMs: number,
): number | Refusal {
  let untilMs = Number.POSITIVE_INFINITY
  for (const [i, issuer] of path.entries()) {
    const subject = i === 0 ? leaf : revocationSubject(path[i - 1]?.certificate)
    if (subject === null || (i > 0 && rules.scope === 'leaf')) break
    const certificate = i === 0 ? 'leaf' : 'intermediate'
    const answer = rules.source.ask(subject, issuer)
    if (answer === 'revoked') return refuse('ERR_PEER_REVOKED', { certificate, serialNumber: subject.serialNumber })
    if (rules.graceMs === Number.POSITIVE_INFINITY) continue
    if (answer + rules.graceMs <= nowMs) {
      return refuse('ERR_PEER_REVOCATION_UNKNOWN', { certificate, reason: answer === Number.NEGATIVE_INFINITY ? 'no-crl' : 'stale' })
    }
    untilMs = Math.min(untilMs, answer + rules.graceMs)
  }
  return untilMs
}

export function revocationSubject(certificate: ParsedCertificate): RevocationSubject
export function revocationSubject(certificate: ParsedCertificate | undefined): RevocationSubject | null
export function revocationSubject(certificate: ParsedCertificate | undefined): RevocationSubject | null {
  if (certificate === undefined) return null
  const { serialNumber, extensions } = certificate
  return { serialNumber, isCa: extensions.isCa, distributionPoints: extensions.distributionPoints }
}
