import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type VerifyCrlOptions, verifyCrl } from '@countersign/x509'
import { bytes, commonName, der, integer, NULL, name, oid, san, sequence, text } from './der.js'
import {
  armor,
  DAY_MS,
  ECDSA_SHA1,
  ecKeys,
  extension,
  type ForgeCrlOptions,
  type Forged,
  forge,
  forgeCa,
  forgeCrl,
  NOW_MS,
  pem,
} from './forge.js'

const root = forgeCa()
const SERIAL = integer(0xf00d)
const leafWith = (...points: readonly Uint8Array[]): Uint8Array =>
  forge({
    issuer: root,
    serial: SERIAL,
    sans: [san.uri('spiffe://prod.example/orders')],
    extensions: points.length === 0 ? [] : [extension('2.5.29.31', false, sequence(...points))],
  }).der
const orders = leafWith()
const crl = (options: ForgeCrlOptions = {}, issuer: Forged = root): Uint8Array => forgeCrl(issuer, options)
const idp = (...fields: readonly Uint8Array[]): Uint8Array => extension('2.5.29.28', true, sequence(...fields))
const uri = (value: string): Uint8Array => der(0xa0, der(0xa0, san.uri(value)))
const directory = (value: Uint8Array): Uint8Array => der(0xa0, der(0xa0, san.directory(value)))
const relative = der(0xa0, der(0xa1, sequence(oid('2.5.4.3'), text('shard 1'))))
const only = (number: number): Uint8Array => der(0x80 | number, bytes(0xff))
const reasons = (flags: number): Uint8Array => der(0x83, bytes(0, flags >> 8, flags & 0x80))
const deltaOf = (base: number): Uint8Array => extension('2.5.29.27', true, integer(base))
const reason = (code: number): Uint8Array => sequence(extension('2.5.29.21', false, der(0x0a, bytes(code))))

function verdict(list: Uint8Array | string, options: Partial<VerifyCrlOptions> = {}): string {
  const found = verifyCrl({ crl: list, issuer: root.der, certificate: orders, time: new Date(NOW_MS), ...options })
  if (!('refused' in found)) return String(found.status)
  assert.equal(found.code, 'ERR_PEER_REVOCATION_UNKNOWN')
  return String(found.facts['reason'])
}

const base = crl({ number: 7 })
const listing = crl({ number: 7, serials: [SERIAL] })
const ca = forgeCa({ issuer: root, subject: commonName('middle') }).der
const shard = 'http://crl.test/1'
const rows: readonly (readonly [claim: string, crl: Uint8Array | string, verdict: string, options?: Partial<VerifyCrlOptions>])[] = [
  ['does not find what is not listed', base, 'good'],
  ['reads PEM', armor(base, 'X509 CRL'), 'good'],
  ['finds what is listed', listing, 'revoked'],
  ['reads version 1', crl({ version: 1, serials: [SERIAL] }), 'revoked'],
  ['reads version 1 without entries', crl({ version: 1 }), 'good'],

  ['refuses what another key signed', crl({ signer: ecKeys().privateKey }), 'signature'],
  ['refuses what was signed with SHA-1', crl({ signature: ECDSA_SHA1 }), 'algorithm'],
  ['refuses another issuer', crl({}, forgeCa({ subject: commonName('other') })), 'issuer'],
  ['refuses an issuer that may not sign CRLs', crl(), 'issuer', { issuer: forgeCa({ keyUsage: [0x04] }).der }],
  ['refuses what has run out', crl({ nextUpdateMs: NOW_MS - 1000 }), 'expired'],
  ['forgives as much as clocks may differ', crl({ nextUpdateMs: NOW_MS - 1000 }), 'good', { clockSkewSeconds: 30 }],
  ['refuses what begins later', crl({ thisUpdateMs: NOW_MS + 1000 }), 'not-yet-valid'],
  ['refuses a list without an end', crl({ nextUpdateMs: null }), 'no-next-update'],
  ['refuses version 2 without a number', crl({ withoutNumber: true }), 'no-number'],
  ['refuses an unknown critical extension', crl({ extensions: [extension('1.2.3', true, NULL)] }), 'critical-extension'],
  ['passes over another extension', crl({ extensions: [extension('1.2.3', false, NULL)] }), 'good'],
  [
    'refuses an unknown critical extension of an entry',
    crl({ serials: [integer(1)], entryExtensions: sequence(extension('1.2.3', true, NULL)) }),
    'critical-extension',
  ],
  ['refuses removeFromCRL in a complete list', crl({ serials: [integer(1)], entryExtensions: reason(8) }), 'remove-from-crl'],
  ['refuses bytes after it', Buffer.concat([base, bytes(0)]), 'malformed'],
  ['refuses a certificate', pem(root.der), 'malformed'],

  ['takes a list for leaves', crl({ extensions: [idp(only(1))] }), 'good'],
  ['refuses a list for CAs for a leaf', crl({ extensions: [idp(only(2))] }), 'scope'],
  ['takes a list for CAs for a CA', crl({ extensions: [idp(only(2))] }), 'good', { certificate: ca }],
  ['refuses a list for leaves for a CA', crl({ extensions: [idp(only(1))] }), 'scope', { certificate: ca }],
  ['refuses a list for both and so for neither', crl({ extensions: [idp(only(1), only(2))] }), 'scope'],
  ['refuses a list for attribute certificates', crl({ extensions: [idp(only(5))] }), 'attribute-certificates'],
  ['refuses a list of a point that the certificate does not name', crl({ extensions: [idp(uri(shard))] }), 'scope'],
  [
    'takes a list of a point that it names',
    crl({ extensions: [idp(uri(shard))] }),
    'good',
    { certificate: leafWith(sequence(uri(shard))) },
  ],
  [
    'refuses a list of another point',
    crl({ extensions: [idp(uri(shard))] }),
    'scope',
    { certificate: leafWith(sequence(uri(`${shard}0`))) },
  ],
  [
    'takes a point named by a directory name',
    crl({ extensions: [idp(directory(commonName('shard')))] }),
    'good',
    { certificate: leafWith(sequence(directory(commonName('shard')))) },
  ],
  ['takes a point named below the issuer', crl({ extensions: [idp(relative)] }), 'good', { certificate: leafWith(sequence(relative)) }],
  [
    'knows a name below the issuer written in full',
    crl({ extensions: [idp(relative)] }),
    'good',
    { certificate: leafWith(sequence(directory(name([['2.5.4.3', text('root')]], [['2.5.4.3', text('shard 1')]])))) },
  ],
  ['is not satisfied by a list for some reasons', crl({ extensions: [idp(reasons(0x6000))] }), 'reasons'],
  ['finds what a list for some reasons holds', crl({ serials: [SERIAL], extensions: [idp(reasons(0x6000))] }), 'revoked'],
  ['takes a list for all reasons one by one', crl({ extensions: [idp(reasons(0x7f80))] }), 'good'],

  ['refuses a delta alone', crl({ number: 8, extensions: [deltaOf(7)] }), 'delta'],
  ['adds what a delta lists', base, 'revoked', { delta: crl({ number: 8, serials: [SERIAL], extensions: [deltaOf(7)] }) }],
  [
    'takes off what a delta removes',
    listing,
    'good',
    { delta: crl({ number: 8, serials: [SERIAL], entryExtensions: reason(8), extensions: [deltaOf(7)] }) },
  ],
  ['leaves what a delta does not name', listing, 'revoked', { delta: crl({ number: 8, extensions: [deltaOf(7)] }) }],
  ['refuses a delta of a newer list', base, 'delta', { delta: crl({ number: 9, extensions: [deltaOf(8)] }) }],
  ['refuses a delta from before the list', base, 'delta', { delta: crl({ number: 7, extensions: [deltaOf(6)] }) }],
  ['refuses a delta of another scope', base, 'delta', { delta: crl({ number: 8, extensions: [deltaOf(7), idp(only(1))] }) }],
  ['refuses a delta that has run out', base, 'expired', { delta: crl({ number: 8, nextUpdateMs: NOW_MS - 1, extensions: [deltaOf(7)] }) }],
  ['refuses a forged delta', base, 'signature', { delta: crl({ number: 8, signer: ecKeys().privateKey, extensions: [deltaOf(7)] }) }],
]
for (const [claim, list, expected, options] of rows) {
  test(`${claim}`, () => assert.equal(verdict(list, options), expected))
}

const elsewhere = forgeCa({ subject: commonName('crl issuer') })
const otherIssuer = sequence(extension('2.5.29.29', true, sequence(san.directory(root.subject))))
const pointed = leafWith(sequence(uri(shard), der(0xa2, san.directory(elsewhere.subject))))
const indirect: readonly (readonly [claim: string, options: ForgeCrlOptions, certificate: Uint8Array, verdict: string])[] = [
  ['finds an entry of this issuer in a list of another', { serials: [SERIAL], entryExtensions: otherIssuer }, pointed, 'revoked'],
  ['does not find the number of another issuer there', { serials: [SERIAL] }, pointed, 'good'],
  [
    'refuses the list of another where the certificate does not name it',
    { serials: [SERIAL], entryExtensions: otherIssuer },
    orders,
    'issuer',
  ],
]
for (const [claim, options, certificate, expected] of indirect) {
  test(claim, () => {
    const list = crl({ ...options, extensions: [idp(uri(shard), only(4))] }, elsewhere)
    assert.equal(verdict(list, { issuer: elsewhere.der, certificate }), expected)
  })
}

test('says what it says', () => {
  const found = verifyCrl({ crl: crl({ number: 300, serials: [SERIAL, integer(2)] }), issuer: pem(root.der), time: new Date(NOW_MS) })
  assert.ok(!('refused' in found))
  assert.deepEqual([found.number, found.entries, found.status, found.issuer], ['300', 2, null, 'CN=root'])
  assert.deepEqual([found.thisUpdate, found.nextUpdate], [new Date(NOW_MS - DAY_MS), new Date(NOW_MS + DAY_MS)])
  assert.deepEqual([found.lists('f00d'), found.lists('2'), found.lists('3')], [true, true, false])
})

test('takes no option that it does not know, and no time that is none', () => {
  const wrong: readonly (readonly [object, string, string])[] = [
    [{ cert: orders }, 'cert', 'ERR_OPTION_UNKNOWN'],
    [{ time: new Date(Number.NaN) }, 'time', 'ERR_OPTION_INVALID'],
    [{ clockSkewSeconds: 301 }, 'clockSkewSeconds', 'ERR_OPTION_INVALID'],
    [{ delta: null }, 'delta', 'ERR_OPTION_INVALID'],
  ]
  for (const [options, option, code] of wrong) assert.throws(() => verdict(base, options), { code, option })
})

test('believes no list of which any octet was changed', () => {
  const list = crl({ serials: [integer(1)] })
  for (let i = 0; i < list.length; i++) {
    const changed = Uint8Array.from(list)
    changed[i] = (changed[i] ?? 0) ^ 0x01
    assert.notEqual(verdict(changed), 'good', `octet ${i}`)
  }
})
