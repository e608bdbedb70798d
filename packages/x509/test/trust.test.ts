import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import { MisuseError, type Peer, type Source, type TrustBundle } from '@countersign/core'
import { createPeerVerifier, type MtlsOptions } from '@countersign/x509'
import { commonName, integer, san } from './der.js'
import { DAY_MS, extension, forge, forgeCa, NOW_MS, pem } from './forge.js'
import { connectionOf, connectionWith, createStage, folder, inboundOver, open, recalled, stayAlive, verdict } from './stage.js'

const ID = 'spiffe://prod.example/orders'
const root = forgeCa()
const next = forgeCa({ subject: commonName('next') })
const orders = forge({ issuer: root, sans: [san.uri(ID)] })
const renewed = forge({ issuer: next, sans: [san.uri(ID)] })

test('uses a new bundle and reaches open connections when an anchor is removed', async (t) => {
  const files = folder(t)
  const stage = createStage()
  const file = files.write('ca.pem', pem(root.der))
  const verifier = open(t, { trust: file }, stage)
  const [old, young] = [connectionWith(orders), connectionWith(renewed)]
  assert.equal(await verdict(verifier, old), ID)
  assert.equal(await verdict(verifier, young), 'ERR_PEER_UNTRUSTED')
  const peer = verifier.recall(inboundOver(old)) as Peer

  files.write('ca.pem', pem(root.der, next.der))
  assert.equal(verifier.reload(), true)
  assert.equal(recalled(verifier, old), ID)
  assert.equal(verifier.recall(inboundOver(old)), peer)
  assert.equal(recalled(verifier, young), undefined)
  assert.equal(await verdict(verifier, young), ID)
  assert.equal(`${verifier}`, `trust ${file} (2 anchors), revocation not checked`)

  files.write('ca.pem', pem(next.der))
  assert.equal(verifier.reload(), true)
  assert.equal(verifier.judge(peer)?.code, 'ERR_PEER_UNTRUSTED')
  assert.equal(await verdict(verifier, old), 'ERR_PEER_UNTRUSTED')
  assert.equal(recalled(verifier, old), 'ERR_PEER_UNTRUSTED')
  assert.equal(await verdict(verifier, connectionOf({ kind: 'certificate', leaf: orders.der, intermediates: [] })), 'ERR_PEER_UNTRUSTED')
  assert.equal(recalled(verifier, young), ID)

  files.write('ca.pem', pem(root.der))
  assert.equal(verifier.reload(), true)
  assert.equal(verifier.judge(peer), null)
  assert.equal(await verdict(verifier, old), ID)
  assert.deepEqual(
    stage.events.filter(({ kind }) => kind === 'trust.reloaded').map(({ facts }) => facts),
    [2, 1, 1].map((count) => ({ option: 'mtls.trust', count })),
  )
})

test('holds a resumed connection to the anchors of now, with the intermediates of the first handshake', async (t) => {
  const files = folder(t)
  const crossed = forgeCa({ issuer: next, subject: root.subject, spki: root.spki, serial: integer(77) })
  const file = files.write('ca.pem', pem(root.der))
  const middle = forgeCa({ issuer: root, subject: commonName('middle') })
  const leaf = forge({ issuer: middle, sans: [san.uri(ID)] })
  const verifier = open(t, { trust: file, intermediates: { pem: pem(crossed.der) } })
  assert.equal(await verdict(verifier, connectionWith(leaf, middle)), ID)
  files.write('ca.pem', pem(next.der))
  assert.ok(verifier.reload())
  assert.equal(await verdict(verifier, connectionWith(leaf)), ID)
})

test('finds a changed file by itself', async (t) => {
  stayAlive(t)
  const files = folder(t)
  const stage = createStage()
  const changes = new EventEmitter()
  const recorder = {
    ...stage.recorder,
    record: (event: { readonly kind: string }) => changes.emit(event.kind),
  }
  const verifier = open(t, { trust: files.write('ca.pem', pem(root.der)), reloadIntervalMs: 10 }, { ...stage, recorder })
  const seen = once(changes, 'trust.reloaded')
  files.write('ca.pem', pem(next.der))
  await seen
  assert.equal(await verdict(verifier, connectionWith(renewed)), ID)
})

test('keeps the old bundle while the new one is damaged, empty or wholly expired', async (t) => {
  const files = folder(t)
  const stage = createStage()
  const verifier = open(t, { trust: files.write('ca.pem', pem(root.der)) }, stage)
  const past = forgeCa({ validToMs: NOW_MS - DAY_MS, validFromMs: NOW_MS - 2 * DAY_MS })
  for (const broken of [pem(next.der).slice(0, -40), '', pem(past.der), pem(orders.der)]) {
    files.write('ca.pem', broken)
    assert.equal(verifier.reload(), false)
    assert.equal(await verdict(verifier, connectionWith(orders)), ID)
  }
  const failed = stage.events.filter(({ kind }) => kind === 'trust.reload-failed')
  const file = files.write('ca.pem', '')
  assert.deepEqual(
    failed.map(({ facts }) => facts['file']),
    [file, file, file, file],
  )
  const reasons = ['holds a damaged PEM block', 'holds no certificate', 'has expired', 'is not a CA certificate']
  for (const [i, reason] of reasons.entries()) assert.ok(String(failed[i]?.facts['reason']).includes(reason), reason)
})

test('reads a folder of anchors, in PEM and DER', async (t) => {
  const files = folder(t)
  files.write('a.pem', pem(root.der))
  files.write('b.der', next.der)
  const verifier = open(t, { trust: files.path })
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
  assert.equal(await verdict(verifier, connectionWith(renewed)), ID)
})

test('records a gauge that falls', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const stage = createStage()
  open(t, { trust: { trustDomain: null, pem: pem(root.der) } }, stage)
  stage.nowMs += 60_000
  t.mock.timers.tick(60_000)
  assert.deepEqual(
    stage.gauges.map(({ value }) => value),
    [86_400, 86_340],
  )
})

test('asks a source of bundles for the trust domain of the leaf, and follows its epoch', async (t) => {
  const bundles = new Map<string, TrustBundle>([['prod.example', { trustDomain: 'prod.example', anchors: [root.der] }]])
  let epoch = 1
  const source: Source<TrustBundle> = {
    get: (key) => bundles.get(key),
    get epoch() {
      return epoch
    },
  }
  const verifier = open(t, { trust: source })
  await verifier.ready()
  const connection = connectionWith(orders)
  assert.equal(await verdict(verifier, connection), ID)
  const elsewhere = forge({ issuer: root, sans: [san.uri('spiffe://else.example/a')] })
  assert.equal(await verdict(verifier, connectionWith(elsewhere)), 'ERR_PEER_UNTRUSTED')
  const named = forge({ issuer: root, sans: [san.dns('orders.prod.example')] })
  assert.equal(await verdict(verifier, connectionWith(named)), 'ERR_PEER_UNTRUSTED')
  bundles.set('', { trustDomain: null, anchors: [root.der] })
  assert.equal(await verdict(verifier, connectionWith(named)), 'orders.prod.example')
  assert.equal(verifier.trustAnchors().length, 1)

  bundles.set('prod.example', { trustDomain: 'prod.example', anchors: [next.der] })
  assert.equal(recalled(verifier, connection), ID)
  epoch++
  assert.equal(await verdict(verifier, connection), 'ERR_PEER_UNTRUSTED')
  assert.equal(await verdict(verifier, connectionWith(renewed)), ID)
})

test('does not believe a source that answers with the bundle of another trust domain, or with what is no CA', async (t) => {
  const source = (bundle: TrustBundle): Source<TrustBundle> => ({ get: () => bundle, epoch: 0 })
  const other = open(t, { trust: source({ trustDomain: 'else.example', anchors: [root.der] }) })
  assert.equal(await verdict(other, connectionWith(orders)), 'ERR_PEER_UNTRUSTED')
  const leafy = open(t, { trust: source({ trustDomain: 'prod.example', anchors: [orders.der, new Uint8Array(3)] }) })
  assert.equal(await verdict(leafy, connectionWith(orders)), 'ERR_PEER_UNTRUSTED')
})

test('is not ready while its source is not', async (t) => {
  const reason = new Error('no bundle')
  const verifier = open(t, { trust: { get: () => undefined, epoch: 0, ready: () => Promise.reject(reason) } })
  await assert.rejects(verifier.ready(), reason)
})

const PIN = Buffer.alloc(32, 1).toString('base64')
const BACKUP = Buffer.alloc(32, 2).toString('base64')
const inline = { trustDomain: 'prod.example', pem: pem(root.der) }
const wrong: readonly (readonly [claim: string, options: unknown, option: string, fix: RegExp])[] = [
  ['no options', undefined, 'mtls', /takes an object/],
  ['an unknown key', { trust: inline, revokation: null }, 'mtls.revokation', /revocation/],
  ['no trust', {}, 'mtls.trust', /write trust: 'ca\.pem'/],
  ['PEM where a path belongs', { trust: pem(root.der) }, 'mtls.trust', /looks like PEM: write `\{ trustDomain: '…', pem \}`/],
  ['an empty path', { trust: '' }, 'mtls.trust', /empty/],
  ['a missing file', { trust: '/nowhere/ca.pem' }, 'mtls.trust', /ENOENT/],
  ['a number', { trust: 5 }, 'mtls.trust', /takes an object/],
  ['an empty list', { trust: [] }, 'mtls.trust', /at least one/],
  ['no trust domain', { trust: { pem: pem(root.der) } }, 'mtls.trust.trustDomain', /or null/],
  ['a trust domain with a scheme', { trust: { trustDomain: 'spiffe://a', pem: 'x' } }, 'mtls.trust.trustDomain', /prod\.example/],
  ['a trust domain in upper case', { trust: [{ trustDomain: 'PROD', pem: 'x' }] }, 'mtls.trust[0].trustDomain', /prod\.example/],
  ['a file and PEM', { trust: { trustDomain: null, pem: 'x', file: 'y' } }, 'mtls.trust', /either/],
  ['PEM in file', { trust: { trustDomain: null, file: pem(root.der) } }, 'mtls.trust.file', /looks like PEM/],
  ['PEM that holds nothing', { trust: { trustDomain: null, pem: 'hello' } }, 'mtls.trust.pem', /no certificate/],
  ['damaged PEM', { trust: { trustDomain: null, pem: pem(root.der).slice(0, -9) } }, 'mtls.trust.pem', /damaged/],
  ['a leaf as an anchor', { trust: { trustDomain: null, pem: pem(root.der, orders.der) } }, 'mtls.trust.pem', /certificate 2 .*not a CA/],
  [
    'an anchor that is unreadable',
    { trust: { trustDomain: null, pem: pem(root.der.subarray(0, -2)) } },
    'mtls.trust.pem',
    /cannot be read/,
  ],
  ['no kinds', { trust: inline, identifyBy: [] }, 'mtls.identifyBy', /at least one/],
  ['an unknown kind', { trust: inline, identifyBy: ['spiffe', 'ip'] }, 'mtls.identifyBy[1]', /"spiffe"/],
  ['a kind twice', { trust: inline, identifyBy: ['spiffe', 'spiffe'] }, 'mtls.identifyBy', /twice/],
  ['a name with a wildcard', { trust: inline, names: ['spiffe://prod.example/*'] }, 'mtls.names[0]', /wildcard/],
  ['no names', { trust: inline, names: [] }, 'mtls.names', /at least one/],
  ['one pin', { trust: inline, pins: [PIN] }, 'mtls.pins', /two pins/],
  ['one pin twice', { trust: inline, pins: [PIN, PIN] }, 'mtls.pins', /two pins/],
  ['a pin that is no hash', { trust: inline, pins: [PIN, 'AAAA'] }, 'mtls.pins[1]', /spkiSha256/],
  ['a pin in hexadecimal', { trust: inline, pins: ['ab'.repeat(32), BACKUP] }, 'mtls.pins[0]', /base64/],
  ['a pin that is not canonical', { trust: inline, pins: [PIN, `${BACKUP.slice(0, -2)}J=`] }, 'mtls.pins[1]', /base64/],
  ['a minimum below', { trust: inline, minimum: { rsaBits: 1024 } }, 'mtls.minimum.rsaBits', /2048 or 3072/],
  ['SHA-1 as minimum', { trust: inline, minimum: { hash: 'sha1' } }, 'mtls.minimum.hash', /"sha256"/],
  ['an unknown minimum', { trust: inline, minimum: { ecBits: 256 } }, 'mtls.minimum.ecBits', /rsaBits/],
  ['a skew of an hour', { trust: inline, clockSkewSeconds: 3600 }, 'mtls.clockSkewSeconds', /0 to 300/],
  ['a skew of NaN', { trust: inline, clockSkewSeconds: Number.NaN }, 'mtls.clockSkewSeconds', /integer/],
  ['intermediates that are a path in PEM', { trust: inline, intermediates: pem(root.der) }, 'mtls.intermediates', /write `\{ pem \}`/],
  ['intermediates that hold nothing', { trust: inline, intermediates: { pem: 'x' } }, 'mtls.intermediates.pem', /no certificate/],
  ['intermediates in another key', { trust: inline, intermediates: { file: 'x' } }, 'mtls.intermediates.file', /pem/],
  ['an interval of none', { trust: inline, reloadIntervalMs: 0 }, 'mtls.reloadIntervalMs', /10 to/],
  ['revocation without CRLs', { trust: inline, revocation: {} }, 'mtls.revocation.crl', /files/],
  ['revocation with no files', { trust: inline, revocation: { crl: { files: [] } } }, 'mtls.revocation.crl.files', /at least one/],
  ['a missing CRL', { trust: inline, revocation: { crl: { files: ['/nowhere.crl'] } } }, 'mtls.revocation.crl.files', /ENOENT/],
  ['an unknown scope', { trust: inline, revocation: { crl: { files: ['a'] }, scope: 'all' } }, 'mtls.revocation.scope', /"leaf"/],
  [
    'an outage mode without a name',
    { trust: inline, revocation: { crl: { files: ['a'] }, whenUnavailable: 'allow' } },
    'mtls.revocation.whenUnavailable',
    /dangerously-allow/,
  ],
  [
    'staleness without a bound',
    { trust: inline, revocation: { crl: { files: ['a'] }, whenUnavailable: { staleSeconds: Number.POSITIVE_INFINITY } } },
    'mtls.revocation.whenUnavailable.staleSeconds',
    /integer/,
  ],
]

for (const [claim, options, option, fix] of wrong) {
  test(`does not start with ${claim}, and names the way out`, () => {
    assert.throws(
      () => createPeerVerifier(options as MtlsOptions, createStage()),
      (error) => error instanceof MisuseError && error.option === option && fix.test(error.message) && !error.message.includes('MII'),
    )
  })
}

test('does not start when every anchor has expired', () => {
  const past = forgeCa({ validToMs: NOW_MS - DAY_MS, validFromMs: NOW_MS - 2 * DAY_MS })
  const code = (error: unknown): boolean =>
    error instanceof MisuseError && error.code === 'ERR_TRUST_UNREADABLE' && /expired/.test(error.message)
  assert.throws(() => createPeerVerifier({ trust: { trustDomain: null, pem: pem(past.der) } }, createStage()), code)
})

test('does not change the options it was given, and reads them once', async (t) => {
  const identifyBy: ('spiffe' | 'dns')[] = ['spiffe']
  const options: MtlsOptions = Object.freeze({ trust: Object.freeze({ ...inline }), identifyBy })
  const verifier = open(t, options)
  identifyBy[0] = 'dns'
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
})

test('takes an anchor that is an intermediate of somebody else', async (t) => {
  const middle = forgeCa({ issuer: next, subject: commonName('partial'), extensions: [extension('1.2.3', false, integer(1))] })
  const verifier = open(t, { trust: { trustDomain: 'prod.example', pem: pem(middle.der) } })
  assert.equal(await verdict(verifier, connectionWith(forge({ issuer: middle, sans: [san.uri(ID)] }))), ID)
})

test('lets a connection bring the intermediates that another connection of the same leaf lacks', async (t) => {
  const files = folder(t)
  const middle = forgeCa({ issuer: root, subject: commonName('middle') })
  const crossed = forgeCa({ issuer: next, subject: middle.subject, spki: middle.spki })
  const leaf = forge({ issuer: middle, sans: [san.uri(ID)] })
  const verifier = open(t, { trust: files.write('ca.pem', pem(root.der)) })
  const [first, resumed, full] = [connectionWith(leaf, middle), connectionWith(leaf), connectionWith(leaf, crossed)]
  assert.equal(await verdict(verifier, first), ID)
  files.write('ca.pem', pem(next.der))
  assert.ok(verifier.reload())
  assert.equal(await verdict(verifier, first), 'ERR_PEER_UNTRUSTED')
  assert.equal(await verdict(verifier, resumed), 'ERR_PEER_UNTRUSTED')
  assert.equal(recalled(verifier, resumed), 'ERR_PEER_UNTRUSTED')
  assert.equal(await verdict(verifier, full), ID)
  assert.equal(await verdict(verifier, connectionWith(leaf)), ID)
})

test('says how trust is written where it is written in another way', () => {
  const rows: readonly (readonly [trust: unknown, code: string, option: string, message: RegExp])[] = [
    [Buffer.from(pem(root.der)), 'ERR_OPTION_INVALID', 'mtls.trust', /takes a file name, not a Buffer; or \{ trustDomain, pem \}/],
    [['ca.pem'], 'ERR_OPTION_INVALID', 'mtls.trust[0]', /write \{ trustDomain: 'prod\.example', file: 'ca\.pem' \}/],
    [{ trustDomain: 'spiffe://d.example', file: 'ca.pem' }, 'ERR_OPTION_INVALID', 'mtls.trust.trustDomain', /without spiffe:\/\//],
    ['no-such.pem', 'ERR_TRUST_UNREADABLE', 'mtls.trust', /cannot read no-such\.pem: ENOENT.* \(tried \/.*\/no-such\.pem\)/],
  ]
  for (const [trust, code, option, message] of rows)
    assert.throws(() => createPeerVerifier({ trust } as MtlsOptions, createStage()), {
      name: 'MisuseError',
      code,
      option,
      message,
    })
})

test('names no authority in the handshake where all of them would be more than it takes', (t) => {
  const partner = (count: number): string =>
    pem(...Array.from({ length: count }, (_, i) => forgeCa({ subject: commonName(`${'x'.repeat(900)}${i}`) }).der))
  for (const [count, named] of [
    [30, 31],
    [40, 0],
  ] as const) {
    const trust = [
      { trustDomain: 'prod.example', pem: pem(root.der) },
      { trustDomain: 'partner.example', pem: partner(count) },
    ]
    assert.equal(open(t, { trust }).trustAnchors().length, named)
  }
})
