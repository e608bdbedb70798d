import { DER_TAG } from '@countersign/core'
import { ALL_REASONS, namesOfPoint, readReasonFlags } from '../certificate/distribution-point.js'
import { readSignatureAlgorithm, type SignatureAlgorithm, sameAlgorithm } from '../certificate/signature-algorithm.js'
import { contextTag, DerError, DerReader } from '../der/der-reader.js'
import { hexFrom, readBoolean, readInteger, readOctetAlignedBitString, readSmallInteger, readTime } from '../der/der-values.js'
import { type DistinguishedName, readName } from '../der/distinguished-name.js'
import { type CrlEntries, readCrlEntries, readCrlExtension } from './read-crl-entries.js'

/** A CRL as it was read: nothing in it is verified. */
export interface ParsedCrl extends CrlEntries {
  readonly issuer: DistinguishedName
  /** The issuer's name, as the key of a map. */
  readonly issuerKey: string
  readonly authorityKeyId: string | null
  /** `null` in a CRL of version 1. */
  readonly number: bigint | null
  /** Number of the complete CRL that this one adds to; `null`: it is complete. */
  readonly deltaBase: bigint | null
  readonly thisUpdateMs: number
  readonly nextUpdateMs: number
  readonly scope: CrlScope
  /** Why it answers for nobody. */
  readonly unusable: CrlFlaw | null
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** `'critical-extension'`: one that is not understood, of the CRL or of an entry. */
export type CrlFlaw = 'no-next-update' | 'no-number' | 'critical-extension' | 'attribute-certificates' | 'scope' | 'remove-from-crl'

/** Which certificates of its issuer it answers for (RFC 5280 §5.2.5). */
export interface CrlScope {
  readonly only: 'leaves' | 'authorities' | null
  /** Answers only for certificates that name one of these distribution points, written as {@link namesOfPoint} does. */
  readonly distributionPoints: readonly string[] | null
  readonly reasons: number
  /** Its entries may name other issuers. */
  readonly indirect: boolean
  /** The extension itself, in hexadecimal: a delta CRL has the same. */
  readonly text: string
}

/** A million entries take 36 MB. */
export const MAX_CRL_BYTES = 64 * 1024 * 1024
/** RFC 5280 §5.2.3. */
const MAX_NUMBER_OCTETS = 20
const EVERYTHING: CrlScope = Object.freeze({ only: null, distributionPoints: null, reasons: ALL_REASONS, indirect: false, text: '' })

interface Draft {
  authorityKeyId: string | null
  number: bigint | null
  deltaBase: bigint | null
  scope: CrlScope
  unusable: CrlFlaw | null
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
  const list = outer.take(DER_TAG.sequence).enter()
  outer.finish()
  const signed = list.take(DER_TAG.sequence).whole()
  const fields = list.enter()
  const signatureAlgorithm = readSignatureAlgorithm(list)
  const signature = readOctetAlignedBitString(list)
  list.finish()

  const version = readVersion(fields)
  if (!sameAlgorithm(readSignatureAlgorithm(fields), signatureAlgorithm)) throw new DerError('two signature algorithms')
  const issuer = readName(fields)
  const thisUpdateMs = readTime(fields)
  const ends = fields.isNext(DER_TAG.utcTime) || fields.isNext(DER_TAG.generalizedTime)
  const nextUpdateMs = ends ? readTime(fields) : thisUpdateMs
  const entries = readCrlEntries(fields, version, issuer.key)
  const draft: Draft = { authorityKeyId: null, number: null, deltaBase: null, scope: EVERYTHING, unusable: null }
  if (version === 2 && fields.optional(contextTag(0, 'constructed'))) readExtensions(fields.enter(), draft)
  fields.finish()
  return {
    ...entries,
    issuer,
    issuerKey: issuer.key,
    authorityKeyId: draft.authorityKeyId,
    number: draft.number,
    deltaBase: draft.deltaBase,
    thisUpdateMs,
    nextUpdateMs,
    scope: draft.scope,
    unusable: draft.unusable ?? flawOf(draft, entries, version, ends),
    signatureAlgorithm,
    signed,
    signature,
  }
}

function flawOf(draft: Draft, entries: CrlEntries, version: number, ends: boolean): CrlFlaw | null {
  // RFC 5280 §5.1.2.5: nextUpdate is required. §5.2.3: so is the number, which only version 2 can have.
  if (!ends) return 'no-next-update'
  if (version === 2 && draft.number === null) return 'no-number'
  // RFC 5280 §5.3: entries with a critical extension that is not understood; §5.3.3: other issuers stand in indirect CRLs alone.
  if (entries.unknownCritical || (entries.ofOthers.size > 0 && !draft.scope.indirect)) return 'critical-extension'
  // RFC 5280 §5.3.1: removeFromCRL stands in delta CRLs alone.
  const removes = [entries, ...entries.ofOthers.values()].some(({ removed }) => removed.size > 0)
  return removes && draft.deltaBase === null ? 'remove-from-crl' : null
}

// RFC 5280 §5: version 1, which has no extensions, is read too.
function readVersion(fields: DerReader): number {
  if (!fields.isNext(DER_TAG.integer)) return 1
  if (readSmallInteger(fields) !== 1) throw new DerError('not a CRL of version 1 or 2')
  return 2
}

function readExtensions(reader: DerReader, draft: Draft): void {
  const list = reader.take(DER_TAG.sequence).enter()
  reader.finish()
  const seen = new Set<string>()
  while (!list.atEnd) {
    const { oid, critical, value } = readCrlExtension(list)
    if (seen.has(oid)) throw new DerError('an extension twice')
    seen.add(oid)
    switch (oid) {
      case '2.5.29.20': {
        const number = readNumber(value)
        // RFC 5280 §5.2.3: not critical.
        if (!critical) draft.number = number
        break
      }
      case '2.5.29.27':
        draft.deltaBase = readNumber(value)
        break
      case '2.5.29.28':
        readIssuingDistributionPoint(value.take(DER_TAG.sequence), draft)
        break
      case '2.5.29.35': {
        const keyId = value.take(DER_TAG.sequence).enter()
        if (keyId.optional(contextTag(0, 'primitive'))) draft.authorityKeyId = hexFrom(keyId.content())
        break
      }
      default:
        // RFC 5280 §5.2: what is critical and not understood makes the CRL useless.
        if (critical) draft.unusable ??= 'critical-extension'
    }
  }
}

function readNumber(value: DerReader): bigint {
  const octets = readInteger(value)
  if ((octets[0] ?? 0) >= 0x80 || octets.length > MAX_NUMBER_OCTETS) throw new DerError('a CRL number out of range')
  return BigInt(`0x${hexFrom(octets)}`)
}

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-5.2.5 */
function readIssuingDistributionPoint(value: DerReader, draft: Draft): void {
  const text = hexFrom(value.whole())
  const point = value.enter()
  const distributionPoints = point.optional(contextTag(0, 'constructed')) ? namesOfPoint(point.enter()) : null
  const leaves = readFlag(point, 1)
  const authorities = readFlag(point, 2)
  const reasons = point.isNext(contextTag(3, 'primitive')) ? readReasonFlags(point, contextTag(3, 'primitive')) : ALL_REASONS
  const indirect = readFlag(point, 4)
  const attributes = readFlag(point, 5)
  point.finish()
  if (attributes) draft.unusable ??= 'attribute-certificates'
  if (leaves && authorities) draft.unusable ??= 'scope'
  draft.scope = { only: leaves ? 'leaves' : authorities ? 'authorities' : null, distributionPoints, reasons, indirect, text }
}

function readFlag(reader: DerReader, number: number): boolean {
  if (!reader.isNext(contextTag(number, 'primitive'))) return false
  return readBoolean(reader, contextTag(number, 'primitive'))
}
