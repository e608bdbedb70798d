import { DER_TAG } from '@countersign/core'
import { DerError, type DerReader } from '../der/der-reader.js'
import { asciiFrom, readBoolean, readOid } from '../der/der-values.js'
import { readGeneralNames } from '../der/general-names.js'
import { createSerialIndex, type SerialIndex } from './serial-index.js'

/** The entries of a CRL that are about certificates of one issuer. */
export interface IssuerEntries {
  readonly revoked: SerialIndex
  /** Serial numbers that a delta CRL takes off the list: they stand in `revoked` too. */
  readonly removed: SerialIndex
}

/** The entries of a CRL: first those about certificates that its issuer issued itself. */
export interface CrlEntries extends IssuerEntries {
  /** Of other issuers, by their name: an indirect CRL (RFC 5280 §5.3.3). */
  readonly ofOthers: ReadonlyMap<string, IssuerEntries>
  /** An entry has a critical extension that is not understood. */
  readonly unknownCritical: boolean
}

/** Twenty, and a zero octet before a first bit that is set (RFC 5280 §4.1.2.2). */
const MAX_SERIAL_OCTETS = 21
/** SEQUENCE header, an INTEGER of one octet, a UTCTime. */
const MIN_ENTRY_BYTES = 20
/** An indirect CRL speaks for a handful of CAs. Each spelling of a name counts, since each has to be prepared for comparison. */
const MAX_ISSUERS = 1_000
const REMOVE_FROM_CRL = 8
/** The extensions of nearly every entry that has any: a reason code, up to its value. */
const REASON = Uint8Array.of(0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01)

/** Where the serial numbers of one issuer stand. */
interface Group {
  readonly revoked: number[]
  readonly removed: number[]
}

interface Draft {
  readonly crlIssuer: string
  /** Whose the entry is that is read; `null`: of the issuer of the CRL. */
  group: Group | null
  readonly groups: Map<string, Group>
  /** Names by their DER. */
  readonly spellings: Map<string, string>
  readonly removed: number[]
  unknownCritical: boolean
}

/**
 * Reads the optional list of entries. One reader for all of them: there may be a million.
 * @param crlIssuer Key of the name of the issuer of the CRL.
 */
export function readCrlEntries(fields: DerReader, version: number, crlIssuer: string): CrlEntries {
  const { bytes } = fields
  const draft: Draft = { crlIssuer, group: null, groups: new Map(), spellings: new Map(), removed: [], unknownCritical: false }
  const indexOf = (offsets: readonly number[]): SerialIndex => createSerialIndex(bytes, Uint32Array.from(offsets))
  const own = fields.optional(DER_TAG.sequence) ? readEntries(fields, version, draft) : new Uint32Array(0)
  return {
    revoked: createSerialIndex(bytes, own),
    removed: indexOf(draft.removed),
    ofOthers: new Map(
      [...draft.groups].map(([issuer, { revoked, removed }]) => [issuer, { revoked: indexOf(revoked), removed: indexOf(removed) }]),
    ),
    unknownCritical: draft.unknownCritical,
  }
}

function readEntries(fields: DerReader, version: number, draft: Draft): Uint32Array {
  const offsets = new Uint32Array(Math.ceil((fields.contentEnd - fields.contentStart) / MIN_ENTRY_BYTES))
  const list = fields.enter()
  const entry = fields.enter()
  let count = 0
  while (!list.atEnd) {
    list.take(DER_TAG.sequence)
    entry.turnTo(list.contentStart, list.contentEnd)
    const offset = takeSerial(entry)
    entry.take(entry.isNext(DER_TAG.utcTime) ? DER_TAG.utcTime : DER_TAG.generalizedTime)
    if (!entry.atEnd) {
      if (version === 1) throw new DerError('an entry extension in a CRL of version 1')
      readEntryExtensions(entry, offset, draft)
    }
    if (draft.group === null) offsets[count++] = offset
    else draft.group.revoked.push(offset)
  }
  return offsets.subarray(0, count)
}

/** Reads an INTEGER in its shortest form, without a view of it. Its length is one octet. */
function takeSerial(entry: DerReader): number {
  const { bytes, start, contentStart, contentEnd } = entry.take(DER_TAG.integer)
  const length = contentEnd - contentStart
  if (length === 0 || length > MAX_SERIAL_OCTETS) throw new DerError('a serial number of no octets, or of too many')
  const first = bytes[contentStart] ?? 0
  const second = bytes[contentStart + 1] ?? 0
  if (length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw new DerError('an INTEGER that is not in its shortest form')
  }
  return start
}

function readEntryExtensions(entry: DerReader, offset: number, draft: Draft): void {
  const extensions = entry.take(DER_TAG.sequence)
  entry.finish()
  if (isReasonAlone(extensions)) {
    if (extensions.bytes[extensions.contentEnd - 1] === REMOVE_FROM_CRL) remove(offset, draft)
    return
  }
  let isRemoved = false
  const list = extensions.enter()
  while (!list.atEnd) {
    const { oid, critical, value } = readCrlExtension(list)
    switch (oid) {
      case '2.5.29.21': {
        const reason = value.take(DER_TAG.enumerated).content()
        isRemoved = reason.length === 1 && reason[0] === REMOVE_FROM_CRL
        break
      }
      case '2.5.29.29':
        turnToIssuer(value, draft)
        break
      case '2.5.29.24':
        break
      default:
        // RFC 5280 §5.3: then the CRL must not be used.
        if (critical) draft.unknownCritical = true
    }
  }
  // Last: whose the entry is may stand behind the reason.
  if (isRemoved) remove(offset, draft)
}

function remove(offset: number, { group, removed }: Draft): void {
  const numbers = group === null ? removed : group.removed
  numbers.push(offset)
}

export function readCrlExtension(list: DerReader): { readonly oid: string; readonly critical: boolean; readonly value: DerReader } {
  const extension = list.take(DER_TAG.sequence).enter()
  const oid = readOid(extension)
  const critical = extension.isNext(DER_TAG.boolean) && readBoolean(extension)
  const value = extension.take(DER_TAG.octetString).enter()
  extension.finish()
  return { oid, critical, value }
}

function isReasonAlone({ bytes, start, contentEnd }: DerReader): boolean {
  if (contentEnd - start !== REASON.length + 1) return false
  for (let i = 0; i < REASON.length; i++) if (bytes[start + i] !== REASON[i]) return false
  return true
}

// RFC 5280 §5.3.3: an entry without the extension has the issuer of the one before it.
function turnToIssuer(value: DerReader, draft: Draft): void {
  const names = value.take(DER_TAG.sequence)
  const spelling = asciiFrom(names.whole())
  const issuer = draft.spellings.get(spelling) ?? issuerFrom(names)
  if (!draft.spellings.has(spelling)) {
    if (draft.spellings.size >= MAX_ISSUERS) throw new DerError('entries of too many issuers')
    draft.spellings.set(spelling, issuer)
  }
  draft.group = issuer === draft.crlIssuer ? null : (draft.groups.get(issuer) ?? { revoked: [], removed: [] })
  if (draft.group !== null) draft.groups.set(issuer, draft.group)
}

function issuerFrom(names: DerReader): string {
  const [name] = readGeneralNames(names.enter()).directory
  if (name === undefined) throw new DerError('an entry whose issuer has no name')
  return name.key
}
