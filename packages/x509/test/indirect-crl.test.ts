import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ChainRequest, verifyCrl } from '@countersign/x509'
import { root, verdictOf } from './chain.js'
import { bytes, commonName, der, integer, san, sequence } from './der.js'
import {
  crlEntry,
  extension,
  type ForgeCrlOptions,
  type Forged,
  type ForgeOptions,
  forge,
  forgeCa,
  forgeCrl,
  NOW_MS,
  pem,
} from './forge.js'
import { connectionWith, createStage, folder, open, type Stage, stayAlive, verdict } from './stage.js'

const UNKNOWN = 'ERR_PEER_REVOCATION_UNKNOWN'
const REVOKED = 'ERR_PEER_REVOKED'
const ID = 'spiffe://prod.example/orders'
const LISTS = commonName('lists')
const SERIAL = integer(0xf00d)
const LISTS_SERIAL = integer(0x51)
const URL_ = 'http://crl.test/all.crl'

type Field = Uint8Array
const uri = (value: string): Field => der(0xa0, der(0xa0, san.uri(value)))
const crlIssuer = (name: Uint8Array): Field => der(0xa2, san.directory(name))
const reasonFlags = (flags: number): Field => der(0x81, bytes(0, flags >> 8, flags & 0x80))
const pointsTo = (...points: readonly (readonly Field[])[]): Uint8Array =>
  extension('2.5.29.31', false, sequence(...points.map((fields) => sequence(...fields))))
const INDIRECT = der(0x84, bytes(0xff))
const idp = (...fields: readonly Field[]): Uint8Array => extension('2.5.29.28', true, sequence(...fields))
const certificateIssuer = (name: Uint8Array): Uint8Array => extension('2.5.29.29', true, sequence(san.directory(name)))
const reason = (code: number): Uint8Array => extension('2.5.29.21', false, der(0x0a, bytes(code)))
const entryOf = (name: Uint8Array, serial = SERIAL): Uint8Array => crlEntry(serial, sequence(certificateIssuer(name)))

const issuing = forgeCa({ issuer: root, subject: commonName('issuing') })
const listsOf = (issuer: Forged, options: ForgeOptions = {}): Forged =>
  forge({ issuer, subject: LISTS, keyUsage: [0x02], purposes: null, serial: LISTS_SERIAL, ...options })
const lists = listsOf(root)
const leafWith = (...extensions: readonly Uint8Array[]): Forged =>
  forge({ issuer: issuing, serial: SERIAL, sans: [san.uri(ID)], extensions })
const named = leafWith(pointsTo([crlIssuer(LISTS)]))
const rootList = forgeCrl(root)
const indirect = (options: ForgeCrlOptions = {}, by: Forged = lists): Uint8Array =>
  forgeCrl(by, { ...options, extensions: options.extensions ?? [idp(INDIRECT)] })

function judge(
  crls: readonly Uint8Array[],
  leaf: Forged = named,
  by: readonly Forged[] = [lists],
  request: Partial<ChainRequest> = {},
): string {
  return verdictOf(leaf, { intermediates: [issuing, ...by].map((one) => one.der), crls: [rootList, ...crls], ...request })
}

test('believes an indirect CRL of the issuer that the certificate names', () => {
  assert.equal(judge([indirect()]), 'valid')
  assert.equal(judge([indirect({ entries: [entryOf(issuing.subject)] })]), REVOKED)
  assert.equal(judge([indirect({ entries: [entryOf(issuing.subject)] })], named, []), UNKNOWN)
})

test('believes it of an anchor and of a CA on the path', () => {
  const byRoot = leafWith(pointsTo([crlIssuer(root.subject)]))
  assert.equal(judge([], byRoot, [], { crls: [indirect({}, root)] }), 'valid')
  assert.equal(judge([], byRoot, [], { crls: [indirect({ entries: [entryOf(issuing.subject)] }, root)] }), REVOKED)
  assert.equal(judge([], byRoot, [], { crls: [indirect({ extensions: [] }, root)] }), UNKNOWN)
})

const rows: readonly (readonly [claim: string, verdict: string, crl: Uint8Array, leaf?: Forged])[] = [
  ['finds nothing in the entries of its own', 'valid', indirect({ serials: [SERIAL] })],
  ['finds nothing in the entries of another', 'valid', indirect({ entries: [entryOf(commonName('other'))] })],
  [
    'gives an entry without an issuer that of the one before',
    REVOKED,
    indirect({ entries: [entryOf(issuing.subject, integer(1)), crlEntry(SERIAL)] }),
  ],
  [
    'gives an entry after its own name back to itself',
    'valid',
    indirect({ entries: [entryOf(issuing.subject, integer(1)), entryOf(LISTS, integer(2)), crlEntry(SERIAL)] }),
  ],
  ['refuses a list that is not indirect', UNKNOWN, indirect({ extensions: [] })],
  ['refuses a list where the certificate names nobody', UNKNOWN, indirect(), leafWith()],
  ['refuses a list where the certificate names another', UNKNOWN, indirect(), leafWith(pointsTo([crlIssuer(commonName('other'))]))],
  ['refuses what such a list says of who does not name it', UNKNOWN, indirect({ entries: [entryOf(issuing.subject)] }), leafWith()],
  ['refuses a list for other points', UNKNOWN, indirect({ extensions: [idp(uri('http://crl.test/1'), INDIRECT)] })],
  ['refuses a list for CAs', UNKNOWN, indirect({ extensions: [idp(der(0x82, bytes(0xff)), INDIRECT)] })],
  [
    'takes a list for the point that it is named at',
    'valid',
    indirect({ extensions: [idp(uri(URL_), INDIRECT)] }),
    leafWith(pointsTo([uri(URL_), crlIssuer(LISTS)])),
  ],
  [
    'refuses a list for a point that it is not named at',
    UNKNOWN,
    indirect({ extensions: [idp(uri(URL_), INDIRECT)] }),
    leafWith(pointsTo([uri(URL_)], [uri('http://crl.test/1'), crlIssuer(LISTS)])),
  ],
  [
    'refuses a list that is asked about some reasons alone',
    UNKNOWN,
    indirect(),
    leafWith(pointsTo([reasonFlags(0x6000), crlIssuer(LISTS)])),
  ],
]
for (const [claim, expected, crl, leaf] of rows) test(claim, () => assert.equal(judge([crl], leaf), expected))

test('does not take the list of its own CA for the one of the issuer that it names', () => {
  const pointed = leafWith(pointsTo([uri(URL_), crlIssuer(LISTS)]))
  const ofPoint = (options: ForgeCrlOptions = {}): Uint8Array => forgeCrl(issuing, { extensions: [idp(uri(URL_))], ...options })
  assert.equal(judge([ofPoint()], pointed), UNKNOWN)
  assert.equal(judge([ofPoint({ extensions: [idp(uri(URL_), INDIRECT)] })], pointed), UNKNOWN)
  assert.equal(judge([ofPoint({ serials: [SERIAL] })], pointed), REVOKED)
  // A CA that names itself says so in an indirect list (RFC 5280 §6.3.3 (b)(1)).
  const toItself = leafWith(pointsTo([uri(URL_), crlIssuer(issuing.subject)]))
  assert.equal(judge([ofPoint()], toItself), UNKNOWN)
  assert.equal(judge([ofPoint({ extensions: [idp(uri(URL_), INDIRECT)] })], toItself), 'valid')
  // One for all certificates of its CA is for this one too.
  assert.equal(judge([forgeCrl(issuing)], pointed), 'valid')
})

test('finds entries that name the issuer of the CRL itself', () => {
  const list = forgeCrl(issuing, { entries: [entryOf(issuing.subject)], extensions: [idp(INDIRECT)] })
  assert.equal(judge([list], leafWith()), REVOKED)
  const certificate = leafWith().der
  const found = verifyCrl({ crl: list, issuer: issuing.der, certificate, time: new Date(NOW_MS) })
  assert.ok(!('refused' in found))
  assert.deepEqual([found.status, found.entries, found.lists('f00d')], ['revoked', 1, true])
})

test('keeps what a delta CRL takes off to the issuer that it names', () => {
  const complete = indirect({ entries: [entryOf(issuing.subject)] })
  const base = extension('2.5.29.27', true, integer(7))
  const delta = (name: Uint8Array, ...before: readonly Uint8Array[]): Uint8Array =>
    indirect({
      number: 8,
      entries: [...before, crlEntry(SERIAL, sequence(reason(8), certificateIssuer(name)))],
      extensions: [idp(INDIRECT), base],
    })
  assert.equal(judge([complete, delta(commonName('other'))]), REVOKED)
  assert.equal(judge([complete, delta(LISTS)]), REVOKED)
  assert.equal(judge([complete, delta(issuing.subject)]), 'valid')
  assert.equal(judge([complete, delta(commonName('other'), entryOf(issuing.subject, integer(1)))]), REVOKED)
})

test('does not let a delta CRL of one issuer take off what another lists', () => {
  const complete = forgeCrl(issuing, { serials: [SERIAL], extensions: [idp(INDIRECT)] })
  const unnumbered = listsOf(root, { withoutKeyIds: true })
  const takesOff = crlEntry(SERIAL, sequence(reason(8), certificateIssuer(issuing.subject)))
  const extensions = [idp(INDIRECT), extension('2.5.29.27', true, integer(7))]
  const delta = indirect({ number: 8, entries: [takesOff], extensions }, { ...unnumbered, keyId: issuing.keyId })
  assert.equal(judge([complete, delta], named, [unnumbered]), REVOKED)
})

test('asks where the named issuer comes from, and whether it was revoked', () => {
  const elsewhere = forgeCa({ subject: commonName('elsewhere') })
  const stranger = listsOf(elsewhere)
  const anchors = [root.der, elsewhere.der]
  assert.equal(judge([indirect({}, stranger), forgeCrl(elsewhere)], named, [stranger], { anchors }), UNKNOWN)
  assert.equal(judge([indirect({}, stranger), forgeCrl(elsewhere)], named, [stranger, elsewhere], { anchors }), UNKNOWN)
  assert.equal(judge([indirect({}, stranger), indirect(), forgeCrl(elsewhere)], named, [stranger, lists], { anchors }), 'valid')
  assert.equal(judge([], named, [lists], { crls: [forgeCrl(root, { serials: [LISTS_SERIAL] }), indirect()] }), UNKNOWN)
  const expired = listsOf(root, { validToMs: NOW_MS - 60_000 })
  assert.equal(judge([indirect({}, expired)], named, [expired]), UNKNOWN)
})

test('takes the word of a CA that a CRL issuer stands in its own list, and no other word', () => {
  const itself = listsOf(issuing, { extensions: [pointsTo([crlIssuer(LISTS)])] })
  assert.equal(judge([indirect({}, itself)], named, [itself]), 'valid')
  assert.equal(judge([indirect({ entries: [entryOf(issuing.subject, LISTS_SERIAL)] }, itself)], named, [itself]), UNKNOWN)
  // Where its certificate does not say so, its CA has to answer.
  const silent = listsOf(issuing)
  assert.equal(judge([indirect({}, silent)], named, [silent]), UNKNOWN)
  assert.equal(judge([indirect({}, silent), forgeCrl(issuing)], named, [silent]), 'valid')
})

test('never lets a list answer for a CA that its own signer hangs from', () => {
  const scoped = idp(uri('http://crl.test/root'))
  const rootOfPoint = forgeCrl(root, { extensions: [scoped] })
  const at = pointsTo([uri('http://crl.test/root')])
  const ca = forgeCa({ issuer: root, subject: commonName('issuing'), extensions: [at] })
  const leaf = forge({ issuer: ca, serial: SERIAL, extensions: [pointsTo([crlIssuer(LISTS)])] })
  const toLists = pointsTo([crlIssuer(LISTS)])
  const judgeBelow = (above: Uint8Array): string => {
    const helper = forgeCa({ issuer: root, subject: commonName('helper'), extensions: [above] })
    const itself = listsOf(helper, { extensions: [toLists] })
    return verdictOf(leaf, { intermediates: [ca.der, helper.der, itself.der], crls: [rootOfPoint, indirect({}, itself)] })
  }
  assert.equal(judgeBelow(at), 'valid')
  assert.equal(judgeBelow(toLists), UNKNOWN)
})

test('believes it of files, with the issuer among the configured intermediates', async (t) => {
  const files = folder(t)
  const all = [rootList, indirect()].map((one, i) => files.write(`${i}.crl`, one))
  const trust = { trustDomain: 'prod.example', pem: pem(root.der) }
  const verifier = open(t, { trust, intermediates: { pem: pem(issuing.der, lists.der) }, revocation: { crl: { files: all } } })
  assert.equal(await verdict(verifier, connectionWith(named)), ID)
  files.write('1.crl', indirect({ number: 8, entries: [entryOf(issuing.subject)] }))
  assert.ok(verifier.reload())
  assert.equal(await verdict(verifier, connectionWith(named)), REVOKED)
  const bare = open(t, { trust, intermediates: { pem: pem(issuing.der) }, revocation: { crl: { files: all } } })
  assert.equal(await verdict(bare, connectionWith(named)), UNKNOWN)
})

test('fetches it from the place that the certificate names beside its issuer', async (t) => {
  const asked: string[] = []
  const fetch: typeof globalThis.fetch = async (url) => {
    asked.push(String(url))
    return new Response(new Uint8Array(indirect({ extensions: [idp(uri(URL_), INDIRECT)] })))
  }
  const stage: Stage = Object.assign({ ...createStage(), fetch }, { clock: { nowMs: () => NOW_MS } })
  const revocation = { crl: { distributionPoints: { hosts: ['crl.test'] } }, scope: 'leaf' } as const
  const trust = { trustDomain: 'prod.example', pem: pem(root.der) }
  const verifier = open(t, { trust, intermediates: { pem: pem(issuing.der, lists.der) }, revocation }, stage)
  stayAlive(t)
  const pointed = leafWith(pointsTo([uri(URL_), crlIssuer(LISTS)]))
  assert.equal(await verdict(verifier, connectionWith(pointed)), ID)
  assert.deepEqual(asked, [URL_])
})
