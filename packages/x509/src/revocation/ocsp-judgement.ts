import { createHash } from 'node:crypto'
import { CaCertificate } from '../certificate/ca-certificate.js'
import { MAX_CERTIFICATE_BYTES, type ParsedCertificate, readCertificate } from '../certificate/read-certificate.js'
import { type SignatureAlgorithm, verifySignature } from '../certificate/signature-algorithm.js'
import { sameBytes } from '../der/der-values.js'
import { endMs } from '../path/check-path.js'
import { isCertIdOf, keyBitsOf } from './ocsp-cert-id.js'
import type { OcspSingleResponse, ParsedOcspResponse } from './read-ocsp-response.js'
import type { RevocationSubject } from './revocation.js'

/** What a response is held against. */
export interface OcspRules {
  readonly nowMs: number
  readonly skewMs: number
  /** How long an answer without a nextUpdate counts, from its thisUpdate. */
  readonly maxAgeMs: number
  /** What was sent; `null`: none. */
  readonly nonce: Uint8Array | null
  /** Is an answer without our nonce an answer? */
  readonly nonceRequired: boolean
  readonly rsaBits: number
  readonly hashBits: number
}

/** A verified answer about one certificate. */
export interface OcspVerdict {
  readonly answer: OcspSingleResponse
  readonly untilMs: number
  /** `'delegate'`: the issuer certified somebody to answer for it. */
  readonly signedBy: 'issuer' | 'delegate'
}

/** Why a response is not believed. */
export type OcspFlaw = 'cert-id' | 'responder' | 'algorithm' | 'signature' | 'critical-extension' | 'nonce' | 'not-yet-valid' | 'expired'

const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'

/** @see https://www.rfc-editor.org/rfc/rfc6960#section-3.2 */
export function judgeOcspResponse(
  response: ParsedOcspResponse,
  subject: RevocationSubject,
  issuer: CaCertificate,
  rules: OcspRules,
): OcspVerdict | OcspFlaw {
  // RFC 6960 §3.2 (1)
  const answer = answerFor(response, subject, issuer)
  if (answer === undefined) return 'cert-id'
  if (response.unknownCritical) return 'critical-extension'
  // RFC 6960 §3.2 (2), (3), (4)
  const signed = verifySigner(response, issuer, rules)
  if (typeof signed === 'string') return signed
  // RFC 6960 §4.4.1. A nonce that is another is a replay, whether or not one is demanded.
  if (rules.nonce !== null && (response.nonce === null ? rules.nonceRequired : !sameBytes(response.nonce, rules.nonce))) return 'nonce'
  const { thisUpdateMs, nextUpdateMs } = answer
  const untilMs = (nextUpdateMs ?? thisUpdateMs + rules.maxAgeMs) + rules.skewMs
  // RFC 6960 §3.2 (5), (6), written so that a clock without a number for us believes nothing.
  if (!(Math.max(thisUpdateMs, response.producedAtMs) <= rules.nowMs + rules.skewMs)) return 'not-yet-valid'
  if (!(rules.nowMs < untilMs)) return 'expired'
  return { answer, untilMs, signedBy: signed.by }
}

/** The newest of those about this certificate; a revocation before any other. */
function answerFor(response: ParsedOcspResponse, subject: RevocationSubject, issuer: CaCertificate): OcspSingleResponse | undefined {
  const about = response.answers.filter(({ certId }) => isCertIdOf(certId, subject, issuer))
  const rank = (one: OcspSingleResponse): number => (one.status === 'revoked' ? Number.POSITIVE_INFINITY : one.thisUpdateMs)
  return about.sort((a, b) => (rank(a) < rank(b) ? 1 : -1))[0]
}

type Signed = { readonly by: OcspVerdict['signedBy'] }

// RFC 6960 §4.2.2.2: the issuer itself, or whom it certified directly for this. Nobody else is configured.
function verifySigner(
  response: ParsedOcspResponse,
  issuer: CaCertificate,
  rules: OcspRules,
): Signed | 'responder' | 'algorithm' | 'signature' {
  const { signatureAlgorithm } = response
  if (isWeak(signatureAlgorithm, rules)) return 'algorithm'
  if (isNamed(response, issuer) && isSignedBy(response, issuer)) return { by: 'issuer' }
  let flaw: 'responder' | 'signature' = isNamed(response, issuer) ? 'signature' : 'responder'
  for (const der of response.certificates) {
    const certificate = der.length > MAX_CERTIFICATE_BYTES ? '' : readCertificate(der)
    if (typeof certificate === 'string') continue
    const delegate = new CaCertificate(certificate)
    if (!isNamed(response, delegate) || !mayAnswer(certificate, issuer, rules)) continue
    if (isSignedBy(response, delegate)) return { by: 'delegate' }
    flaw = 'signature'
  }
  return flaw
}

function isNamed({ responder }: ParsedOcspResponse, ca: CaCertificate): boolean {
  if ('name' in responder) return responder.name.key === ca.certificate.subjectKey
  // RFC 6960 §4.2.1: a SHA-1 of the key. It finds the key; the signature proves it.
  return sameBytes(responder.keyHash, createHash('sha1').update(keyBitsOf(ca)).digest())
}

/** @see https://www.rfc-editor.org/rfc/rfc6960#section-4.2.2.2 */
function mayAnswer(certificate: ParsedCertificate, issuer: CaCertificate, rules: OcspRules): boolean {
  const { extendedKeyUsage, keyUsage, unknownCritical } = certificate.extensions
  // `anyExtendedKeyUsage` alone does not say it (§4.2.2.2).
  if (!extendedKeyUsage?.includes(OCSP_SIGNING) || unknownCritical !== null) return false
  if (keyUsage !== null && !keyUsage.includes('digitalSignature') && !keyUsage.includes('nonRepudiation')) return false
  if (!(rules.nowMs < endMs(certificate, rules.skewMs) && rules.nowMs >= certificate.notBeforeMs - rules.skewMs)) return false
  const { type, bits } = certificate.key.description
  if (certificate.key.flaw !== null || ((type === 'rsa' || type === 'rsa-pss') && bits < rules.rsaBits)) return false
  // Issued directly by the CA that is asked about; by another key of the same name is not.
  if (certificate.issuerKey !== issuer.certificate.subjectKey || isWeak(certificate.signatureAlgorithm, rules)) return false
  return isSignedBy(certificate, issuer)
}

function isWeak({ scheme }: SignatureAlgorithm, { hashBits }: OcspRules): boolean {
  return scheme === null || scheme.hashBits < hashBits
}

interface SignedBytes {
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

function isSignedBy({ signatureAlgorithm: { scheme }, signed, signature }: SignedBytes, { key, certificate }: CaCertificate): boolean {
  if (key === null || scheme === null || !scheme.keys.includes(certificate.key.description.type)) return false
  return verifySignature(scheme, signed, signature, key)
}
