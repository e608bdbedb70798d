import { MisuseError } from './errors.js'
import { type IpAddress, parseIpAddress } from './ip-address.js'
import { checkList, checkText } from './option-checks.js'

/** Is this address in one of the ranges? What is no address is in none. */
export type AddressMatch = (address: string | null) => boolean

/** One range: the bits of `network` up to `prefix`, which counts from the first of 128. */
interface AddressRange {
  readonly network: IpAddress
  readonly prefix: number
}

const PREFIX = /^(?:0|[1-9]\d{0,2})$/
/** Bits before the IPv4 address in an IPv4-mapped one (RFC 4291 §2.5.5.2). */
const MAPPED_BITS = 96
const MAPPED: IpAddress = [0, 0, 0, 0, 0, 0xffff, 0, 0]

/**
 * Compiles addresses that are trusted by nothing but what they are: `10.0.0.0/8`, `2001:db8::/32` (RFC 4632 §3.1, RFC 4291 §2.3), or a
 * single address. An IPv4-mapped address is its IPv4 address, and a zone is no part of one.
 * @param option path of the option, which begins with `dangerously`.
 * @param value one range or a list of them.
 * @throws {MisuseError} `ERR_OPTION_INVALID` for what is no range, one that has bits beyond its prefix, one that holds every IPv4 or IPv6
 * address, and for an empty list.
 * @example
 * compileAddressRanges('dangerouslyAddress', ['10.0.0.0/8', '::1'])('::ffff:10.1.2.3') // true
 */
export function compileAddressRanges(option: string, value: unknown): AddressMatch {
  const ranges = Array.isArray(value)
    ? checkList(option, value).map((range, index) => parseRange(`${option}[${index}]`, range))
    : [parseRange(option, value)]
  return (address) => {
    if (address === null) return false
    const zone = address.indexOf('%')
    const parsed = parseIpAddress(zone === -1 ? address : address.slice(0, zone))
    return parsed !== null && ranges.some(({ network, prefix }) => isSamePrefix(network, parsed, prefix))
  }
}

function parseRange(option: string, value: unknown): AddressRange {
  const text = checkText(option, value)
  const slash = text.indexOf('/')
  const network = parseIpAddress(slash === -1 ? text : text.slice(0, slash))
  const isDotted = !text.includes(':')
  const length = slash === -1 ? String(isDotted ? 32 : 128) : text.slice(slash + 1)
  if (network === null || !PREFIX.test(length) || Number(length) > (isDotted ? 32 : 128))
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      option,
      "takes an address or a range of addresses, such as '10.0.0.7', '10.0.0.0/8' or '2001:db8::/32'",
    )
  const prefix = Number(length) + (isDotted ? MAPPED_BITS : 0)
  if (prefix === 0 || (prefix <= MAPPED_BITS && isSamePrefix(network, MAPPED, prefix)))
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      option,
      `holds every ${prefix === 0 ? '' : 'IPv4 '}address: whoever reaches this service would be trusted; name the addresses of your proxies alone`,
    )
  if (network.some((group, index) => (group & ~maskOf(index, prefix)) !== 0))
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      option,
      `has bits beyond its prefix, so it is not clear what is meant: write the first address of the range, or one address without /${length}`,
    )
  return { network, prefix }
}

function isSamePrefix(one: IpAddress, other: IpAddress, prefix: number): boolean {
  for (let index = 0; index * 16 < prefix; index++) {
    if ((((one[index] ?? 0) ^ (other[index] ?? 0)) & maskOf(index, prefix)) !== 0) return false
  }
  return true
}

/** The bits of a group that a prefix holds. */
function maskOf(index: number, prefix: number): number {
  const bits = Math.min(Math.max(prefix - index * 16, 0), 16)
  return (0xffff << (16 - bits)) & 0xffff
}
