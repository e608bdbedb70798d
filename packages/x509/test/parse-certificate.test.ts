import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusedError } from '@countersign/core'
import { parseCertificate } from '@countersign/x509'
import { bits, bytes, der, integer, NULL, name, octets, oid, san, sequence, text, time } from './der.js'
import { armor, ECDSA_SHA256, ECDSA_SHA384, extension, forge, forgeCa, NOW_MS, pem } from './forge.js'

const root = forgeCa()
const orders = forge({
  issuer: root,
  subject: name([['2.5.4.6', text('DE', 0x13)]], [['2.5.4.10', text('Shop')]], [['2.5.4.3', text('orders')]]),
  serial: integer(0x0abcdefn),
  sans: [san.uri('spiffe://prod.example/orders'), san.dns('orders.prod.example'), san.ip(192, 0, 2, 7)],
  extensions: [extension('2.5.29.32', false, sequence(sequence(oid('1.2.3.4'))))],
})

function unreadable(input: string | Uint8Array, reason = ''): void {
  assert.throws(
    () => parseCertificate(input),
    (error) => error instanceof RefusedError && error.code === 'ERR_PEER_UNREADABLE' && error.message.includes(reason),
  )
}

test('reads everything that the metadata names', () => {
  const {
    fingerprint256,
    spkiSha256,
    'x5t#S256': thumbprint,
    subjectKeyId,
    authorityKeyId,
    ...rest
  } = JSON.parse(JSON.stringify(parseCertificate(orders.der)))
  assert.deepEqual(rest, {
    subject: 'CN=orders,O=Shop,C=DE',
    issuer: 'CN=root',
    serialNumber: 'abcdef',
    sans: { dns: ['orders.prod.example'], uri: ['spiffe://prod.example/orders'], ip: ['192.0.2.7'], email: [] },
    spiffeId: 'spiffe://prod.example/orders',
    key: { type: 'ec', bits: 256, curve: 'P-256' },
    signatureAlgorithm: 'ecdsa-with-SHA256',
    extendedKeyUsage: ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1'],
    keyUsage: ['digitalSignature'],
    isCa: false,
    pathLength: null,
    policies: ['1.2.3.4'],
    validFrom: '2026-11-22T12:00:00.000Z',
    validTo: '2026-11-24T12:00:00.000Z',
  })
  assert.match(fingerprint256, /^[0-9a-f]{64}$/)
  assert.equal(Buffer.from(thumbprint, 'base64url').toString('hex'), fingerprint256)
  assert.equal(Buffer.from(spkiSha256, 'base64').length, 32)
  assert.equal(subjectKeyId, Buffer.from(orders.keyId).toString('hex'))
  assert.equal(authorityKeyId, Buffer.from(root.keyId).toString('hex'))
})

test('gives metadata that nobody can change', () => {
  const certificate = parseCertificate(orders.der)
  const before = JSON.stringify(certificate)
  certificate.validTo.setTime(0)
  certificate.validFrom.setTime(0)
  certificate.der.fill(0)
  for (const part of [certificate, certificate.sans, certificate.sans.uri, certificate.sans.email, certificate.key, certificate.keyUsage]) {
    assert.ok(Object.isFrozen(part))
  }
  assert.ok(Object.isFrozen(certificate.extendedKeyUsage) && Object.isFrozen(certificate.policies))
  assert.throws(() => Object.assign(certificate, { spiffeId: 'spiffe://prod.example/admin' }), TypeError)
  assert.equal(JSON.stringify(certificate), before)
  assert.deepEqual(certificate.der, new Uint8Array(orders.der))
})

test('keeps a copy of the bytes it was given', () => {
  const given = new Uint8Array(orders.der)
  const certificate = parseCertificate(given)
  given.fill(0)
  assert.deepEqual(certificate.der, new Uint8Array(orders.der))
})

test('counts whole days, down to below zero', () => {
  const certificate = parseCertificate(orders.der)
  assert.equal(certificate.daysLeft(NOW_MS), 1)
  assert.equal(certificate.daysLeft(NOW_MS + 1), 0)
  assert.equal(certificate.daysLeft(NOW_MS + 86_400_001), -1)
})

test('takes PEM as text and as bytes, with text before it', () => {
  const { fingerprint256 } = parseCertificate(orders.der)
  assert.equal(parseCertificate(`Certificate:\n    Data:\n${pem(orders.der)}`).fingerprint256, fingerprint256)
  assert.equal(parseCertificate(Buffer.from(pem(orders.der).replaceAll('\n', '\r\n'))).fingerprint256, fingerprint256)
})

test('takes exactly one certificate', () => {
  unreadable(pem(orders.der, root.der))
  unreadable(`${pem(orders.der)}trailing text`)
  unreadable(`${pem(orders.der)}${armor(orders.der, 'PRIVATE KEY')}`)
  unreadable(Buffer.concat([orders.der, bytes(0)]))
  unreadable(Buffer.concat([orders.der, orders.der]))
  unreadable('')
  unreadable(new Uint8Array(0))
  unreadable(armor(orders.der, 'TRUSTED CERTIFICATE'))
  unreadable(pem(orders.der).replace('-----END', ''))
  unreadable(pem(Buffer.concat([orders.der, bytes(0)])))
})

test('does not let a comma, a plus or a NUL split a subject', () => {
  const subject = name([['2.5.4.3', text('orders,CN=admin+O=x\\;<>"=\u0000\n\u202e')]], [['2.5.4.10', text('# Shop ')]])
  assert.equal(
    parseCertificate(forge({ subject }).der).subject,
    'O=\\# Shop\\ ,CN=orders\\,CN\\=admin\\+O\\=x\\\\\\;\\<\\>\\"\\=\\00\\0a\\e2\\80\\ae',
  )
})

test('writes what is no text as hexadecimal', () => {
  const subject = name([['2.5.4.3', octets(bytes(1, 2))]], [['1.2.3.4', text('x')]], [['2.5.4.11', der(0x0c, bytes(0xff))]])
  assert.equal(parseCertificate(forge({ subject }).der).subject, 'OU=#0c01ff,1.2.3.4=#0c0178,CN=#04020102')
})

test('reads teletex, BMP and several attributes in one RDN', () => {
  const subject = name([
    ['2.5.4.3', der(0x1e, bytes(0, 0x6f, 0x20, 0xac))],
    ['2.5.4.10', der(0x14, bytes(0xe4))],
  ])
  assert.equal(parseCertificate(forge({ subject }).der).subject, 'CN=o€+O=ä')
})

test('reads no SPIFFE ID where there are two URIs', () => {
  const twice = forge({ sans: [san.uri('spiffe://prod.example/a'), san.uri('spiffe://prod.example/b')] })
  assert.equal(parseCertificate(twice.der).spiffeId, null)
  assert.equal(parseCertificate(forge({ sans: [san.uri('https://prod.example/')] }).der).spiffeId, null)
})

test('writes addresses in their canonical form', () => {
  const address = (...octetsOfAddress: number[]): string | undefined =>
    parseCertificate(forge({ sans: [san.ip(...octetsOfAddress)] }).der).sans.ip[0]
  assert.equal(address(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), '::1')
  assert.equal(address(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), '::')
  assert.equal(address(0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0), '2001:db8:0:1::')
  assert.equal(address(0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1), '2001:db8:0:1:1:1:1:1')
})

const flaws: readonly (readonly [claim: string, reason: string, certificate: Uint8Array])[] = [
  ['a NUL in a host name', 'a name with characters that no name has', forge({ sans: [san.dns('a\u0000.evil.example')] }).der],
  ['a line feed in a URI', 'a name with characters that no name has', forge({ sans: [san.uri('spiffe://prod.example/a\nb')] }).der],
  ['an 8-bit character in a mailbox', 'a name with characters that no name has', forge({ sans: [text('ä@prod.example', 0x81)] }).der],
  ['an empty name', 'an empty name', forge({ sans: [san.dns('')] }).der],
  ['an address of five octets', 'an address of another size', forge({ sans: [san.ip(1, 2, 3, 4, 5)] }).der],
  ['a name of no kind', 'a name of no kind', forge({ sans: [der(0x89, bytes(1))] }).der],
  ['a SAN without names', 'ends in the middle of a header', forge({ extensions: [extension('2.5.29.17', false, sequence())] }).der],
  [
    'a SAN with bytes after it',
    'bytes left over',
    forge({ extensions: [extension('2.5.29.17', false, Buffer.concat([sequence(san.dns('a')), NULL]))] }).der,
  ],
  ['257 names', 'too many names', forge({ sans: Array.from({ length: 257 }, (_, i) => san.dns(`a${i}`)) }).der],
  [
    'an extension twice',
    'an extension twice',
    forge({ sans: [san.dns('a')], extensions: [extension('2.5.29.17', false, sequence(san.dns('b')))] }).der,
  ],
  ['an extension in version 1', 'bytes left over', sequence(...withoutVersion())],
  ['version 4', 'a version that does not exist', forge({ version: 4 }).der],
  ['two signature algorithms', 'two signature algorithms', forge({ innerAlgorithm: ECDSA_SHA384.algorithm, signature: ECDSA_SHA256 }).der],
  ['a negative serial number', 'a serial number that is not positive', forge({ serial: der(0x02, bytes(0x80)) }).der],
  ['a serial number of zero', 'a serial number that is not positive', forge({ issuer: root, serial: integer(0) }).der],
  ['a serial number of 21 octets', 'a serial number of too many octets', forge({ serial: integer(2n ** 167n) }).der],
  ['a serial number that is padded', 'an INTEGER that is not in its shortest form', forge({ serial: der(0x02, bytes(0, 1)) }).der],
  [
    'a key usage that allows nothing',
    'a key usage that allows nothing',
    forge({ keyUsage: null, extensions: [extension('2.5.29.15', true, bits(bytes(0), 7))] }).der,
  ],
  [
    'unused bits that are set',
    'a BIT STRING with unused bits set',
    forge({ keyUsage: null, extensions: [extension('2.5.29.15', true, bits(bytes(0x81), 7))] }).der,
  ],
  ['an extended key usage without purposes', 'another type than expected', forge({ purposes: [] }).der],
  [
    'a path length of what is no CA',
    'a path length of what is no CA',
    forge({ extensions: [extension('2.5.29.19', true, sequence(integer(0)))], withoutConstraints: true }).der,
  ],
  [
    'a BOOLEAN that is 1',
    'a BOOLEAN of another value',
    forge({ extensions: [sequence(oid('1.2.3'), der(0x01, bytes(1)), octets(NULL))] }).der,
  ],
  [
    'an EC point of another size',
    'a point that is not on its curve',
    forge({ spki: sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')), bits(bytes(4, 1))) }).der,
  ],
  [
    'an Ed25519 key of 31 octets',
    'a key of another size than its curve',
    forge({ spki: sequence(sequence(oid('1.3.101.112')), bits(Buffer.alloc(31))) }).der,
  ],
]

/** The extensions of a good certificate, in one that says nothing of its version. */
function withoutVersion(): Uint8Array[] {
  const { subject, spki } = orders
  const validity = sequence(time(NOW_MS), time(NOW_MS))
  const extensions = der(0xa3, sequence(extension('2.5.29.19', true, sequence())))
  return [
    sequence(integer(5), ECDSA_SHA256.algorithm, subject, validity, subject, spki, extensions),
    ECDSA_SHA256.algorithm,
    bits(bytes(1)),
  ]
}

for (const [claim, reason, certificate] of flaws) {
  test(`does not read a certificate with ${claim}`, () => {
    unreadable(certificate, reason)
  })
}

test('reads a serial number of zero where a root has it', () => {
  assert.equal(parseCertificate(forgeCa({ serial: integer(0) }).der).serialNumber, '0')
})

test('does not read a certificate over 64 KiB', () => {
  unreadable(forge({ extensions: [extension('1.2.3', false, octets(new Uint8Array(66_000)))] }).der)
})

test('reads dates past 2049 and none that do not exist', () => {
  const far = Date.parse('9999-12-31T23:59:59Z')
  assert.equal(parseCertificate(forge({ validToMs: far }).der).validTo.getTime(), far)
  const good = Buffer.from(forge().der).toString('latin1')
  for (const [from, to] of [
    ['261124120000Z', '261324120000Z'],
    ['261124120000Z', '261131120000Z'],
    ['261124120000Z', '261124126000Z'],
    ['261124120000Z', '261124240000Z'],
    ['261124120000Z', '2611241200+1Z'],
  ] as const) {
    assert.ok(good.includes(from))
    unreadable(Buffer.from(good.replace(from, to), 'latin1'))
  }
})
