import { ipTextOf, parseIpAddress } from '@countersign/core'
import { crc32cOf } from './crc32c.js'

/** What the first bytes of a connection are. */
export type ProxyHeader =
  /** They may become a header. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid'; readonly reason: 'no-header' | 'malformed' | 'too-long' | 'checksum' }
  /** A header of so many bytes; `null` where it names no address, and that of the connection holds. */
  | { readonly kind: 'header'; readonly byteLength: number; readonly clientAddress: string | null }

/** PROXY protocol §2.1: the longest line of version 1, with its end. */
const MAX_V1_BYTES = 107
/**
 * What may follow the first 16 bytes of version 2: 216 bytes of addresses, and room for the client's certificate among the additions. Its
 * length field would allow 64 KiB, kept for each connection.
 */
const MAX_V2_BYTES = 4096

const V1_START = Buffer.from('PROXY ', 'latin1')
const V1_ADDRESSES = /^PROXY (TCP[46]) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) (\d{1,5}) (\d{1,5})$/
const V1_UNKNOWN = /^PROXY UNKNOWN(?: [ -~]*)?$/
const V2_SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a])
const V2_FIXED_BYTES = 16
const LF = 0x0a
const CR = 0x0d
const COMMAND_LOCAL = 0
const COMMAND_PROXY = 1
const FAMILY_INET = 1
const FAMILY_INET6 = 2
/** By family (unspecified, IPv4, IPv6, Unix): how long its addresses are. */
const ADDRESS_BYTES = [0, 12, 36, 216]
const TRANSPORT_STREAM = 1
const TRANSPORT_DATAGRAM = 2
const ADDITION_CRC32C = 0x03

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' }
const NO_HEADER: ProxyHeader = { kind: 'invalid', reason: 'no-header' }
const MALFORMED: ProxyHeader = { kind: 'invalid', reason: 'malformed' }
const TOO_LONG: ProxyHeader = { kind: 'invalid', reason: 'too-long' }
const CHECKSUM: ProxyHeader = { kind: 'invalid', reason: 'checksum' }

/**
 * Reads the header of the PROXY protocol, version 1 or 2, strictly: what a proxy must not send is refused, and refused as early as it can
 * be told.
 * @param received all bytes of the connection so far; what follows the header is not looked at.
 * @see https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
 */
export function parseProxyHeader(received: Buffer): ProxyHeader {
  if (isStartOf(V1_START, received)) return received.length < V1_START.length ? INCOMPLETE : parseV1(received)
  if (isStartOf(V2_SIGNATURE, received)) return received.length < V2_FIXED_BYTES ? INCOMPLETE : parseV2(received)
  return NO_HEADER
}

function isStartOf(expected: Buffer, received: Buffer): boolean {
  const length = Math.min(expected.length, received.length)
  return expected.compare(received, 0, length, 0, length) === 0
}

function parseV1(received: Buffer): ProxyHeader {
  const end = received.subarray(0, MAX_V1_BYTES).indexOf(LF)
  if (end === -1) return received.length < MAX_V1_BYTES ? INCOMPLETE : TOO_LONG
  if (received[end - 1] !== CR) return MALFORMED
  const line = received.toString('latin1', 0, end - 1)
  const byteLength = end + 1
  // §2.1: whatever follows UNKNOWN is ignored.
  if (V1_UNKNOWN.test(line)) return { kind: 'header', byteLength, clientAddress: null }
  const [, protocol, source = '', destination = '', sourcePort = '', destinationPort = ''] = V1_ADDRESSES.exec(line) ?? []
  if (protocol === undefined || !isPort(sourcePort) || !isPort(destinationPort)) return MALFORMED
  const isDotted = protocol === 'TCP4'
  const [address, own] = [parseIpAddress(source), parseIpAddress(destination)]
  if (address === null || own === null || source.includes(':') === isDotted || destination.includes(':') === isDotted) return MALFORMED
  return { kind: 'header', byteLength, clientAddress: ipTextOf(address) }
}

/** §2.1: from 0 to 65535 in decimal, without leading zeros. */
function isPort(text: string): boolean {
  return Number(text) <= 65_535 && (text.length === 1 || !text.startsWith('0'))
}

function parseV2(received: Buffer): ProxyHeader {
  const [versionAndCommand = 0, familyAndTransport = 0] = received.subarray(V2_SIGNATURE.length)
  const command = versionAndCommand & 0xf
  const family = familyAndTransport >>> 4
  const addressBytes = ADDRESS_BYTES[family]
  const length = received.readUInt16BE(V2_SIGNATURE.length + 2)
  // §2.2: other versions and commands must not be accepted.
  if (versionAndCommand >>> 4 !== 2 || (command !== COMMAND_LOCAL && command !== COMMAND_PROXY)) return MALFORMED
  if (length > MAX_V2_BYTES) return TOO_LONG
  const byteLength = V2_FIXED_BYTES + length
  // §2.2: a connection of the proxy itself, such as a health check. What the block says is ignored, its family too.
  if (command === COMMAND_LOCAL) return received.length < byteLength ? INCOMPLETE : { kind: 'header', byteLength, clientAddress: null }
  if (addressBytes === undefined || (familyAndTransport & 0xf) > TRANSPORT_DATAGRAM || length < addressBytes) return MALFORMED
  if (received.length < byteLength) return INCOMPLETE
  const header = received.subarray(0, byteLength)
  // §2.2: of an unspecified family the rest is ignored, so there is nothing that a checksum would hold for.
  const fault = addressBytes === 0 ? null : additionFault(header, V2_FIXED_BYTES + addressBytes)
  return fault ?? { kind: 'header', byteLength, clientAddress: v2Address(header, family, familyAndTransport & 0xf) }
}

/** §2.2: what came by no stream, or over a Unix socket, is what a receiver may take for unspecified. */
function v2Address(header: Buffer, family: number, transport: number): string | null {
  if (transport !== TRANSPORT_STREAM) return null
  const at = V2_FIXED_BYTES
  if (family === FAMILY_INET) return [...header.subarray(at, at + 4)].join('.')
  if (family !== FAMILY_INET6) return null
  return ipTextOf([0, 2, 4, 6, 8, 10, 12, 14].map((offset) => header.readUInt16BE(at + offset)))
}

/** §2.2.1: type, length and value in turn. All are skipped but the checksum (§2.2.3), which is verified where it is there. */
function additionFault(header: Buffer, start: number): ProxyHeader | null {
  let checksumAt = -1
  for (let at = start; at < header.length; ) {
    if (at + 3 > header.length) return MALFORMED
    const value = at + 3
    const length = header.readUInt16BE(at + 1)
    if (value + length > header.length) return MALFORMED
    if (header[at] === ADDITION_CRC32C) {
      if (length !== 4 || checksumAt !== -1) return MALFORMED
      checksumAt = value
    }
    at = value + length
  }
  if (checksumAt === -1) return null
  const zeroed = Buffer.from(header)
  zeroed.writeUInt32BE(0, checksumAt)
  return crc32cOf(zeroed) === header.readUInt32BE(checksumAt) ? null : CHECKSUM
}
