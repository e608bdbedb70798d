import { randomBytes } from 'node:crypto'
import { checkChoice, checkKeys, DER_TAG, encodeDer, kindOf, MisuseError, type Refusal, refuse } from '@countersign/core'
import { CaCertificate } from '../certificate/ca-certificate.js'
import { readCertificateInput } from '../certificate/certificate-input.js'
import { checkBytes } from '../path/check-evidence.js'
import { encodeCertId } from './ocsp-cert-id.js'
import { type RevocationSubject, revocationSubject } from './revocation.js'

export interface OcspRequestOptions {
  /** The certificate to ask about, in DER or as one PEM block. */
  readonly certificate: string | Uint8Array
  /** The CA certificate that issued it. */
  readonly issuer: string | Uint8Array
  /** 32 fresh random octets against replay (RFC 9654), or your own 1 to 128. Default `true`. */
  readonly nonce?: boolean | Uint8Array
  /** Hash of the CertID. Every responder answers to the default, `'sha1'`; it is not what the answer is trusted for. */
  readonly hash?: 'sha1' | 'sha256'
}

export interface OcspRequest {
  /** To be sent as `application/ocsp-request`. */
  readonly der: Uint8Array
  readonly nonce: Uint8Array | null
}

/** id-pkix-ocsp-nonce. */
export const NONCE_OID = '1.3.6.1.5.5.7.48.1.2'
const NONCE_OID_DER = Buffer.from('06092b0601050507300102', 'hex')
/** RFC 9654 §2.1. */
const NONCE_OCTETS = 32
const MAX_NONCE_OCTETS = 128

/**
 * Writes an OCSP request for one certificate (RFC 6960 §4.1).
 * @returns `ERR_PEER_UNREADABLE` for certificates that cannot be read.
 * @throws {MisuseError} for a wrong or unknown option (`ERR_OPTION_…`).
 */
export function createOcspRequest(options: OcspRequestOptions): OcspRequest | Refusal {
  checkKeys('', options, ['certificate', 'issuer', 'nonce', 'hash'])
  const { certificate, issuer, nonce = true } = options
  const hash = checkChoice('hash', options.hash ?? 'sha1', ['sha1', 'sha256'])
  const [leaf, ca] = [checkBytes('certificate', certificate), checkBytes('issuer', issuer)].map(readCertificateInput)
  if (leaf === undefined || ca === undefined || typeof leaf === 'string' || typeof ca === 'string') {
    return refuse('ERR_PEER_UNREADABLE', { reason: 'malformed' })
  }
  const octets = nonce === true ? freshNonce() : nonce === false ? null : checkNonce(nonce)
  return { der: encodeOcspRequest(revocationSubject(leaf), new CaCertificate(ca), octets, hash), nonce: octets }
}

function checkNonce(nonce: unknown): Uint8Array {
  if (nonce instanceof Uint8Array && nonce.length > 0 && nonce.length <= MAX_NONCE_OCTETS) return nonce
  throw new MisuseError('ERR_OPTION_INVALID', 'nonce', `takes true, false or 1 to ${MAX_NONCE_OCTETS} octets, not ${kindOf(nonce)}`)
}

export function freshNonce(): Uint8Array {
  return new Uint8Array(randomBytes(NONCE_OCTETS))
}

export function encodeOcspRequest(
  subject: RevocationSubject,
  issuer: CaCertificate,
  nonce: Uint8Array | null,
  hash: 'sha1' | 'sha256',
): Uint8Array {
  const sequence = (...parts: readonly Uint8Array[]): Uint8Array => encodeDer(DER_TAG.sequence, ...parts)
  const list = sequence(sequence(encodeCertId(subject, issuer, hash)))
  if (nonce === null) return sequence(sequence(list))
  const value = encodeDer(DER_TAG.octetString, encodeDer(DER_TAG.octetString, nonce))
  return sequence(sequence(list, encodeDer(0xa2, sequence(sequence(NONCE_OID_DER, value)))))
}
