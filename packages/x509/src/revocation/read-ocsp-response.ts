import { DER_TAG } from '@countersign/core'
import { readSignatureAlgorithm, type SignatureAlgorithm } from '../certificate/signature-algorithm.js'
import { contextTag, DerError, DerReader } from '../der/der-reader.js'
import { readBoolean, readOctetAlignedBitString, readOid, readSmallInteger, readTime } from '../der/der-values.js'
import { type DistinguishedName, readName } from '../der/distinguished-name.js'
import { type CertId, readCertId } from './ocsp-cert-id.js'
import { NONCE_OID } from './ocsp-request.js'

/** A BasicOCSPResponse as it was read: nothing in it is verified (RFC 6960 §4.2.1). */
export interface ParsedOcspResponse {
  readonly responder: { readonly name: DistinguishedName } | { readonly keyHash: Uint8Array }
  readonly producedAtMs: number
  readonly answers: readonly OcspSingleResponse[]
  readonly nonce: Uint8Array | null
  /** A critical extension that is not understood. */
  readonly unknownCritical: boolean
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signed: Uint8Array
  readonly signature: Uint8Array
  /** DER certificates that came with it. */
  readonly certificates: readonly Uint8Array[]
}

export interface OcspSingleResponse {
  readonly certId: CertId
  readonly status: 'good' | 'revoked' | 'unknown'
  readonly revokedAtMs: number | null
  /** CRLReason (RFC 5280 §5.3.1). */
  readonly reason: number | null
  readonly thisUpdateMs: number
  readonly nextUpdateMs: number | null
}

/** What a responder says instead of an answer (RFC 6960 §4.2.1). */
export type OcspRefusal = 'malformed-request' | 'internal-error' | 'try-later' | 'sig-required' | 'unauthorized'

/** A response has 0.5 to 3 KB, most of it the responder's certificate. */
export const MAX_OCSP_BYTES = 64 * 1024
/** One was asked for; some responders answer for a few more. */
const MAX_ANSWERS = 64
/** The responder's, and perhaps its issuer's. */
const MAX_CERTIFICATES = 8
const MAX_EXTENSIONS = 16
const MAX_NONCE_OCTETS = 128
const BASIC = '1.3.6.1.5.5.7.48.1.1'

const REFUSALS: ReadonlyMap<number, OcspRefusal> = new Map([
  [1, 'malformed-request'],
  [2, 'internal-error'],
  [3, 'try-later'],
  [5, 'sig-required'],
  [6, 'unauthorized'],
])

/**
 * Reads one DER OCSPResponse, all of its bytes.
 * @returns What the responder said instead, or `malformed`. Never throws.
 */
export function readOcspResponse(der: Uint8Array): ParsedOcspResponse | OcspRefusal | 'malformed' {
  if (der.length > MAX_OCSP_BYTES) return 'malformed'
  try {
    return readWhole(der)
  } catch (error) {
    if (error instanceof DerError) return 'malformed'
    throw error
  }
}

function readWhole(der: Uint8Array): ParsedOcspResponse | OcspRefusal | 'malformed' {
  const outer = new DerReader(der)
  const response = outer.take(DER_TAG.sequence).enter()
  outer.finish()
  const status = readSmallInteger(response, DER_TAG.enumerated)
  if (status !== 0) return REFUSALS.get(status) ?? 'malformed'
  const tagged = response.take(contextTag(0, 'constructed')).enter()
  response.finish()
  const bytes = tagged.take(DER_TAG.sequence).enter()
  tagged.finish()
  if (readOid(bytes) !== BASIC) return 'malformed'
  const basic = bytes.take(DER_TAG.octetString).enter()
  bytes.finish()
  const fields = basic.take(DER_TAG.sequence).enter()
  basic.finish()
  return readBasic(fields)
}

function readBasic(fields: DerReader): ParsedOcspResponse {
  const signed = fields.take(DER_TAG.sequence).whole()
  const data = fields.enter()
  const signatureAlgorithm = readSignatureAlgorithm(fields)
  const signature = readOctetAlignedBitString(fields)
  const certificates = fields.optional(contextTag(0, 'constructed')) ? readCertificates(fields.enter()) : []
  fields.finish()

  // Version 1, the default, which DER leaves out and some responders write.
  if (data.optional(contextTag(0, 'constructed')) && readSmallInteger(data.enter()) !== 0)
    throw new DerError('a version that does not exist')
  const responder = readResponder(data)
  const producedAtMs = readGeneralizedTime(data)
  const list = data.take(DER_TAG.sequence).enter()
  const answers: OcspSingleResponse[] = []
  const seen: Seen = { nonce: null, unknownCritical: false }
  while (!list.atEnd) {
    if (answers.length >= MAX_ANSWERS) throw new DerError('too many answers')
    answers.push(readAnswer(list.take(DER_TAG.sequence).enter(), seen))
  }
  if (data.optional(contextTag(1, 'constructed'))) readExtensions(data.enter(), seen, true)
  data.finish()
  return { responder, producedAtMs, answers, ...seen, signatureAlgorithm, signed, signature, certificates }
}

interface Seen {
  nonce: Uint8Array | null
  unknownCritical: boolean
}

function readResponder(data: DerReader): ParsedOcspResponse['responder'] {
  if (data.optional(contextTag(1, 'constructed'))) {
    const inner = data.enter()
    const name = readName(inner)
    inner.finish()
    return { name }
  }
  const inner = data.take(contextTag(2, 'constructed')).enter()
  const keyHash = inner.take(DER_TAG.octetString).content()
  inner.finish()
  return { keyHash }
}

function readAnswer(fields: DerReader, seen: Seen): OcspSingleResponse {
  const certId = readCertId(fields)
  const { status, revokedAtMs, reason } = readStatus(fields)
  const thisUpdateMs = readGeneralizedTime(fields)
  let nextUpdateMs: number | null = null
  if (fields.optional(contextTag(0, 'constructed'))) {
    const inner = fields.enter()
    nextUpdateMs = readGeneralizedTime(inner)
    inner.finish()
  }
  if (fields.optional(contextTag(1, 'constructed'))) readExtensions(fields.enter(), seen, false)
  fields.finish()
  return { certId, status, revokedAtMs, reason, thisUpdateMs, nextUpdateMs }
}

function readStatus(fields: DerReader): Pick<OcspSingleResponse, 'status' | 'revokedAtMs' | 'reason'> {
  fields.next()
  switch (fields.tag) {
    case contextTag(0, 'primitive'):
      if (fields.contentEnd !== fields.contentStart) throw new DerError('a NULL with content')
      return { status: 'good', revokedAtMs: null, reason: null }
    case contextTag(2, 'primitive'):
      if (fields.contentEnd !== fields.contentStart) throw new DerError('a NULL with content')
      return { status: 'unknown', revokedAtMs: null, reason: null }
    case contextTag(1, 'constructed'): {
      const info = fields.enter()
      const revokedAtMs = readGeneralizedTime(info)
      const reason = info.optional(contextTag(0, 'constructed')) ? readSmallInteger(info.enter(), DER_TAG.enumerated) : null
      info.finish()
      return { status: 'revoked', revokedAtMs, reason }
    }
    default:
      throw new DerError('a status of no kind')
  }
}

function readExtensions(reader: DerReader, seen: Seen, ofResponse: boolean): void {
  const list = reader.take(DER_TAG.sequence).enter()
  reader.finish()
  const oids = new Set<string>()
  while (!list.atEnd) {
    const extension = list.take(DER_TAG.sequence).enter()
    const oid = readOid(extension)
    if (oids.has(oid) || oids.size >= MAX_EXTENSIONS) throw new DerError('an extension twice, or too many')
    oids.add(oid)
    const critical = extension.isNext(DER_TAG.boolean) && readBoolean(extension)
    const value = extension.take(DER_TAG.octetString)
    if (ofResponse && oid === NONCE_OID) seen.nonce = readNonce(value)
    else if (critical) seen.unknownCritical = true
    extension.finish()
  }
}

// RFC 9654 §2.1: an OCTET STRING of 1 to 128 octets.
function readNonce(value: DerReader): Uint8Array {
  const inner = value.enter()
  const nonce = inner.take(DER_TAG.octetString).content()
  inner.finish()
  if (nonce.length === 0 || nonce.length > MAX_NONCE_OCTETS) throw new DerError('a nonce of another size')
  return nonce
}

function readGeneralizedTime(reader: DerReader): number {
  if (!reader.isNext(DER_TAG.generalizedTime)) throw new DerError('another type than expected')
  return readTime(reader)
}

function readCertificates(reader: DerReader): readonly Uint8Array[] {
  const list = reader.take(DER_TAG.sequence).enter()
  reader.finish()
  const certificates: Uint8Array[] = []
  while (!list.atEnd) {
    if (certificates.length >= MAX_CERTIFICATES) throw new DerError('too many certificates')
    certificates.push(list.take(DER_TAG.sequence).whole())
  }
  return certificates
}
