/** A DER writer, so that tests can write what no issuer would. */
export function der(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts)
  const size = content.length.toString(16)
  const octetsOfLength = Buffer.from(size.length % 2 === 0 ? size : `0${size}`, 'hex')
  const header = content.length < 0x80 ? [tag, content.length] : [tag, 0x80 | octetsOfLength.length, ...octetsOfLength]
  return Buffer.concat([Buffer.from(header), content])
}

export const sequence = (...parts: Uint8Array[]): Uint8Array => der(0x30, ...parts)
export const set = (...parts: Uint8Array[]): Uint8Array => der(0x31, ...parts)
export const bytes = (...octets: number[]): Uint8Array => Uint8Array.from(octets)
export const boolean = (value: boolean): Uint8Array => der(0x01, bytes(value ? 0xff : 0))
export const octets = (content: Uint8Array): Uint8Array => der(0x04, content)
export const bits = (content: Uint8Array, unused = 0): Uint8Array => der(0x03, bytes(unused), content)
export const text = (value: string, tag = 0x0c): Uint8Array => der(tag, Buffer.from(value, tag === 0x0c ? 'utf8' : 'latin1'))
export const NULL = der(0x05)

export function integer(value: bigint | number): Uint8Array {
  const hex = BigInt(value).toString(16)
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  return der(0x02, Buffer.from(/^[89a-f]/.test(even) ? `00${even}` : even, 'hex'))
}

export function oid(dotted: string): Uint8Array {
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt)
  const arcs = [first * 40n + second, ...rest].flatMap((arc) => {
    const septets = [Number(arc & 0x7fn)]
    for (let left = arc >> 7n; left > 0n; left >>= 7n) septets.unshift(Number(left & 0x7fn) | 0x80)
    return septets
  })
  return der(0x06, Uint8Array.from(arcs))
}

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function time(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return new Date(ms).getUTCFullYear() < 2050 ? text(digits.slice(2), 0x17) : text(digits, 0x18)
}

export type Rdn = readonly (readonly [oid: string, value: Uint8Array])[]

export function name(...rdns: readonly Rdn[]): Uint8Array {
  return sequence(...rdns.map((rdn) => set(...rdn.map(([type, value]) => sequence(oid(type), value)))))
}

export const commonName = (value: string): Uint8Array => name([['2.5.4.3', text(value)]])

export const san = {
  dns: (value: string): Uint8Array => text(value, 0x82),
  uri: (value: string): Uint8Array => text(value, 0x86),
  email: (value: string): Uint8Array => text(value, 0x81),
  ip: (...address: number[]): Uint8Array => der(0x87, bytes(...address)),
  directory: (value: Uint8Array): Uint8Array => der(0xa4, value),
  registeredId: (dotted: string): Uint8Array => der(0x88, oid(dotted).subarray(2)),
}
