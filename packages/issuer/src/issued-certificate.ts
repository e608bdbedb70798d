import { type KeyObject, randomBytes } from 'node:crypto'
import { type Clock, encodePem } from '@countersign/core'
import { mergeExtensions, nameOf, type SigningIdentity, signCertificate, thumbprintOf } from './certificate.js'
import {
  authorityKeyId,
  basicConstraints,
  type Extension,
  extendedKeyUsage,
  keyUsage,
  subjectAlternativeNames,
  subjectKeyId,
} from './extension.js'
import { checkIssueRequest, type IssueRequest, minRsaBits } from './issue-request.js'
import { createPrivateKeyOf, DEFAULT_RSA_BITS, keyIdOf, keyPemOf, spkiOf } from './key-pair.js'
import { signatureAlgorithm } from './signature-algorithm.js'

/** A certificate with its private key. */
export interface IssuedCertificate {
  readonly certificatePem: string
  readonly certificateDer: Uint8Array
  /** PKCS #8, not encrypted. */
  readonly keyPem: string
  /** The leaf and its intermediates, without the root: what a TLS server or client sends. */
  readonly chainPem: string
  /** The same as DER, the leaf first. */
  readonly chainDer: readonly Uint8Array[]
  /** Lowercase hexadecimal, without leading zeros. */
  readonly serialNumber: string
  /** SHA-256 of the DER, lowercase hexadecimal. */
  readonly fingerprint256: string
  readonly validFrom: Date
  readonly validTo: Date
}

/** Where certificates come from: time, randomness, and which intermediates belong to what is issued. */
export interface IssuingRuntime {
  readonly clock: Clock
  readonly randomBytes: (size: number) => Uint8Array
}

/** The real time and randomness. */
export const SYSTEM_RUNTIME: IssuingRuntime = { clock: { nowMs: () => Date.now() }, randomBytes }

const DAY_SECONDS = 86_400
const SERIAL_BYTES = 16 // RFC 5280 §4.1.2.2 allows 20 octets; CA/B BR §7.1 wants 64 random bits

/**
 * Issues one certificate; `issuer: 'self'` makes a self-signed one.
 * @throws {MisuseError} for a request that no certificate can be made of.
 */
export function issueCertificate(
  option: string,
  request: IssueRequest,
  issuer: SigningIdentity | 'self',
  intermediates: readonly Uint8Array[],
  runtime: IssuingRuntime,
): { readonly issued: IssuedCertificate; readonly identity: SigningIdentity } {
  checkIssueRequest(option, request)
  const key = createPrivateKeyOf(`${option}.key`, request.key ?? 'ec', request.rsaBits ?? DEFAULT_RSA_BITS, minRsaBits(request))
  const spki = spkiOf(key)
  const subject = nameOf(commonNameOf(request))
  const identity: SigningIdentity = { key, subject, keyId: keyIdOf(spki) }
  const signer = issuer === 'self' ? identity : issuer
  const serialNumber = request.serialNumber ?? randomSerial(runtime)
  const validFrom = new Date(Math.floor((request.validFrom?.getTime() ?? runtime.clock.nowMs()) / 1000) * 1000)
  const validTo = new Date(validFrom.getTime() + (request.validSeconds ?? DAY_SECONDS) * 1000)
  const certificateDer = signCertificate(
    { serialNumber, issuer: signer.subject, subject, validFrom, validTo, spki, extensions: extensionsOf(request, identity, signer) },
    signatureAlgorithm(signer.key, request.hash ?? 'sha256', request.rsaPss ?? false),
  )
  return { issued: issuedOf(certificateDer, key, intermediates, serialNumber, validFrom, validTo), identity }
}

function issuedOf(
  certificateDer: Uint8Array,
  key: KeyObject,
  intermediates: readonly Uint8Array[],
  serialNumber: string,
  validFrom: Date,
  validTo: Date,
): IssuedCertificate {
  const chainDer = [certificateDer, ...intermediates]
  return Object.freeze({
    certificatePem: encodePem('CERTIFICATE', certificateDer),
    certificateDer,
    keyPem: keyPemOf(key),
    chainPem: chainDer.map((der) => encodePem('CERTIFICATE', der)).join(''),
    chainDer: Object.freeze(chainDer),
    serialNumber: BigInt(`0x${serialNumber}`).toString(16),
    fingerprint256: thumbprintOf(certificateDer, 'hex'),
    validFrom,
    validTo,
  })
}

function extensionsOf(request: IssueRequest, own: SigningIdentity, signer: SigningIdentity): readonly Extension[] {
  const isCa = request.isCa ?? false
  const usages =
    request.keyUsage === undefined ? (isCa ? (['keyCertSign', 'cRLSign'] as const) : (['digitalSignature'] as const)) : request.keyUsage
  const purposes =
    request.extendedKeyUsage === undefined ? (isCa ? null : (['clientAuth', 'serverAuth'] as const)) : request.extendedKeyUsage
  const uris = [...(request.spiffeId === undefined ? [] : [request.spiffeId]), ...(request.uris ?? [])]
  // RFC 5280 §4.2.1.6: the names are critical where the subject is empty.
  const names = subjectAlternativeNames({ ...request, uris }, commonNameOf(request) === '')
  const usual = [
    basicConstraints(isCa, request.pathLength),
    usages === null ? null : keyUsage(usages),
    purposes === null ? null : extendedKeyUsage(purposes),
    names,
    subjectKeyId(own.keyId),
    authorityKeyId(signer.keyId),
  ]
  return mergeExtensions(usual, request.extensions ?? [])
}

function commonNameOf(request: IssueRequest): string {
  return request.commonName ?? request.spiffeId?.split('/').slice(3).at(-1) ?? request.dns?.[0] ?? 'workload'
}

function randomSerial(runtime: IssuingRuntime): string {
  const bytes = Buffer.from(runtime.randomBytes(SERIAL_BYTES))
  // Positive and never zero, whatever the bytes (RFC 5280 §4.1.2.2).
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
