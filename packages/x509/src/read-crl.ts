import { readDistributionPointName } from './certificate-extensions.js'
import { contextTag, DerError, DerReader, TAG } from './der-reader.js'
import { hexFrom, readBoolean, readInteger, readOctetAlignedBitString, readOid, readSmallInteger, readTime } from './der-values.js'
import { type DistinguishedName, readName } from './distinguished-name.js'
import { createSerialIndex, type SerialIndex } from './serial-index.js'
import { readSignatureAlgorithm, type SignatureAlgorithm, sameAlgorithm } from './signature-algorithm.js'

/** A CRL as it was read: nothing in it is verified. */
export interface ParsedCrl {
  readonly issuer: DistinguishedName
  /** Of the issuer's name, for comparison under RFC 5280 §7.1. */
  readonly issuerKey: string
  readonly authorityKeyId: string | null
  readonly thisUpdateMs: number
  readonly nextUpdateMs: number
  readonly revoked: SerialIndex
  readonly scope: CrlScope
  /** Why it answers for nobody, such as a critical extension that is not understood. */
  readonly unusable: string | null
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Which certificates of its issuer it answers for (RFC 5280 §5.2.5). */
export interface CrlScope {
  readonly only: 'leaves' | 'authorities' | null
  /** Answers only for certificates that name one of these distribution points. */
  readonly distributionPoints: readonly string[] | null
}

/** A million entries take 36 MB. */
export const MAX_CRL_BYTES = 64 * 1024 * 1024

interface Draft {
  authorityKeyId: string | null
  numbered: boolean
  scope: CrlScope
  unusable: string | null
}

/**
 * Reads one DER CRL, all of its bytes.
 * @returns A fixed text of what is wrong, if it cannot be read. Never throws.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-5.1
 */
export function readCrl(der: Uint8Array): ParsedCrl | string {
  if (der.length > MAX_CRL_BYTES) return 'larger than 64 MiB'
  try {
    return readWhole(der)
  } catch (error) {
    if (error instanceof DerError) return error.message
    throw error
  }
}

function readWhole(der: Uint8Array): ParsedCrl {
  const outer = new DerReader(der)
  const list = outer.take(TAG.sequence).enter()
  outer.finish()
  const signed = list.take(TAG.sequence).whole()
  const fields = list.enter()
  const signatureAlgorithm = readSignatureAlgorithm(list)
  const signature = readOctetAlignedBitString(list)
  list.finish()

  // RFC 5280 §5.1.2.1: version 2, since the CRL number is an extension.
  if (readSmallInteger(fields) !== 1) throw new DerError('not a CRL of version 2')
  if (!sameAlgorithm(readSignatureAlgorithm(fields), signatureAlgorithm)) throw new DerError('two signature algorithms')
  const issuer = readName(fields)
  const thisUpdateMs = readTime(fields)
  // RFC 5280 §5.1.2.5: nextUpdate is required.
  const nextUpdateMs = readTime(fields)
  const draft: Draft = { authorityKeyId: null, numbered: false, scope: { only: null, distributionPoints: null }, unusable: null }
  const revoked = createSerialIndex(der, fields.optional(TAG.sequence) ? readEntries(fields, draft) : new Uint32Array(0))
  if (fields.optional(contextTag(0, 'constructed'))) readExtensions(fields.enter(), draft)
  fields.finish()
  // RFC 5280 §5.2.3
  if (!draft.numbered) draft.unusable ??= 'no CRL number'
  const { authorityKeyId, scope, unusable } = draft
  return {
    issuer,
    issuerKey: issuer.key,
    authorityKeyId,
    thisUpdateMs,
    nextUpdateMs,
    revoked,
    scope,
    unusable,
    signatureAlgorithm,
    signed,
    signature,
  }
}

/** Twenty, and a zero octet before a first bit that is set (RFC 5280 §4.1.2.2). */
const MAX_SERIAL_OCTETS = 21
/** SEQUENCE header, an INTEGER of one octet, a UTCTime. */
const MIN_ENTRY_BYTES = 20

/** Where the serial numbers of the entries stand. One reader for all of them: there may be a million. */
function readEntries(fields: DerReader, draft: Draft): Uint32Array {
  const offsets = new Uint32Array(Math.ceil((fields.contentEnd - fields.contentStart) / MIN_ENTRY_BYTES))
  const list = fields.enter()
  const entry = fields.enter()
  let count = 0
  while (!list.atEnd) {
    list.take(TAG.sequence)
    entry.turnTo(list.contentStart, list.contentEnd)
    if (readInteger(entry).length > MAX_SERIAL_OCTETS) throw new DerError('a serial number of too many octets')
    offsets[count++] = entry.start
    entry.take(entry.isNext(TAG.utcTime) ? TAG.utcTime : TAG.generalizedTime)
    if (!entry.atEnd) readEntryExtensions(entry, draft)
  }
  return offsets.subarray(0, count)
}

// RFC 5280 §5.3: with a critical entry extension that is not understood (an indirect CRL has one), the CRL must not be used.
function readEntryExtensions(entry: DerReader, draft: Draft): void {
  const list = entry.take(TAG.sequence).enter()
  entry.finish()
  while (!list.atEnd) {
    const { oid, critical } = readExtension(list)
    if (critical && oid !== '2.5.29.21' && oid !== '2.5.29.24') draft.unusable ??= 'a critical entry extension'
  }
}

function readExtension(list: DerReader): { readonly oid: string; readonly critical: boolean; readonly value: DerReader } {
  const extension = list.take(TAG.sequence).enter()
  const oid = readOid(extension)
  const critical = extension.isNext(TAG.boolean) && readBoolean(extension)
  const value = extension.take(TAG.octetString).enter()
  extension.finish()
  return { oid, critical, value }
}

function readExtensions(reader: DerReader, draft: Draft): void {
  const list = reader.take(TAG.sequence).enter()
  reader.finish()
  const seen = new Set<string>()
  while (!list.atEnd) {
    const { oid, critical, value } = readExtension(list)
    if (seen.has(oid)) throw new DerError('an extension twice')
    seen.add(oid)
    switch (oid) {
      case '2.5.29.20':
        readInteger(value)
        draft.numbered = !critical
        break
      case '2.5.29.27':
        draft.unusable ??= 'a delta CRL'
        break
      case '2.5.29.28':
        readIssuingDistributionPoint(value.take(TAG.sequence).enter(), draft)
        break
      case '2.5.29.35': {
        const keyId = value.take(TAG.sequence).enter()
        if (keyId.optional(contextTag(0, 'primitive'))) draft.authorityKeyId = hexFrom(keyId.content())
        break
      }
      default:
        // RFC 5280 §5.2: what is critical and not understood makes the CRL useless.
        if (critical) draft.unusable ??= 'a critical extension'
    }
  }
}

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-5.2.5 */
function readIssuingDistributionPoint(point: DerReader, draft: Draft): void {
  const distributionPoints = point.optional(contextTag(0, 'constructed')) ? readDistributionPointName(point.enter()) : null
  const leaves = readFlag(point, 1)
  const authorities = readFlag(point, 2)
  const someReasons = point.optional(contextTag(3, 'primitive'))
  const indirect = readFlag(point, 4)
  const attributes = readFlag(point, 5)
  point.finish()
  if (someReasons || indirect || attributes || (leaves && authorities)) draft.unusable ??= 'a CRL of another scope'
  draft.scope = { only: leaves ? 'leaves' : authorities ? 'authorities' : null, distributionPoints }
}

function readFlag(reader: DerReader, number: number): boolean {
  if (!reader.isNext(contextTag(number, 'primitive'))) return false
  return readBoolean(reader, contextTag(number, 'primitive'))
}
