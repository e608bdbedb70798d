import type { Connection } from '@countersign/core'

/** One key for whatever is no address: nobody gains a budget of their own by being unreadable. */
const UNKNOWN = 'unknown'

/**
 * The partition that an address belongs to. IPv4 counts alone, IPv6 by its /64, since a host has all of one. Addresses that hold an IPv4
 * address count as that: IPv4-mapped (RFC 4291 §2.5.5.2) and NAT64 (RFC 6052 §2.1), both by their bits and not by how they are written.
 * 6to4 (RFC 3056 §2) counts by its /48. A zone (RFC 4007 §11) is no part of an address.
 * @returns such as `192.0.2.1`, `2001:db8:0:1::/64` or `2002:c000:201::/48`; `unknown` for what cannot be read.
 * @example
 * partitionKeyOfAddress('::ffff:192.0.2.1') === partitionKeyOfAddress('::ffff:c000:201')
 */
export function partitionKeyOfAddress(address: string | null): string {
  if (address === null) return UNKNOWN
  if (!address.includes(':')) return textOfIpv4(parseIpv4(address))
  const zone = address.indexOf('%')
  const groups = parseIpv6(zone === -1 ? address : address.slice(0, zone))
  if (groups === null) return UNKNOWN
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups
  const isMapped = (a | b | c | d | e) === 0 && f === 0xffff
  const isNat64 = a === 0x64 && b === 0xff9b && (c | d | e | f) === 0
  if (isMapped || isNat64) return textOfIpv4(g * 0x10000 + h)
  const hex = (group: number): string => group.toString(16)
  if (a === 0x2002) return `2002:${hex(b)}:${hex(c)}::/48`
  return `${hex(a)}:${hex(b)}:${hex(c)}:${hex(d)}::/64`
}

/** The partition of the other end of a connection; everybody on Unix sockets shares one. */
export function addressKeyOf({ transport, remoteAddress }: Connection): string {
  return transport === 'unix' ? 'unix' : partitionKeyOfAddress(remoteAddress)
}

/** @returns the address as a number, -1 if it is none. */
function parseIpv4(text: string): number {
  const parts = text.split('.')
  if (parts.length !== 4) return -1
  let address = 0
  for (const part of parts) {
    const octet = /^(?:0|[1-9]\d{0,2})$/.test(part) ? Number(part) : 256
    if (octet > 255) return -1
    address = address * 256 + octet
  }
  return address
}

function textOfIpv4(address: number): string {
  if (address === -1) return UNKNOWN
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.')
}

/** @returns the eight groups, `null` if it is no address (RFC 4291 §2.2). */
function parseIpv6(text: string): number[] | null {
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
    if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16))
      continue
    }
    const embedded = isLast && index === parts.length - 1 ? parseIpv4(part) : -1
    if (embedded === -1) return null
    groups.push(embedded >>> 16, embedded & 0xffff)
  }
  return groups
}
