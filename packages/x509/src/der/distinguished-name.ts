import { DER_TAG } from '@countersign/core'
import { DerError, type DerReader } from './der-reader.js'
import { asciiFrom, hexFrom, readOid } from './der-values.js'
import { prepareText } from './name-preparation.js'

/** A distinguished name: its keys for comparison, its attributes for people. */
export interface DistinguishedName {
  readonly der: Uint8Array
  /** In the order of the DER: outermost first. */
  readonly rdns: readonly (readonly NameAttribute[])[]
  /** One for each RDN: two are equal where the RDNs are the same under RFC 5280 §7.1. */
  readonly rdnKeys: readonly string[]
  /** All of them: equal where the names are the same. A key of maps. */
  readonly key: string
}

export interface NameAttribute {
  readonly oid: string
  /** Decoded text; `null` for a value that is no text of a known kind. */
  readonly text: string | null
  /** DER of the value. */
  readonly value: Uint8Array
}

export const OID_COMMON_NAME = '2.5.4.3'
export const OID_EMAIL_ADDRESS = '1.2.840.113549.1.9.1'

/** Names of people and places have a dozen; the cap keeps the text and the comparison small. */
const MAX_ATTRIBUTES = 64

// RFC 4514 §3, and emailAddress, which certificates still have.
const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  [OID_COMMON_NAME, 'CN'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.6', 'C'],
  ['2.5.4.9', 'STREET'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
  ['0.9.2342.19200300.100.1.1', 'UID'],
])

export function readName(reader: DerReader): DistinguishedName {
  const der = reader.take(DER_TAG.sequence).whole()
  const sequence = reader.enter()
  const rdns: NameAttribute[][] = []
  let count = 0
  while (!sequence.atEnd) {
    const set = sequence.take(DER_TAG.set).enter()
    const attributes: NameAttribute[] = []
    do {
      const pair = set.take(DER_TAG.sequence).enter()
      const oid = readOid(pair)
      pair.next()
      attributes.push({ oid, text: decodeText(pair.tag, pair.content()), value: pair.whole() })
      pair.finish()
      if (++count > MAX_ATTRIBUTES) throw new DerError('a name of too many attributes')
    } while (!set.atEnd)
    rdns.push(attributes)
  }
  const rdnKeys = rdns.map(keyOfRdn)
  return { der, rdns, rdnKeys, key: rdnKeys.join('') }
}

/** RFC 5280 §7.1: the attributes of an RDN have no order; case, width and spacing make no difference. */
function keyOfRdn(rdn: readonly NameAttribute[]): string {
  const [only, second] = rdn
  if (only !== undefined && second === undefined) return `1;${keyOfAttribute(only)}`
  return `${rdn.length};${rdn.map(keyOfAttribute).sort().join('')}`
}

// Each part says how long it is, so that no value can look like a value and an attribute more.
function keyOfAttribute({ oid, text, value }: NameAttribute): string {
  const comparable = text === null ? `#${hexFrom(value)}` : `=${prepareText(text)}`
  return `${oid};${comparable.length};${comparable}`
}

function decodeText(tag: number, bytes: Uint8Array): string | null {
  switch (tag) {
    case DER_TAG.utf8String:
      return isAscii(bytes) ? asciiFrom(bytes) : decodeWith('utf-8', bytes)
    case DER_TAG.printableString:
    case DER_TAG.ia5String:
    case DER_TAG.numericString:
    case DER_TAG.visibleString:
      return isAscii(bytes) ? asciiFrom(bytes) : null
    case DER_TAG.teletexString:
      return asciiFrom(bytes)
    case DER_TAG.bmpString:
      return bytes.length % 2 === 0
        ? decodeWith(
            'utf-16le',
            Uint8Array.from(bytes, (_, i) => bytes[i ^ 1] ?? 0),
          )
        : null
    default:
      return null
  }
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] ?? 0) >= 0x80) return false
  return true
}

// What has no text in its encoding is compared as it is.
function decodeWith(encoding: string, bytes: Uint8Array): string | null {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

/** @see https://www.rfc-editor.org/rfc/rfc4514 */
export function nameText(name: DistinguishedName): string {
  return name.rdns
    .map((rdn) => rdn.map(attributeText).join('+'))
    .reverse()
    .join(',')
}

function attributeText({ oid, text, value }: NameAttribute): string {
  const type = SHORT_NAMES.get(oid)
  // RFC 4514 §2.4: the hexadecimal form where there is no short name or no text.
  return type === undefined || text === null ? `${type ?? oid}=#${hexFrom(value)}` : `${type}=${escapeText(text)}`
}

// What is special in RFC 4514, control characters, and those that reorder or hide text on a screen.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]|[\ud800-\udfff]/gu

function escapeText(text: string): string {
  return text
    .replace(/["+,;<>\\=]/g, '\\$&')
    .replace(/^[ #]| $/g, '\\$&')
    .replace(HIDDEN, (character) => Buffer.from(character, 'utf8').toString('hex').replace(/../g, '\\$&'))
}
