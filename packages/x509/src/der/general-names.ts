import { contextTag, DerError, type DerReader } from './der-reader.js'
import { asciiFrom } from './der-values.js'
import { type DistinguishedName, readName } from './distinguished-name.js'

/** The names of a SubjectAltName or another GeneralNames, by kind (RFC 5280 §4.2.1.6). */
export interface GeneralNames {
  readonly dns: string[]
  readonly uri: string[]
  readonly ip: Uint8Array[]
  readonly email: string[]
  readonly directory: DistinguishedName[]
  /** Context tag numbers of names of other kinds. */
  readonly other: number[]
}

/** A workload has a handful of names; checking many against many constraints is quadratic. */
export const MAX_NAMES = 256

export function emptyNames(): GeneralNames {
  return { dns: [], uri: [], ip: [], email: [], directory: [], other: [] }
}

/** Reads GeneralName elements up to the end of the reader. At least one. */
export function readGeneralNames(reader: DerReader): GeneralNames {
  const names = emptyNames()
  let count = 0
  do {
    if (++count > MAX_NAMES) throw new DerError('too many names')
    readGeneralName(reader, names)
  } while (!reader.atEnd)
  return names
}

/** Reads one GeneralName into its list. */
export function readGeneralName(reader: DerReader, into: GeneralNames): void {
  reader.next()
  switch (reader.tag) {
    case contextTag(1, 'primitive'):
      into.email.push(printable(reader.content(), 0x20))
      break
    case contextTag(2, 'primitive'):
      into.dns.push(printable(reader.content(), 0x21))
      break
    case contextTag(4, 'constructed'): {
      const inner = reader.enter()
      into.directory.push(readName(inner))
      inner.finish()
      break
    }
    case contextTag(6, 'primitive'):
      into.uri.push(printable(reader.content(), 0x21))
      break
    case contextTag(7, 'primitive'):
      into.ip.push(reader.content())
      break
    case contextTag(0, 'constructed'):
    case contextTag(3, 'constructed'):
    case contextTag(5, 'constructed'):
    case contextTag(8, 'primitive'):
      into.other.push(reader.tag & 0x1f)
      break
    default:
      throw new DerError('a name of no kind')
  }
}

/** IA5 text without control characters: a NUL or a line feed would end or split the name for whoever reads it next. */
function printable(bytes: Uint8Array, lowest: number): string {
  for (const octet of bytes) if (octet < lowest || octet > 0x7e) throw new DerError('a name with characters that no name has')
  return asciiFrom(bytes)
}

/** Text of an iPAddress: RFC 5952 for IPv6; `null` unless it has 4 or 16 octets. */
export function ipText(bytes: Uint8Array): string | null {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) return null
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  let from = 0
  let length = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && groups[i + run] === 0) run++
    if (run > length) [from, length] = [i, run]
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':')
  return length === 1 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(from + length))}`
}
