import { DER_TAG, encodeDer, MisuseError } from '@countersign/core'

// Writes DER (ITU-T X.690), only the forms that X.509 needs. Every function returns one complete tag-length-value.

/** A SEQUENCE of complete elements. */
export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDer(DER_TAG.sequence, ...parts)
}

/** A SET of complete elements, in the order given. */
export function set(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDer(DER_TAG.set, ...parts)
}

/** `[n]` around other elements. */
export function explicit(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDer(0xa0 | number, ...parts)
}

/** `[n]` in place of a primitive's own tag. */
export function implicit(number: number, content: Uint8Array): Uint8Array {
  return encodeDer(0x80 | number, content)
}

/** TRUE is 0xff (X.690 §11.1). */
export function boolean(value: boolean): Uint8Array {
  return encodeDer(DER_TAG.boolean, Buffer.from([value ? 0xff : 0x00]))
}

/** An integer that is not negative. */
export function integer(value: number | bigint): Uint8Array {
  return encodeDer(DER_TAG.integer, integerContent(value))
}

/** An ENUMERATED that is not negative. */
export function enumerated(value: number): Uint8Array {
  return encodeDer(DER_TAG.enumerated, integerContent(value))
}

/** NULL. */
export function nothing(): Uint8Array {
  return encodeDer(DER_TAG.null)
}

/**
 * An object identifier from its dotted text.
 * @throws {MisuseError} for what is none.
 */
export function oid(dotted: string): Uint8Array {
  if (!/^[0-2](?:\.(?:0|[1-9]\d{0,14}))+$/.test(dotted))
    throw new MisuseError('ERR_OPTION_INVALID', 'oid', 'takes dotted numbers such as 1.2.3')
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return encodeDer(DER_TAG.oid, Buffer.from([first * 40 + second, ...rest].flatMap(base128)))
}

/** A BIT STRING of whole octets, or with some bits of the last one unused. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return encodeDer(DER_TAG.bitString, Uint8Array.of(unusedBits), bytes)
}

/** A named bit list: trailing zero bits are left out (X.690 §11.2.2). */
export function namedBits(positions: readonly number[]): Uint8Array {
  if (positions.length === 0) return bitString(new Uint8Array(0))
  const last = Math.max(...positions)
  const bytes = new Uint8Array((last >> 3) + 1)
  for (const position of positions) bytes[position >> 3] = (bytes[position >> 3] ?? 0) | (0x80 >> (position & 7))
  return bitString(bytes, 7 - (last & 7))
}

/** An OCTET STRING. */
export function octetString(bytes: Uint8Array): Uint8Array {
  return encodeDer(DER_TAG.octetString, bytes)
}

/** A UTF8String. */
export function utf8String(text: string): Uint8Array {
  return encodeDer(DER_TAG.utf8String, Buffer.from(text, 'utf8'))
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050; whole seconds, in UTC. */
export function time(date: Date): Uint8Array {
  const digits = `${date.toISOString().replace(/\D/g, '').slice(0, 14)}Z`
  const year = date.getUTCFullYear()
  return year >= 1950 && year < 2050
    ? encodeDer(DER_TAG.utcTime, Buffer.from(digits.slice(2), 'ascii'))
    : encodeDer(DER_TAG.generalizedTime, Buffer.from(digits, 'ascii'))
}

function integerContent(value: number | bigint): Uint8Array {
  const digits = base256(BigInt(value))
  return Buffer.from((digits[0] ?? 0) & 0x80 ? [0, ...digits] : digits)
}

function base256(value: bigint): number[] {
  const digits: number[] = []
  let rest = value
  do {
    digits.unshift(Number(rest & 0xffn))
    rest >>= 8n
  } while (rest > 0n)
  return digits
}

function base128(value: number): number[] {
  const digits = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift(0x80 | (rest % 128))
  return digits
}
