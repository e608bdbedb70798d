import { checkBoolean, checkInteger, checkKeys, type Refusal, refuse } from '@countersign/core'
import { CaCertificate } from '../certificate/ca-certificate.js'
import { readCertificateInput } from '../certificate/certificate-input.js'
import { checkBytes, checkSkew, checkTime } from '../path/check-evidence.js'
import { judgeOcspResponse } from './ocsp-judgement.js'
import { readOcspResponse } from './read-ocsp-response.js'
import { revocationSubject } from './revocation.js'

/** An OCSP response, and what to hold it against. Certificates are DER, or one PEM block. */
export interface VerifyOcspResponseOptions {
  /** DER of the whole OCSPResponse, as it came. */
  readonly response: Uint8Array
  /** The certificate that was asked about. */
  readonly certificate: string | Uint8Array
  /** The CA certificate that issued it. Its own path is not verified here. */
  readonly issuer: string | Uint8Array
  /** A Date or epoch milliseconds. Default: now. */
  readonly time?: Date | number
  /** What was sent with the request. Default: none, and one in the response is not looked at. */
  readonly nonce?: Uint8Array | null
  /** Default `true`: with a nonce sent, a response without it is refused. `false` refuses only another nonce. */
  readonly nonceRequired?: boolean
  /** How far the clocks of the responder and ours may be apart, 0 to 300. Default 0. */
  readonly clockSkewSeconds?: number
  /** How long an answer without nextUpdate counts, from its thisUpdate: 1 to 604,800. Default 300. */
  readonly maxAgeSeconds?: number
}

/** What a verified response says of the certificate. Frozen; dates are copies. */
export interface VerifiedOcspResponse {
  readonly status: 'good' | 'revoked' | 'unknown'
  readonly thisUpdate: Date
  readonly nextUpdate: Date | null
  readonly producedAt: Date
  readonly revokedAt: Date | null
  /** CRLReason (RFC 5280 §5.3.1), such as 1 for keyCompromise; `null` if the responder does not say. */
  readonly reason: number | null
  /** `'delegate'`: a responder whom the issuer certified for this. */
  readonly signedBy: 'issuer' | 'delegate'
}

const KEYS = ['response', 'certificate', 'issuer', 'time', 'nonce', 'nonceRequired', 'clockSkewSeconds', 'maxAgeSeconds']
const DEFAULT_MAX_AGE_SECONDS = 300
const MAX_AGE_SECONDS = 7 * 86_400
const RSA_BITS = 2048
const HASH_BITS = 256

/**
 * Verifies one OCSP response about one certificate (RFC 6960 §3.2): that it is about this certificate, that its issuer or a responder
 * whom the issuer certified directly signed it, and that it is current.
 *
 * A responder's certificate is not itself asked about, with id-pkix-ocsp-nocheck or without: it counts for as long as it is valid.
 *
 * @returns What it says, `revoked` included, or `ERR_PEER_REVOCATION_UNKNOWN` whose fact `reason` is one of `malformed`, `cert-id`,
 * `responder`, `algorithm`, `signature`, `critical-extension`, `nonce`, `not-yet-valid`, `expired`, and for what a responder says instead
 * of an answer `malformed-request`, `internal-error`, `try-later`, `sig-required`, `unauthorized`. Never throws for bad evidence.
 * @throws {MisuseError} for a wrong or unknown option (`ERR_OPTION_…`).
 * @example
 * ```ts
 * const verified = verifyOcspResponse({ response, certificate, issuer, nonce: request.nonce })
 * if (!('refused' in verified)) console.log(verified.status)
 * ```
 */
export function verifyOcspResponse(options: VerifyOcspResponseOptions): VerifiedOcspResponse | Refusal {
  checkKeys('', options, KEYS)
  const { nonce = null, nonceRequired = true, maxAgeSeconds = DEFAULT_MAX_AGE_SECONDS } = options
  const rules = {
    nowMs: checkTime(options.time ?? Date.now()),
    skewMs: checkSkew(options.clockSkewSeconds),
    maxAgeMs: checkInteger('maxAgeSeconds', maxAgeSeconds, 1, MAX_AGE_SECONDS) * 1000,
    nonce,
    nonceRequired: checkBoolean('nonceRequired', nonceRequired),
    rsaBits: RSA_BITS,
    hashBits: HASH_BITS,
  }
  const certificate = readCertificateInput(checkBytes('certificate', options.certificate))
  const issuer = readCertificateInput(checkBytes('issuer', options.issuer))
  if (typeof certificate === 'string' || typeof issuer === 'string') return unknown('malformed')
  const response = readOcspResponse(options.response)
  if (typeof response === 'string') return unknown(response)
  // RFC 6960 §4.1.1: the CertID names its issuer, whose name this certificate must have.
  if (certificate.issuerKey !== issuer.subjectKey) return unknown('cert-id')
  const verdict = judgeOcspResponse(response, revocationSubject(certificate), new CaCertificate(issuer), rules)
  if (typeof verdict === 'string') return unknown(verdict)
  const { status, reason, thisUpdateMs, nextUpdateMs, revokedAtMs } = verdict.answer
  const { producedAtMs } = response
  return Object.freeze({
    status,
    get thisUpdate() {
      return new Date(thisUpdateMs)
    },
    get nextUpdate() {
      return nextUpdateMs === null ? null : new Date(nextUpdateMs)
    },
    get producedAt() {
      return new Date(producedAtMs)
    },
    get revokedAt() {
      return revokedAtMs === null ? null : new Date(revokedAtMs)
    },
    reason,
    signedBy: verdict.signedBy,
  })
}

function unknown(reason: string): Refusal {
  return refuse('ERR_PEER_REVOCATION_UNKNOWN', { reason })
}
