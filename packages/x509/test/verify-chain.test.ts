import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { MisuseError } from '@countersign/core'
import { type ChainRequest, createChainVerifier, parseCertificate, verifyChain } from '@countersign/x509'
import { middle, root, unknownCritical, verdictOf } from './chain.js'
import { bits, bytes, commonName, der, integer, NULL, name, oid, type Rdn, san, sequence, text } from './der.js'
import {
  armor,
  CLIENT_AUTH,
  DAY_MS,
  ECDSA_SHA384,
  ecKeys,
  extension,
  type Forged,
  forge,
  forgeCa,
  forgeCrl,
  NOW_MS,
  pem,
  rsaKeys,
  SERVER_AUTH,
} from './forge.js'

const HOST = 'orders.prod.example'
const below = forge({ issuer: middle, sans: [san.dns(HOST)] })
const through: Partial<ChainRequest> = { intermediates: [middle.der] }

test('finds the path through intermediates in any order, and says which it is', () => {
  const other = forgeCa({ issuer: root, subject: commonName('other') })
  const result = verifyChain({ leaf: below.der, intermediates: [other.der, middle.der], anchors: [other.der, root.der], time: NOW_MS })
  assert.ok(result.valid)
  assert.deepEqual(
    result.path.map(({ subject }) => subject),
    ['CN=leaf', 'CN=middle', 'CN=root'],
  )
  assert.equal(result.path, result.path)
  assert.ok(Object.isFrozen(result.path))
  assert.equal(verdictOf(below), 'ERR_PEER_UNTRUSTED')
})

test('takes DER and PEM: exactly one leaf, and any number of intermediates and anchors in one text', () => {
  assert.equal(verdictOf(pem(below.der), { intermediates: [pem(middle.der)], anchors: [Buffer.from(pem(root.der))] }), 'valid')
  const both = [pem(below.der, middle.der), Buffer.concat([below.der, bytes(0)]), below.der.subarray(0, -1), '', new Uint8Array(0)]
  for (const leaf of both) assert.equal(verdictOf(leaf, through), 'ERR_PEER_UNREADABLE')
  assert.equal(verdictOf(below, { intermediates: [pem(root.der, middle.der)], anchors: [pem(middle.der, root.der)] }), 'valid')
  assert.equal(verdictOf(below, { intermediates: [`${pem(middle.der)}-----BEGIN`] }), 'ERR_PEER_UNTRUSTED')
  assert.equal(verdictOf(below, { ...through, anchors: [`${pem(root.der)}-----BEGIN`, bytes(0x30, 0x80)] }), 'ERR_PEER_UNTRUSTED')
  const crowd = pem(...Array.from({ length: 257 }, () => middle.der))
  assert.equal(verdictOf(below, { intermediates: [crowd] }), 'ERR_PEER_TOO_COMPLEX')
})

test('takes an anchor that is a name and a key, and one that is not self-signed', () => {
  const key = { name: root.subject, publicKey: root.spki }
  const result = verifyChain({ leaf: below.der, intermediates: [middle.der], anchors: [key], time: NOW_MS })
  assert.ok(result.valid)
  assert.equal(result.path.length, 2)
  assert.equal(verdictOf(below, { anchors: [middle.der] }), 'valid')
  assert.equal(verdictOf(below, { anchors: [{ name: middle.subject, publicKey: middle.spki }] }), 'valid')
  assert.equal(verdictOf(below, { anchors: [{ name: middle.subject, publicKey: root.spki }] }), 'ERR_PEER_UNTRUSTED')
  assert.equal(verdictOf(below, { anchors: [{ name: root.spki, publicKey: root.subject }] }), 'ERR_PEER_UNTRUSTED')
  assert.equal(
    verdictOf(below, { anchors: [{ name: middle.subject, publicKey: Buffer.concat([middle.spki, bytes(0)]) }] }),
    'ERR_PEER_UNTRUSTED',
  )
})

test('enforces the dates and extensions of an anchor, unless it is told that they do not count', () => {
  const expired = forgeCa({ validToMs: NOW_MS - DAY_MS / 2 })
  const constrained = forgeCa({ extensions: [unknownCritical], purposes: ['1.2.3.4'], keyUsage: [0x80], ca: { pathLength: 0 } })
  const old = forgeCa({ version: 1 })
  const leafOf = (issuer: Forged): Forged => forge({ issuer })
  assert.equal(verdictOf(leafOf(expired), { anchors: [expired.der] }), 'ERR_PEER_EXPIRED')
  assert.equal(verdictOf(leafOf(expired), { anchors: [expired.der], anchorDates: 'ignore' }), 'valid')
  assert.equal(verdictOf(leafOf(expired), { anchors: [expired.der], anchorExtensions: 'ignore' }), 'ERR_PEER_EXPIRED')
  for (const anchor of [constrained, old]) {
    assert.equal(verdictOf(leafOf(anchor), { anchors: [anchor.der] }), 'ERR_PEER_CHAIN_INVALID')
    assert.equal(verdictOf(leafOf(anchor), { anchors: [anchor.der], anchorExtensions: 'ignore' }), 'valid')
  }
})

test('is as strict about the purpose as it is asked to be', () => {
  const leafFor = (purposes: readonly string[] | null): Forged => forge({ issuer: root, purposes })
  const strict = { strictExtendedKeyUsage: true }
  const cases: readonly (readonly [readonly string[] | null, Partial<ChainRequest>, boolean])[] = [
    [[CLIENT_AUTH], {}, true],
    [[CLIENT_AUTH], { purpose: 'server' }, false],
    [[SERVER_AUTH], { purpose: 'server' }, true],
    [['1.2.3.4'], { purpose: 'any' }, true],
    [['1.2.3.4'], {}, false],
    [['2.5.29.37.0'], {}, true],
    [['2.5.29.37.0'], strict, false],
    [null, {}, true],
    [null, strict, false],
    [[CLIENT_AUTH, '2.5.29.37.0'], strict, true],
  ]
  for (const [purposes, request, accepted] of cases) {
    assert.equal(verdictOf(leafFor(purposes), request), accepted ? 'valid' : 'ERR_PEER_PURPOSE', `${purposes} ${JSON.stringify(request)}`)
  }
  const forServers = forgeCa({ issuer: root, subject: commonName('servers'), purposes: [SERVER_AUTH] })
  const leaf = forge({ issuer: forServers })
  assert.equal(verdictOf(leaf, { intermediates: [forServers.der] }), 'ERR_PEER_PURPOSE')
  assert.equal(verdictOf(leaf, { intermediates: [forServers.der], purpose: 'server' }), 'valid')
  assert.equal(verdictOf(forge({ issuer: root, keyUsage: [0x20] })), 'ERR_PEER_PURPOSE')
  assert.equal(verdictOf(forge({ issuer: root, keyUsage: [0x20] }), { purpose: 'server' }), 'valid')
  assert.equal(verdictOf(forge({ issuer: root, keyUsage: [0x40] }), { purpose: 'server' }), 'ERR_PEER_PURPOSE')
})

test('takes a CA certificate as the leaf only where it is told to', () => {
  assert.equal(verdictOf(middle), 'ERR_PEER_IS_CA')
  assert.equal(verdictOf(middle, { allowCaAsLeaf: true }), 'valid')
  assert.equal(verdictOf(forge({ issuer: root, keyUsage: [0x84] }), { allowCaAsLeaf: true }), 'ERR_PEER_CHAIN_INVALID')
})

test('counts the depth without the self-issued', () => {
  const again = forgeCa({ issuer: middle, subject: middle.subject })
  const lower = forgeCa({ issuer: again, subject: commonName('lower') })
  const leaf = forge({ issuer: lower })
  const intermediates = [lower.der, again.der, middle.der]
  assert.equal(verdictOf(leaf, { intermediates, maxDepth: 2 }), 'valid')
  assert.equal(verdictOf(leaf, { intermediates, maxDepth: 1 }), 'ERR_PEER_TOO_COMPLEX')
  assert.equal(verdictOf(forge({ issuer: root }), { maxDepth: 0 }), 'valid')
  assert.equal(verdictOf(below, { ...through, maxDepth: 0 }), 'ERR_PEER_TOO_COMPLEX')
})

const address = (...groups: readonly number[]): Uint8Array => san.ip(...groups.flatMap((group) => [group >> 8, group & 0xff]))
const named = forge({
  issuer: root,
  subject: commonName('common.example'),
  sans: [
    san.dns('Orders.Example'),
    san.dns('*.wild.example'),
    san.dns('*.example'),
    san.dns('f*.partial.example'),
    san.dns('192.0.2.9'),
    san.dns('a.*.middle.example'),
    san.uri('spiffe://prod.example/Orders'),
    san.email('Who@Mail.example'),
    san.ip(192, 0, 2, 1),
    address(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
    address(0, 0, 0, 0, 0, 0xffff, 0xc000, 0x201),
  ],
})

const names: readonly (readonly [type: 'dns' | 'ip' | 'uri' | 'email', value: string, held: boolean])[] = [
  ['dns', 'orders.example', true],
  ['dns', 'ORDERS.example.', true],
  ['dns', 'other.example', false],
  ['dns', 'sub.orders.example', false],
  ['dns', 'a.wild.example', true],
  ['dns', 'wild.example', false],
  ['dns', 'a.b.wild.example', false],
  ['dns', 'foo.partial.example', false],
  ['dns', 'a.b.middle.example', false],
  ['dns', '*.wild.example', false],
  ['dns', 'common.example', false],
  ['dns', '192.0.2.9', false],
  ['ip', '192.0.2.1', true],
  ['ip', '192.0.2.2', false],
  ['ip', '192.0.2.9', false],
  ['ip', '2001:db8::1', true],
  ['ip', '2001:0DB8:0:0:0:0:0.0.0.1', true],
  ['ip', '::ffff:192.0.2.1', true],
  ['ip', '2001:db8::2', false],
  ['ip', '192.0.2.1.', false],
  ['ip', 'fe80::1%lo', false],
  ['ip', 'orders.example', false],
  ['uri', 'spiffe://prod.example/Orders', true],
  ['uri', 'spiffe://prod.example/orders', false],
  ['uri', 'spiffe://prod.example/%4frders', false],
  ['email', 'Who@mail.example', true],
  ['email', 'who@mail.example', false],
]

for (const [type, value, held] of names) {
  test(`${held ? 'finds' : 'does not find'} the ${type} name ${value} in a certificate`, () => {
    assert.equal(verdictOf(named, { names: [{ type, value }] }), held ? 'valid' : 'ERR_PEER_NAME_NOT_PERMITTED')
  })
}

test('demands every name that is asked for', () => {
  const held = { type: 'ip', value: '192.0.2.1' } as const
  assert.equal(verdictOf(named, { names: [held, { type: 'dns', value: 'orders.example' }] }), 'valid')
  assert.equal(verdictOf(named, { names: [held, { type: 'dns', value: 'other.example' }] }), 'ERR_PEER_NAME_NOT_PERMITTED')
  assert.equal(
    verdictOf(forge({ issuer: root, subject: commonName(HOST) }), { names: [{ type: 'dns', value: HOST }] }),
    'ERR_PEER_NAME_NOT_PERMITTED',
  )
})

const rdn = (value: string, tag?: number): Rdn => [['2.5.4.10', text(value, tag)]]
const chains: readonly (readonly [claim: string, subject: Uint8Array, issuerName: Uint8Array, same: boolean])[] = [
  ['another string type', name(rdn('Shop', 0x13)), name(rdn('Shop')), true],
  ['another case', name(rdn('SHOP')), name(rdn('shop')), true],
  ['other spaces', name(rdn('  The  Shop ')), name(rdn('The Shop')), true],
  ['another width and composition', name(rdn('Ｓhop Cafe\u0301')), name(rdn('shop caf\u00e9')), true],
  ['a sharp s', name(rdn('STRASSE')), name(rdn('straße')), true],
  ['a soft hyphen', name(rdn('Sh\u00adop')), name(rdn('Shop')), true],
  ['a BMPString', name(rdn('Shop')), name([['2.5.4.10', der(0x1e, Buffer.from('\0S\0h\0o\0p', 'latin1'))]]), true],
  ['another order within an RDN', name([...rdn('a'), ['2.5.4.3', text('b')]]), name([['2.5.4.3', text('B')], ...rdn('A')]), true],
  [
    'an IA5 domain component',
    name([['0.9.2342.19200300.100.1.25', text('EXAMPLE', 0x16)]]),
    name([['0.9.2342.19200300.100.1.25', text('example', 0x16)]]),
    true,
  ],
  ['another order of RDNs', name(rdn('a'), rdn('b')), name(rdn('b'), rdn('a')), false],
  ['another attribute', name(rdn('a')), name([['2.5.4.11', text('a')]]), false],
  ['one RDN of two or two of one', name([...rdn('a'), ...rdn('b')]), name(rdn('a'), rdn('b')), false],
  ['a value that is written like two', name(rdn('a;2.5.4.10;2;=b')), name([...rdn('a'), ...rdn('b')]), false],
  ['a dropped space', name(rdn('The Shop')), name(rdn('TheShop')), false],
  ['what is no text', name([['2.5.4.10', integer(1)]]), name([['2.5.4.10', integer(2)]]), false],
  ['a longer value than any in use', name(rdn('x'.repeat(2000))), name(rdn('X'.repeat(2000))), false],
]

for (const [claim, subject, issuerName, same] of chains) {
  test(`${same ? 'chains' : 'does not chain'} names that differ by ${claim}`, () => {
    const ca = forgeCa({ issuer: root, subject })
    const verdict = verdictOf(forge({ issuer: ca, issuerName }), { intermediates: [ca.der] })
    assert.equal(verdict, same ? 'valid' : 'ERR_PEER_UNTRUSTED')
  })
}

test('finds the CRL of an issuer that spells its name in another way', () => {
  const ca = forgeCa({ issuer: root, subject: name(rdn('Shop')) })
  const leaf = forge({ issuer: ca, serial: integer(77) })
  const crlOf = (...serials: Uint8Array[]): Uint8Array => forgeCrl({ ...ca, subject: name(rdn('SHOP', 0x13)) }, { serials })
  const request = { intermediates: [ca.der], revocation: { mode: 'require', scope: 'leaf' } } as const
  assert.equal(verdictOf(leaf, { ...request, crls: [crlOf(integer(77))] }), 'ERR_PEER_REVOKED')
  assert.equal(verdictOf(leaf, { ...request, crls: [armor(crlOf(), 'X509 CRL')] }), 'valid')
})

test('asks CRLs about the whole path as soon as there are some, or as it is told', () => {
  const leaf = forge({ issuer: middle, serial: integer(78) })
  const [ofRoot, ofMiddle] = [forgeCrl(root), forgeCrl(middle, { serials: [integer(78)] })]
  assert.equal(verdictOf(leaf, { ...through, crls: [ofRoot, forgeCrl(middle)] }), 'valid')
  assert.equal(verdictOf(leaf, { ...through, crls: [forgeCrl(middle)] }), 'ERR_PEER_REVOCATION_UNKNOWN')
  assert.equal(verdictOf(leaf, { ...through, crls: [ofRoot, ofMiddle] }), 'ERR_PEER_REVOKED')
  assert.equal(verdictOf(leaf, { ...through, revocation: { mode: 'require' } }), 'ERR_PEER_REVOCATION_UNKNOWN')
  assert.equal(verdictOf(leaf, { ...through, crls: [ofMiddle], revocation: { mode: 'prefer' } }), 'ERR_PEER_REVOKED')
  assert.equal(verdictOf(leaf, { ...through, crls: [bytes(0x30)], revocation: { mode: 'prefer' } }), 'valid')
  assert.equal(verdictOf(leaf, { ...through, crls: [bytes(0x30), 'no PEM'] }), 'ERR_PEER_REVOCATION_UNKNOWN')
  assert.equal(verdictOf(leaf, { ...through, crls: [ofMiddle], revocation: { mode: 'off' } }), 'valid')
})

test('gives the reason of the path that came closest, whatever the order', () => {
  const keys = ecKeys()
  const subject = commonName('twin')
  const expired = forgeCa({ issuer: root, subject, keys, validToMs: NOW_MS - 1000 * 60 })
  const noSigner = forgeCa({ issuer: root, subject, keys, keyUsage: [0x02] })
  const strange = forgeCa({ issuer: forgeCa({ subject: commonName('strange root') }), subject, keys })
  const leaf = forge({ issuer: expired })
  const all = [expired.der, noSigner.der, strange.der]
  for (const intermediates of [all, all.toReversed()]) assert.equal(verdictOf(leaf, { intermediates }), 'ERR_PEER_EXPIRED')
  assert.equal(verdictOf(leaf, { intermediates: [noSigner.der, strange.der] }), 'ERR_PEER_CHAIN_INVALID')
  assert.equal(verdictOf(leaf, { intermediates: [strange.der] }), 'ERR_PEER_UNTRUSTED')
  const good = forgeCa({ issuer: root, subject, keys })
  for (const intermediates of [
    [...all, good.der],
    [good.der, ...all],
  ])
    assert.equal(verdictOf(leaf, { intermediates }), 'valid')
})

test('does not hide that the budget ran out behind another reason', () => {
  const subject = commonName('many')
  const keys = ecKeys()
  const expired = forgeCa({ issuer: root, subject, keys, validToMs: NOW_MS - 1000 * 60 })
  const decoys = Array.from({ length: 80 }, () => forgeCa({ issuer: root, subject }).der)
  const leaf = forge({ issuer: expired, withoutKeyIds: true })
  assert.equal(verdictOf(leaf, { intermediates: [expired.der, ...decoys] }), 'ERR_PEER_TOO_COMPLEX')
  const good = forgeCa({ issuer: root, subject, keys })
  assert.equal(verdictOf(leaf, { intermediates: [expired.der, good.der, ...decoys] }), 'valid')
  assert.equal(verdictOf(leaf, { intermediates: Array.from({ length: 257 }, () => middle.der) }), 'ERR_PEER_TOO_COMPLEX')
})

test('finds its way through CAs that certify each other', () => {
  const [keysA, keysB] = [ecKeys(), ecKeys()]
  const a = forgeCa({ issuer: root, subject: commonName('a'), keys: keysA })
  const b = forgeCa({ issuer: a, subject: commonName('b'), keys: keysB })
  const aByB = forgeCa({ issuer: b, subject: commonName('a'), keys: keysA })
  const leaf = forge({ issuer: b })
  assert.equal(verdictOf(leaf, { intermediates: [aByB.der, b.der, a.der] }), 'valid')
  assert.equal(verdictOf(leaf, { intermediates: [aByB.der, b.der] }), 'ERR_PEER_UNTRUSTED')
})

test('finds the path to a new root over its cross-certificate, and to the root itself', () => {
  const keys = ecKeys()
  const newRoot = forgeCa({ subject: commonName('new root'), keys })
  const cross = forgeCa({ issuer: root, subject: commonName('new root'), keys })
  const leaf = forge({ issuer: newRoot })
  assert.equal(verdictOf(leaf, { intermediates: [cross.der, newRoot.der] }), 'valid')
  assert.equal(verdictOf(leaf, { intermediates: [cross.der], anchors: [newRoot.der] }), 'valid')
})

test('demands the minimum of key and hash that was asked for', () => {
  assert.equal(verdictOf(forge({ issuer: root, keys: rsaKeys(2048) }), { minimum: { rsaBits: 3072 } }), 'ERR_PEER_WEAK_KEY')
  const strong = forgeCa({ signature: ECDSA_SHA384, keys: ecKeys('P-384') })
  const leaf = forge({ issuer: strong, signature: ECDSA_SHA384 })
  assert.equal(verdictOf(leaf, { anchors: [strong.der], minimum: { hash: 'sha384' } }), 'valid')
  assert.equal(verdictOf(forge({ issuer: root }), { minimum: { hash: 'sha384' } }), 'ERR_PEER_WEAK_SIGNATURE')
})

test('counts the last second of a certificate, and a skew only where it was asked for', () => {
  const leaf = forge({ issuer: root, validFromMs: NOW_MS, validToMs: NOW_MS + 10_000 })
  const at = (time: number, request: Partial<ChainRequest> = {}): string => verdictOf(leaf, { ...request, time: new Date(time) })
  assert.equal(at(NOW_MS), 'valid')
  assert.equal(at(NOW_MS - 1), 'ERR_PEER_NOT_YET_VALID')
  assert.equal(at(NOW_MS + 10_999), 'valid')
  assert.equal(at(NOW_MS + 11_000), 'ERR_PEER_EXPIRED')
  assert.equal(at(NOW_MS + 11_000, { clockSkewSeconds: 1 }), 'valid')
  assert.equal(at(NOW_MS - 1000, { clockSkewSeconds: 1 }), 'valid')
})

test('names the wrong part of a request, and never what is in it', () => {
  const good = { leaf: below.der, anchors: [root.der] }
  const wrong: readonly (readonly [string, object])[] = [
    ['leaf', { anchors: [] }],
    ['anchors', { leaf: below.der }],
    ['anchors', { ...good, anchors: root.der }],
    ['anchors[0]', { ...good, anchors: [7] }],
    ['anchors[0].key', { ...good, anchors: [{ name: root.subject, key: root.spki }] }],
    ['intermediates[0]', { ...good, intermediates: [null] }],
    ['time', { ...good, time: Number.NaN }],
    ['time', { ...good, time: new Date('never') }],
    ['purpose', { ...good, purpose: 'email' }],
    ['allowCaAsLeaf', { ...good, allowCaAsLeaf: 'yes' }],
    ['maxDepth', { ...good, maxDepth: -1 }],
    ['names[0].type', { ...good, names: [{ type: 'cn', value: 'x' }] }],
    ['names[0].value', { ...good, names: [{ type: 'dns', value: '' }] }],
    ['policies.initial[0]', { ...good, policies: { initial: ['any'] } }],
    ['revocation.mode', { ...good, revocation: {} }],
    ['minimum.rsaBits', { ...good, minimum: { rsaBits: 1024 } }],
    ['anchorDates', { ...good, anchorDates: 'skip' }],
    ['purposes', { ...good, purposes: [] }],
  ]
  for (const [option, request] of wrong) {
    assert.throws(
      () => verifyChain(request as ChainRequest),
      (error) => error instanceof MisuseError && error.option === option,
      option,
    )
  }
})

test('verifies against the same anchors again and again, with what it learnt', () => {
  const verifier = createChainVerifier([pem(root.der)])
  const request = { leaf: below.der, intermediates: [middle.der], time: NOW_MS }
  for (let i = 0; i < 3; i++) assert.ok(verifier.verify(request).valid)
  assert.equal(verifier.verify({ ...request, intermediates: [] }).valid, false)
  const other = forge({ issuer: middle, validToMs: NOW_MS - 60_000 })
  const result = verifier.verify({ ...request, leaf: other.der, intermediates: [pem(middle.der)] })
  assert.equal(result.valid || result.code, 'ERR_PEER_EXPIRED')
  const bare = createChainVerifier([{ name: root.subject, publicKey: root.spki }])
  for (const intermediates of [[middle.der], ['not PEM'], [middle.der]]) {
    assert.equal(bare.verify({ ...request, intermediates }).valid, intermediates[0] === middle.der)
  }
  assert.throws(() => createChainVerifier('ca.pem' as never), MisuseError)
})

const ML_DSA = { oid: '2.16.840.1.101.3.4.3.17', octets: 1312 }

test('verifies ML-DSA where the runtime can, and refuses it by name where it cannot', () => {
  // Signed by OpenSSL 3.5: Node 22 verifies such signatures and cannot make them.
  const [leaf, anchor] = readFileSync(new URL('../test/ml-dsa-44.pem', import.meta.url), 'utf8').split(/(?<=-----END CERTIFICATE-----\n)/)
  assert.ok(leaf !== undefined && anchor !== undefined)
  const { der: whole, signatureAlgorithm } = parseCertificate(leaf)
  const { key } = parseCertificate(anchor)
  assert.deepEqual([signatureAlgorithm, key.type], ['ML-DSA-44', 'ml-dsa-44'])
  const damaged = new Uint8Array(whole)
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
  const verdicts = [leaf, damaged].map((presented) => verdictOf(presented, { anchors: [anchor] }))
  const takesKeys = Number.parseFloat(process.versions.openssl) >= 3.5
  assert.deepEqual(verdicts, takesKeys ? ['valid', 'ERR_PEER_UNTRUSTED'] : ['ERR_PEER_WEAK_KEY', 'ERR_PEER_WEAK_KEY'])
  const short = sequence(sequence(oid(ML_DSA.oid)), bits(new Uint8Array(ML_DSA.octets - 1)))
  const parameters = sequence(sequence(oid(ML_DSA.oid), NULL), bits(new Uint8Array(ML_DSA.octets)))
  for (const spki of [short, parameters]) assert.equal(verdictOf(forge({ issuer: root, spki })), 'ERR_PEER_UNREADABLE')
})

test('refuses what is critical and not enforced, wherever it stands: unknown extensions, and where to fetch what nobody fetches', () => {
  const ca = forgeCa({ issuer: root, subject: commonName('odd'), extensions: [unknownCritical] })
  assert.equal(verdictOf(forge({ issuer: root, extensions: [unknownCritical] })), 'ERR_PEER_CHAIN_INVALID')
  assert.equal(verdictOf(forge({ issuer: ca }), { intermediates: [ca.der] }), 'ERR_PEER_CHAIN_INVALID')
  const accessInformation = extension(
    '1.3.6.1.5.5.7.1.1',
    true,
    sequence(sequence(oid('1.3.6.1.5.5.7.48.1'), san.uri('http://a.example/'))),
  )
  assert.equal(verdictOf(forge({ issuer: root, extensions: [accessInformation] })), 'ERR_PEER_CHAIN_INVALID')
  const points = extension('2.5.29.31', true, sequence(sequence(der(0xa0, der(0xa0, san.uri('http://crl.example/a.crl'))))))
  assert.equal(verdictOf(forge({ issuer: root, extensions: [points] })), 'ERR_PEER_CHAIN_INVALID')
})

test('survives what is no certificate, in every place', () => {
  const deep = Array.from({ length: 200 }).reduce<Uint8Array>((inner) => sequence(inner), NULL)
  const odd = [
    bytes(0x30),
    bytes(0x30, 0x84, 0x7f, 0xff, 0xff, 0xff),
    bytes(0x30, 0x80, 0, 0),
    deep,
    new Uint8Array(70_000).fill(0x30),
    new Uint8Array(0),
  ]
  for (const one of odd) {
    assert.equal(verdictOf(one), 'ERR_PEER_UNREADABLE')
    assert.equal(verdictOf(below, { intermediates: [one, middle.der] }), 'valid')
    assert.equal(verdictOf(below, { ...through, anchors: [one, root.der] }), 'valid')
    assert.equal(verdictOf(below, { ...through, anchors: [{ name: one, publicKey: one }] }), 'ERR_PEER_UNTRUSTED')
    assert.equal(verdictOf(below, { ...through, crls: [one] }), 'ERR_PEER_REVOCATION_UNKNOWN')
  }
})
