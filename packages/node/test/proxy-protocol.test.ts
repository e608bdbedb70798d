import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32cOf } from '../dist/crc32c.js'
import { parseProxyHeader } from '../dist/proxy-protocol.js'
import { addition, inet, inet6, SIGNATURE, v2 } from './proxy-header.js'

const LONGEST_V1 = `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`
const UNIX = Buffer.alloc(216, '/tmp/socket')

const ACCEPTED: readonly [claim: string, header: string | Buffer, address: string | null][] = [
  ['TCP4', 'PROXY TCP4 203.0.113.9 10.0.0.1 51000 443\r\n', '203.0.113.9'],
  ['TCP6', 'PROXY TCP6 2001:db8::9 ::1 51000 443\r\n', '2001:db8::9'],
  [
    'TCP6 in full',
    'PROXY TCP6 2001:0DB8:0000:0000:0000:0000:0000:0009 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n',
    '2001:db8::9',
  ],
  ['an IPv4-mapped address of TCP6 as IPv4', 'PROXY TCP6 ::ffff:203.0.113.9 ::1 51000 443\r\n', '203.0.113.9'],
  ['the ports 0 and 65535', 'PROXY TCP4 203.0.113.9 10.0.0.1 0 65535\r\n', '203.0.113.9'],
  ['UNKNOWN', 'PROXY UNKNOWN\r\n', null],
  ['UNKNOWN with addresses, which are ignored', 'PROXY UNKNOWN ffff::1 ::1 1 2\r\n', null],
  ['a line of 107 bytes', LONGEST_V1, null],
  ['IPv4', v2(), '203.0.113.9'],
  ['IPv6', v2({ family: 2, addresses: inet6() }), '2001:db8::9'],
  ['an IPv4-mapped address as IPv4', v2({ family: 2, addresses: inet6('00000000000000000000ffffcb007109') }), '203.0.113.9'],
  ['a Unix socket without its path', v2({ family: 3, addresses: UNIX }), null],
  ['datagrams without their address', v2({ transport: 2 }), null],
  ['an unspecified transport without its address', v2({ transport: 0 }), null],
  ['an unspecified family', v2({ family: 0, transport: 0, addresses: Buffer.alloc(0) }), null],
  ['an unspecified family with whatever follows', v2({ family: 0, addresses: Buffer.alloc(7, 0xff) }), null],
  ['LOCAL', v2({ command: 0, family: 0, transport: 0, addresses: Buffer.alloc(0) }), null],
  ['LOCAL with addresses, which are ignored', v2({ command: 0 }), null],
  ['LOCAL of a family that is none', v2({ command: 0, family: 9, transport: 9 }), null],
  ['additions, which are skipped', v2({ additions: [addition(1, Buffer.from('h2')), addition(0xea, Buffer.alloc(0))] }), '203.0.113.9'],
  ['a checksum that holds', v2({ additions: [addition(1, Buffer.from('h2'))], checksum: true }), '203.0.113.9'],
  ['a checksum of IPv6', v2({ family: 2, addresses: inet6(), checksum: true }), '2001:db8::9'],
  ['as much as 4,096 bytes', v2({ additions: [addition(4, Buffer.alloc(4096 - 12 - 3))] }), '203.0.113.9'],
]

for (const [claim, header, clientAddress] of ACCEPTED) {
  const bytes = Buffer.from(header)
  test(`takes ${claim} (version ${typeof header === 'string' ? 1 : 2})`, () => {
    const expected = { kind: 'header', byteLength: bytes.length, clientAddress }
    assert.deepEqual(parseProxyHeader(bytes), expected)
    assert.deepEqual(parseProxyHeader(Buffer.concat([bytes, Buffer.from([0x16, 3, 1, 2, 0, 1])])), expected)
    for (let length = 0; length < bytes.length; length++)
      assert.deepEqual(parseProxyHeader(bytes.subarray(0, length)), { kind: 'incomplete' }, `${length} bytes`)
  })
}

const wrongChecksum = v2({ checksum: true })
wrongChecksum.writeUInt8(wrongChecksum.readUInt8(16) ^ 1, 16)
const checksumTwice = v2({ additions: [addition(3, Buffer.alloc(4))], checksum: true })

const REFUSED: readonly [claim: string, header: string | Buffer, reason: string][] = [
  ['TLS', Buffer.from([0x16, 3, 1]), 'no-header'],
  ['HTTP', 'GET / HTTP/1.1\r\n\r\n', 'no-header'],
  ['POST, which begins alike', 'POST', 'no-header'],
  ['another case', 'proxy TCP4', 'no-header'],
  ['a tab after PROXY', 'PROXY\t', 'no-header'],
  ['a broken signature', Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.from([0])]), 'no-header'],
  ['a signature from its second byte', SIGNATURE.subarray(1), 'no-header'],
  ['a line of 108 bytes', LONGEST_V1.replace('x\r', 'xx\r'), 'too-long'],
  ['a line without end', `PROXY TCP4 ${'1'.repeat(200)}`, 'too-long'],
  ['a line that ends in LF alone', 'PROXY TCP4 203.0.113.9 10.0.0.1 51000 443\n', 'malformed'],
  ['CR in the line', 'PROXY UNKNOWN \r \r\n', 'malformed'],
  ['NUL in the line', 'PROXY UNKNOWN \0\r\n', 'malformed'],
  ['another protocol', 'PROXY UDP4 203.0.113.9 10.0.0.1 51000 443\r\n', 'malformed'],
  ['a protocol that begins with UNKNOWN', 'PROXY UNKNOWNS\r\n', 'malformed'],
  ['no protocol', 'PROXY \r\n', 'malformed'],
  ['two spaces', 'PROXY TCP4  203.0.113.9 10.0.0.1 51000 443\r\n', 'malformed'],
  ['a space at the end', 'PROXY TCP4 203.0.113.9 10.0.0.1 51000 443 \r\n', 'malformed'],
  ['a port that is missing', 'PROXY TCP4 203.0.113.9 10.0.0.1 51000\r\n', 'malformed'],
  ['more than two ports', 'PROXY TCP4 203.0.113.9 10.0.0.1 51000 443 1\r\n', 'malformed'],
  ['a port above 65535', 'PROXY TCP4 203.0.113.9 10.0.0.1 65536 443\r\n', 'malformed'],
  ['a destination port above 65535', 'PROXY TCP4 203.0.113.9 10.0.0.1 1 99999\r\n', 'malformed'],
  ['a port with a leading zero', 'PROXY TCP4 203.0.113.9 10.0.0.1 051 443\r\n', 'malformed'],
  ['a negative port', 'PROXY TCP4 203.0.113.9 10.0.0.1 -1 443\r\n', 'malformed'],
  ['an octet with a leading zero', 'PROXY TCP4 203.0.113.09 10.0.0.1 51000 443\r\n', 'malformed'],
  ['an octet above 255', 'PROXY TCP4 203.0.113.256 10.0.0.1 51000 443\r\n', 'malformed'],
  ['IPv6 as TCP4', 'PROXY TCP4 ::1 10.0.0.1 51000 443\r\n', 'malformed'],
  ['IPv4 as TCP6', 'PROXY TCP6 203.0.113.9 ::1 51000 443\r\n', 'malformed'],
  ['a destination of the other family', 'PROXY TCP6 ::1 10.0.0.1 51000 443\r\n', 'malformed'],
  ['a zone', 'PROXY TCP6 fe80::1%eth0 ::1 51000 443\r\n', 'malformed'],
  ['a name', 'PROXY TCP4 localhost 10.0.0.1 51000 443\r\n', 'malformed'],
  ['version 1 in binary', v2({ version: 1 }), 'malformed'],
  ['version 3', v2({ version: 3 }), 'malformed'],
  ['a command that is none', v2({ command: 2 }), 'malformed'],
  ['a family that is none', v2({ family: 4 }), 'malformed'],
  ['a transport that is none', v2({ transport: 3 }), 'malformed'],
  ['a transport that is none, of an unspecified family', v2({ family: 0, transport: 3 }), 'malformed'],
  ['IPv4 addresses that are too short', v2({ addresses: inet().subarray(1) }), 'malformed'],
  ['IPv6 addresses that are too short', v2({ family: 2, addresses: inet() }), 'malformed'],
  ['Unix addresses that are too short', v2({ family: 3, addresses: inet6() }), 'malformed'],
  ['4,097 bytes', v2({ length: 4097, addresses: Buffer.alloc(0) }), 'too-long'],
  ['65,535 bytes of LOCAL', v2({ command: 0, length: 65_535, addresses: Buffer.alloc(0) }), 'too-long'],
  ['an addition of two bytes', v2({ additions: [Buffer.from([1, 0])] }), 'malformed'],
  ['an addition that is longer than the header', v2({ additions: [Buffer.from([1, 0, 9, 0x68, 0x32])] }), 'malformed'],
  ['a checksum that does not hold', wrongChecksum, 'checksum'],
  ['a checksum of three bytes', v2({ additions: [addition(3, Buffer.alloc(3))] }), 'malformed'],
  ['two checksums', checksumTwice, 'malformed'],
  [
    'a checksum of a Unix socket that does not hold',
    v2({ family: 3, addresses: UNIX, additions: [addition(3, Buffer.alloc(4))] }),
    'checksum',
  ],
]

for (const [claim, header, reason] of REFUSED)
  test(`refuses ${claim}`, () => assert.deepEqual(parseProxyHeader(Buffer.from(header)), { kind: 'invalid', reason }))

test('tells at its first wrong byte that something is no header', () => {
  for (let byte = 0; byte < 256; byte++) {
    const starts = byte === 0x50 || byte === 0x0d
    assert.equal(parseProxyHeader(Buffer.from([byte])).kind, starts ? 'incomplete' : 'invalid', String(byte))
  }
})

test('a header of which any bit is wrong is never taken for another address, where it has a checksum', () => {
  const header = v2({ additions: [addition(1, Buffer.from('h2'))], checksum: true })
  for (let bit = 0; bit < header.length * 8; bit++) {
    const changed = Buffer.from(header)
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    const parsed = parseProxyHeader(changed)
    // The type of the checksum itself, what makes the rest be ignored, and the length that is still to come.
    assert.ok(parsed.kind !== 'header' || parsed.clientAddress === null || bit >> 3 === header.length - 7, `bit ${bit}`)
  }
})

test('computes the checksum of RFC 3720 appendix B.4', () => {
  assert.equal(crc32cOf(Buffer.alloc(32)), 0x8a9136aa)
  assert.equal(crc32cOf(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  assert.equal(crc32cOf(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e)
  assert.equal(crc32cOf(Buffer.from('123456789')), 0xe3069283)
})
