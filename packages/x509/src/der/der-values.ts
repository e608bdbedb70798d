import { DER_TAG } from '@countersign/core'
import { DerError, type DerReader } from './der-reader.js'

/** OIDs of a hundred octets name nothing we know; 128-bit arcs (2.25.…) need nineteen. */
const MAX_OID_OCTETS = 64

/** X.690 §11.1: TRUE is 0xFF. FALSE is read where it is the default too, since issuers write it. */
export function readBoolean(reader: DerReader, tag: number = DER_TAG.boolean): boolean {
  reader.take(tag)
  const value = reader.bytes[reader.contentStart]
  if (reader.contentEnd - reader.contentStart !== 1 || (value !== 0xff && value !== 0)) throw new DerError('a BOOLEAN of another value')
  return value === 0xff
}

/** View of the two's complement octets of an INTEGER, in the fewest octets (X.690 §8.3.2). */
export function readInteger(reader: DerReader, tag: number = DER_TAG.integer): Uint8Array {
  const content = reader.take(tag).content()
  const [first, second] = content
  if (first === undefined) throw new DerError('an INTEGER without octets')
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw new DerError('an INTEGER that is not in its shortest form')
  }
  return content
}

/** Octets of an INTEGER above zero, without the leading zero octet. */
export function readPositiveInteger(reader: DerReader): Uint8Array {
  const content = readInteger(reader)
  const first = content[0] ?? 0
  if (first >= 0x80 || (first === 0 && content.length === 1)) throw new DerError('an INTEGER that is not positive')
  return first === 0 ? content.subarray(1) : content
}

/** An INTEGER from 0 that fits into 31 bits. */
export function readSmallInteger(reader: DerReader, tag: number = DER_TAG.integer): number {
  const content = readInteger(reader, tag)
  const first = content[0] ?? 0
  if (first >= 0x80 || content.length > 4) throw new DerError('an INTEGER out of range')
  return content.reduce((value, octet) => value * 256 + octet, 0)
}

// id-at and id-ce: nearly all OIDs of a certificate, with texts that are there already.
const ATTRIBUTE_TYPES: readonly string[] = Array.from({ length: 128 }, (_, arc) => `2.5.4.${arc}`)
const EXTENSION_IDS: readonly string[] = Array.from({ length: 128 }, (_, arc) => `2.5.29.${arc}`)

/** Dotted text of an OBJECT IDENTIFIER. */
export function readOid(reader: DerReader, tag: number = DER_TAG.oid): string {
  const { bytes, contentStart, contentEnd } = reader.take(tag)
  if (contentEnd === contentStart || contentEnd - contentStart > MAX_OID_OCTETS) throw new DerError('an OID of a size not accepted')
  const known = bytes[contentStart + 1] === 4 ? ATTRIBUTE_TYPES : EXTENSION_IDS
  const last = bytes[contentStart + 2] ?? 0x80
  if (contentEnd - contentStart === 3 && bytes[contentStart] === 0x55 && last < 0x80) {
    const second = bytes[contentStart + 1]
    if (second === 4 || second === 29) return known[last] ?? ''
  }
  let text = ''
  let at = contentStart
  while (at < contentEnd) {
    const from = at
    while (at < contentEnd && (bytes[at] ?? 0) >= 0x80) at++
    if (at >= contentEnd || bytes[from] === 0x80) throw new DerError('an OID that is cut off or not in its shortest form')
    at++
    const arc = at - from > MAX_ARC_OCTETS ? wideArc(bytes, from, at) : narrowArc(bytes, from, at)
    text = text === '' ? firstArcs(arc) : `${text}.${arc}`
  }
  return text
}

// X.690 §8.19.4: the first octets hold two arcs.
function firstArcs(arc: number | bigint): string {
  if (arc >= 80) return `2.${typeof arc === 'bigint' ? arc - 80n : arc - 80}`
  return arc >= 40 ? `1.${Number(arc) - 40}` : `0.${arc}`
}

/** Seven bits each: a number holds 53. */
const MAX_ARC_OCTETS = 7

function narrowArc(bytes: Uint8Array, from: number, to: number): number {
  let arc = 0
  for (let i = from; i < to; i++) arc = arc * 128 + ((bytes[i] ?? 0) & 0x7f)
  return arc
}

// 128-bit arcs (2.25.…) are real.
function wideArc(bytes: Uint8Array, from: number, to: number): bigint {
  let arc = 0n
  for (let i = from; i < to; i++) arc = (arc << 7n) | BigInt((bytes[i] ?? 0) & 0x7f)
  return arc
}

export interface BitString {
  readonly unusedBits: number
  readonly bytes: Uint8Array
}

/** X.690 §11.2: unused bits are zero. */
export function readBitString(reader: DerReader, tag: number = DER_TAG.bitString): BitString {
  const content = reader.take(tag).content()
  const unusedBits = content[0]
  if (unusedBits === undefined || unusedBits > 7 || (content.length === 1 && unusedBits > 0))
    throw new DerError('a BIT STRING without its bits')
  const last = content[content.length - 1] ?? 0
  if (content.length > 1 && (last & ((1 << unusedBits) - 1)) !== 0) throw new DerError('a BIT STRING with unused bits set')
  return { unusedBits, bytes: content.subarray(1) }
}

/** A BIT STRING of whole octets: keys and signatures. */
export function readOctetAlignedBitString(reader: DerReader): Uint8Array {
  const { unusedBits, bytes } = readBitString(reader)
  if (unusedBits !== 0) throw new DerError('a BIT STRING that is not of whole octets')
  return bytes
}

/** Parameters that are NULL, or left out (RFC 4055 §2.1). */
export function readOptionalNull(reader: DerReader): void {
  if (reader.optional(DER_TAG.null) && reader.contentEnd !== reader.contentStart) throw new DerError('a NULL with content')
}

/**
 * Epoch milliseconds of a UTCTime or GeneralizedTime, with seconds, in UTC, without fractions.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5
 */
export function readTime(reader: DerReader): number {
  const short = reader.isNext(DER_TAG.utcTime)
  const { bytes, contentStart, contentEnd } = reader.take(short ? DER_TAG.utcTime : DER_TAG.generalizedTime)
  const yearDigits = short ? 2 : 4
  const last = contentEnd - 1
  if (last - contentStart !== yearDigits + 10 || bytes[last] !== 0x5a) throw new DerError('a time in another form')
  const month = contentStart + yearDigits
  const year = readDigits(bytes, contentStart, month)
  const field = (index: number): number => readDigits(bytes, month + 2 * index, month + 2 * index + 2)
  return timeFrom(short ? (year >= 50 ? 1900 : 2000) + year : year, [field(0), field(1), field(2), field(3), field(4)])
}

function readDigits(bytes: Uint8Array, from: number, to: number): number {
  let value = 0
  for (let i = from; i < to; i++) {
    const digit = (bytes[i] ?? 0) - 0x30
    if (digit < 0 || digit > 9) throw new DerError('a time in another form')
    value = value * 10 + digit
  }
  return value
}

type Fields = readonly [month: number, day: number, hour: number, minute: number, second: number]

function timeFrom(year: number, [month, day, hour, minute, second]: Fields): number {
  // Date.UTC takes the years before 100 for others.
  const ms = year >= 100 ? Date.UTC(year, month - 1, day, hour, minute, second) : new Date(0).setUTCFullYear(year, month - 1, day)
  const date = new Date(ms)
  const exists = month >= 1 && month <= 12 && date.getUTCDate() === day && day > 0 && hour < 24 && minute < 60 && second < 60
  if (!exists) throw new DerError('a time that does not exist')
  return year >= 100 ? ms : date.setUTCHours(hour, minute, second)
}

/** One character an octet. */
export function asciiFrom(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

export function hexFrom(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
