/** Writes DER, and what is almost DER: tests have to write what no issuer would. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(content.length)]), content])
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length]
  const size = length.toString(16)
  const octets = [...Buffer.from(size.length % 2 === 0 ? size : `0${size}`, 'hex')]
  return [0x80 | octets.length, ...octets]
}

/** The same element with a length of one octet more than it takes. */
export function withLongLength(element: Uint8Array): Uint8Array {
  const { tag, content, length } = parts(element)
  const octets = length.length === 1 ? [0x81, length[0] ?? 0] : [0x80 | length.length, 0, ...length.slice(1)]
  return Buffer.concat([Buffer.from([tag, ...octets]), content])
}

/** The same element in the indefinite form of BER. */
export function withIndefiniteLength(element: Uint8Array): Uint8Array {
  const { tag, content } = parts(element)
  return Buffer.concat([Buffer.from([tag, 0x80]), content, Buffer.from([0, 0])])
}

function parts(element: Uint8Array): { readonly tag: number; readonly length: readonly number[]; readonly content: Uint8Array } {
  const [tag = 0, first = 0] = element
  const octets = first < 0x80 ? 1 : 1 + (first & 0x7f)
  return { tag, length: [...element.subarray(1, 1 + octets)], content: element.subarray(1 + octets) }
}

export const sequence = (...elements: readonly Uint8Array[]): Uint8Array => der(0x30, ...elements)
export const set = (...elements: readonly Uint8Array[]): Uint8Array => der(0x31, ...elements)
export const bytes = (...octets: readonly number[]): Uint8Array => Uint8Array.from(octets)
export const boolean = (value: boolean): Uint8Array => der(0x01, bytes(value ? 0xff : 0))
export const octets = (content: Uint8Array): Uint8Array => der(0x04, content)
export const bits = (content: Uint8Array, unused = 0): Uint8Array => der(0x03, bytes(unused), content)
export const text = (value: string, tag = 0x0c): Uint8Array => der(tag, Buffer.from(value, tag === 0x0c ? 'utf8' : 'latin1'))
export const NULL = der(0x05)

/** An INTEGER that is not negative. */
export function integer(value: bigint | number): Uint8Array {
  const hex = BigInt(value).toString(16)
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  return der(0x02, Buffer.from(/^[89a-f]/.test(even) ? `00${even}` : even, 'hex'))
}

export function oid(dotted: string): Uint8Array {
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt)
  const octetsOf = (arc: bigint): number[] => {
    const septets = [Number(arc & 0x7fn)]
    for (let left = arc >> 7n; left > 0n; left >>= 7n) septets.unshift(Number(left & 0x7fn) | 0x80)
    return septets
  }
  return der(0x06, Uint8Array.from([first * 40n + second, ...rest].flatMap(octetsOf)))
}

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function time(ms: number): Uint8Array {
  const digits = digitsOf(ms)
  return new Date(ms).getUTCFullYear() < 2050 ? text(digits.slice(2), 0x17) : text(digits, 0x18)
}

/** A GeneralizedTime, whatever the year. */
export function generalizedTime(ms: number): Uint8Array {
  return text(digitsOf(ms), 0x18)
}

function digitsOf(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
}

/** A named bit list: the octets, trailing zero bits counted as unused. */
export function namedBits(positions: readonly number[]): Uint8Array {
  if (positions.length === 0) return bits(bytes())
  const last = Math.max(...positions)
  const content = new Uint8Array((last >> 3) + 1)
  for (const position of positions) content[position >> 3] = (content[position >> 3] ?? 0) | (0x80 >> (position & 7))
  return bits(content, 7 - (last & 7))
}

export function armor(content: Uint8Array, label = 'CERTIFICATE'): string {
  const lines =
    Buffer.from(content)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
