import type { Inbound } from './inbound.js'
import { ipTextOf, parseIpAddress } from './ip-address.js'

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
  const zone = address.includes(':') ? address.indexOf('%') : -1
  const groups = parseIpAddress(zone === -1 ? address : address.slice(0, zone))
  if (groups === null) return UNKNOWN
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups
  const isMapped = (a | b | c | d | e) === 0 && f === 0xffff
  const isNat64 = a === 0x64 && b === 0xff9b && (c | d | e | f) === 0
  if (isMapped || isNat64) return ipTextOf([0, 0, 0, 0, 0, 0xffff, g, h])
  const hex = (group: number): string => group.toString(16)
  if (a === 0x2002) return `2002:${hex(b)}:${hex(c)}::/48`
  return `${hex(a)}:${hex(b)}:${hex(c)}:${hex(d)}::/64`
}

/** The partition of whoever sent a request. Those on Unix sockets share one, until a trusted proxy has said an address. */
export function addressKeyOf({ clientAddress, connection }: Pick<Inbound, 'clientAddress' | 'connection'>): string {
  return clientAddress === null && connection.transport === 'unix' ? 'unix' : partitionKeyOfAddress(clientAddress)
}
