import { checkKeys, type Refusal, refuse } from '@countersign/core'
import { CaCertificate } from '../certificate/ca-certificate.js'
import { readCertificateInput } from '../certificate/certificate-input.js'
import type { ParsedCertificate } from '../certificate/read-certificate.js'
import { nameText } from '../der/distinguished-name.js'
import { derOfEvidence } from '../der/evidence-bytes.js'
import { checkBytes, checkSkew, checkTime } from '../path/check-evidence.js'
import { completes, crlSignatureFlaw, judgeByCrls, namedCrlIssuers } from './crl-judgement.js'
import { MAX_CRL_BYTES, type ParsedCrl, readCrl } from './read-crl.js'
import { revocationSubject } from './revocation.js'

/** A CRL, and what to hold it against. Certificates and CRLs are DER, or one PEM block. */
export interface VerifyCrlOptions {
  readonly crl: string | Uint8Array
  /** The CA certificate whose key is to have signed it. Its own path is not verified here. */
  readonly issuer: string | Uint8Array
  /** A Date or epoch milliseconds. Default: now. */
  readonly time?: Date | number
  /** Asks about this certificate: is the CRL for it, and does it list it? */
  readonly certificate?: string | Uint8Array
  /** A delta CRL for the CRL, of the same issuer. */
  readonly delta?: string | Uint8Array
  /** How far the clocks of the issuer and ours may be apart, 0 to 300. Default 0. */
  readonly clockSkewSeconds?: number
}

/** What a verified CRL says. Frozen; dates are copies. */
export interface VerifiedCrl {
  /** RFC 4514 text, for people and logs. */
  readonly issuer: string
  /** The CRL number in decimal; `null` in a CRL of version 1. */
  readonly number: string | null
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  /** How many entries it has, of certificates of this issuer. */
  readonly entries: number
  /** Of the certificate that was asked about; `null` if none was. */
  readonly status: 'good' | 'revoked' | null
  /** @param serialNumber Lowercase hexadecimal, without leading zeros. */
  lists(serialNumber: string): boolean
}

const KEYS = ['crl', 'issuer', 'time', 'certificate', 'delta', 'clockSkewSeconds']
const HASH_BITS = 256

/**
 * Verifies one CRL: that it is well-formed, that this issuer signed it and may, that it is current, and that it is understood whole
 * (RFC 5280 §5, §6.3.3). With `certificate` also that it answers for that certificate.
 *
 * @returns What it says, or `ERR_PEER_REVOCATION_UNKNOWN` whose fact `reason` is one of `malformed`, `issuer`, `signature`, `algorithm`,
 * `expired`, `not-yet-valid`, `critical-extension`, `no-number`, `no-next-update`, `remove-from-crl`, `attribute-certificates`, `scope`,
 * `reasons` and `delta`. Never throws for bad evidence.
 * @throws {MisuseError} for a wrong or unknown option (`ERR_OPTION_…`).
 * @example
 * ```ts
 * const verified = verifyCrl({ crl, issuer, certificate })
 * if ('refused' in verified) console.log(verified.facts['reason'])
 * else console.log(verified.status)
 * ```
 */
export function verifyCrl(options: VerifyCrlOptions): VerifiedCrl | Refusal {
  checkKeys('', options, KEYS)
  const nowMs = checkTime(options.time ?? Date.now())
  const skewMs = checkSkew(options.clockSkewSeconds)
  const crl = read(checkBytes('crl', options.crl))
  const delta = options.delta === undefined ? null : read(checkBytes('delta', options.delta))
  const issuer = readCertificateInput(checkBytes('issuer', options.issuer))
  const certificate = options.certificate === undefined ? null : readCertificateInput(checkBytes('certificate', options.certificate))
  if (crl === undefined || delta === undefined || typeof issuer === 'string' || typeof certificate === 'string') return unknown('malformed')
  const ca = new CaCertificate(issuer)
  const flaw = flawOf(crl, ca, nowMs, skewMs) ?? (delta === null ? null : flawOf(delta, ca, nowMs, skewMs))
  if (flaw !== null) return unknown(flaw)
  // A delta CRL says nothing without the CRL that it adds to.
  if (crl.deltaBase !== null || (delta !== null && !completes(delta, crl))) return unknown('delta')
  const lists = delta === null ? [crl] : [crl, delta]
  const verdict = certificate === null ? null : judge(certificate, lists, issuer, nowMs, skewMs)
  if (verdict?.status === 'unknown') return unknown(verdict.reason)
  const thisUpdateMs = Math.max(crl.thisUpdateMs, delta?.thisUpdateMs ?? 0)
  const nextUpdateMs = delta?.nextUpdateMs ?? crl.nextUpdateMs
  return Object.freeze({
    issuer: nameText(crl.issuer),
    number: (delta ?? crl).number?.toString() ?? null,
    get thisUpdate() {
      return new Date(thisUpdateMs)
    },
    get nextUpdate() {
      return new Date(nextUpdateMs)
    },
    entries: crl.revoked.size,
    status: verdict?.status ?? null,
    lists(serialNumber: string) {
      if (delta?.revoked.has(serialNumber)) return !delta.removed.has(serialNumber)
      return crl.revoked.has(serialNumber)
    },
  })
}

function flawOf(crl: ParsedCrl, ca: CaCertificate, nowMs: number, skewMs: number): string | null {
  if (crl.issuerKey !== ca.certificate.subjectKey) return 'issuer'
  const unsigned = crlSignatureFlaw(crl, ca, HASH_BITS)
  if (unsigned !== null) return unsigned
  if (crl.unusable !== null) return crl.unusable
  if (!(crl.thisUpdateMs <= nowMs + skewMs)) return 'not-yet-valid'
  return nowMs < crl.nextUpdateMs + skewMs ? null : 'expired'
}

function judge(
  certificate: ParsedCertificate,
  crls: readonly ParsedCrl[],
  issuer: ParsedCertificate,
  nowMs: number,
  skewMs: number,
): { readonly status: 'good' | 'revoked' } | { readonly status: 'unknown'; readonly reason: string } {
  const subject = revocationSubject(certificate)
  const own = certificate.issuerKey === issuer.subjectKey
  // RFC 5280 §6.3.3 (b)(1): of another issuer only where the certificate names it as its CRL issuer, and the CRL is indirect.
  const named = namedCrlIssuers(subject).includes(issuer.subjectKey)
  if (!own && (!named || crls.some(({ scope }) => !scope.indirect))) return { status: 'unknown', reason: 'issuer' }
  return judgeByCrls(crls, subject, skewMs, nowMs)
}

function unknown(reason: string): Refusal {
  return refuse('ERR_PEER_REVOCATION_UNKNOWN', { reason })
}

function read(pemOrDer: string | Uint8Array): ParsedCrl | undefined {
  const der = derOfEvidence(pemOrDer, 'X509 CRL', MAX_CRL_BYTES)
  const crl = der === null ? '' : readCrl(der)
  return typeof crl === 'string' ? undefined : crl
}
