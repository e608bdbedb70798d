/** Eight groups of 16 bits: an IPv6 address, or an IPv4 address as the IPv4-mapped one that stands for it (RFC 4291 §2.5.5.2). */
export type IpAddress = readonly number[]

/** The longest text of an address: six groups in full and an IPv4 address in dotted form. */
const MAX_TEXT_LENGTH = 45
const DOT = 0x2e
const ZERO = 0x30
const IPV6_GROUP = /^[0-9A-Fa-f]{1,4}$/

/**
 * Reads an address: IPv4 in dotted form without leading zeros, or IPv6 (RFC 4291 §2.2). Brackets, ports and zones are no part of one.
 * @returns its groups, so that one address is one value however it is written; `null` if it is none.
 * @example
 * parseIpAddress('::ffff:192.0.2.1') // the same as that of '192.0.2.1'
 */
export function parseIpAddress(text: string): IpAddress | null {
  if (text.length > MAX_TEXT_LENGTH) return null
  if (text.includes(':')) return parseIpv6(text)
  const embedded = parseIpv4(text)
  return embedded === null ? null : [0, 0, 0, 0, 0, 0xffff, ...embedded]
}

/** An address that stands for an IPv4 address (RFC 4291 §2.5.5.2). */
function isIpv4(address: IpAddress): boolean {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = address
  return (a | b | c | d | e) === 0 && f === 0xffff
}

/** Writes an address in its one canonical form: dotted for IPv4, also where it is mapped, and that of RFC 5952 §4 for IPv6. */
export function ipTextOf(address: IpAddress): string {
  const [, , , , , , high = 0, low = 0] = address
  if (isIpv4(address)) return `${high >>> 8}.${high & 0xff}.${low >>> 8}.${low & 0xff}`
  // RFC 5952 §4.2: the longest run of zero groups is left out, the first of equal ones, and never a single group.
  let gapAt = -1
  let gapLength = 1
  for (let start = 0; start < 8; start++) {
    let end = start
    while (end < 8 && address[end] === 0) end++
    if (end - start > gapLength) {
      gapAt = start
      gapLength = end - start
    }
  }
  const groups = address.map((group) => group.toString(16))
  return gapAt === -1 ? groups.join(':') : `${groups.slice(0, gapAt).join(':')}::${groups.slice(gapAt + gapLength).join(':')}`
}

/** Digit by digit, since it is asked for each request of a proxy. @returns two groups. */
function parseIpv4(text: string): readonly [number, number] | null {
  let address = 0
  let octets = 0
  let octet = -1
  for (let index = 0; index <= text.length; index++) {
    const code = index === text.length ? DOT : text.charCodeAt(index)
    if (code === DOT) {
      if (octet === -1) return null
      address = address * 256 + octet
      octets++
      octet = -1
    } else {
      const digit = code - ZERO
      // A leading zero is octal to some.
      if (digit < 0 || digit > 9 || octet === 0) return null
      octet = octet === -1 ? digit : octet * 10 + digit
      if (octet > 255) return null
    }
  }
  return octets === 4 ? [address >>> 16, address & 0xffff] : null
}

function parseIpv6(text: string): IpAddress | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const [head = '', tail] = halves
  const before = parseGroups(head, tail === undefined)
  if (tail === undefined) return before?.length === 8 ? before : null
  const after = parseGroups(tail, true)
  if (before === null || after === null || before.length + after.length > 7) return null
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
}

function parseGroups(text: string, isLast: boolean): number[] | null {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    if (IPV6_GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16))
      continue
    }
    const embedded = isLast && index === parts.length - 1 ? parseIpv4(part) : null
    if (embedded === null) return null
    groups.push(...embedded)
  }
  return groups
}
