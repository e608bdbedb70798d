import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Peer } from '@countersign/core'
import { parseCertificate, type TrustAnchors } from '@countersign/x509'
import { bits, bytes, commonName, integer, NULL, name, oid, san, sequence, text } from './der.js'
import {
  DAY_MS,
  ECDSA_SHA1,
  ECDSA_SHA384,
  ecKeys,
  extension,
  type Forged,
  forge,
  forgeCa,
  NOW_MS,
  pem,
  rsaKeys,
  SERVER_AUTH,
} from './forge.js'
import { connectionOf, connectionWith, createStage, inboundOver, open, recalled, verdict } from './stage.js'

const root = forgeCa()
const otherRoot = forgeCa({ subject: commonName('other root') })
const middle = forgeCa({ issuer: root, subject: commonName('middle') })
const ID = 'spiffe://prod.example/orders'
const orders = forge({ issuer: root, sans: [san.uri(ID)] })
const trust = { trustDomain: 'prod.example', pem: pem(root.der) }
const plain = { trustDomain: null, pem: pem(root.der) }

function leaf(options: Parameters<typeof forge>[0] = {}): Forged {
  return forge({ issuer: root, sans: [san.uri(ID)], ...options })
}

/** Names that the code has to be right for, one leaf each. */
const refused: readonly (readonly [claim: string, leaf: Forged, code: string])[] = [
  ['a leaf of an unknown CA', leaf({ issuer: otherRoot }), 'ERR_PEER_UNTRUSTED'],
  ['a leaf of a CA that borrows the name of ours', leaf({ issuer: forgeCa() }), 'ERR_PEER_UNTRUSTED'],
  ['a self-signed leaf', forge({ sans: [san.uri(ID)] }), 'ERR_PEER_SELF_SIGNED'],
  ['an expired leaf', leaf({ validToMs: NOW_MS - 60_000 }), 'ERR_PEER_EXPIRED'],
  ['an expired leaf of an unknown CA as untrusted', leaf({ issuer: otherRoot, validToMs: NOW_MS - 60_000 }), 'ERR_PEER_UNTRUSTED'],
  ['a leaf that is not valid yet', leaf({ validFromMs: NOW_MS + 60_000 }), 'ERR_PEER_NOT_YET_VALID'],
  ['a leaf for servers alone', leaf({ purposes: [SERVER_AUTH] }), 'ERR_PEER_PURPOSE'],
  ['a leaf for any purpose alone', leaf({ purposes: ['2.5.29.37.0'] }), 'ERR_PEER_PURPOSE'],
  ['a leaf whose key may not sign', leaf({ keyUsage: [0x20] }), 'ERR_PEER_PURPOSE'],
  ['a leaf that may sign CRLs', leaf({ keyUsage: [0x82] }), 'ERR_PEER_PURPOSE'],
  ['a CA as a leaf', leaf({ ca: true }), 'ERR_PEER_IS_CA'],
  ['a leaf that may sign certificates', leaf({ keyUsage: [0x84] }), 'ERR_PEER_IS_CA'],
  ['an RSA leaf of 1024 bits', leaf({ keys: rsaKeys(1024) }), 'ERR_PEER_WEAK_KEY'],
  ['a leaf on another curve', leaf({ keys: ecKeys('secp256k1') }), 'ERR_PEER_WEAK_KEY'],
  ['a leaf signed with SHA-1', leaf({ signature: ECDSA_SHA1 }), 'ERR_PEER_WEAK_SIGNATURE'],
  ['a leaf with two URIs', leaf({ sans: [san.uri(ID), san.uri('spiffe://prod.example/admin')] }), 'ERR_PEER_NAME'],
  ['a leaf with a SPIFFE ID beside another URI', leaf({ sans: [san.uri('https://a.example/'), san.uri(ID)] }), 'ERR_PEER_NAME'],
  ['a leaf that names only a trust domain', leaf({ sans: [san.uri('spiffe://prod.example')] }), 'ERR_PEER_NAME'],
  ['an upper-case trust domain', leaf({ sans: [san.uri('spiffe://PROD.example/orders')] }), 'ERR_PEER_NAME'],
  ['an upper-case scheme', leaf({ sans: [san.uri('SPIFFE://prod.example/orders')] }), 'ERR_PEER_NAME'],
  ['a percent-encoded path', leaf({ sans: [san.uri('spiffe://prod.example/%6frders')] }), 'ERR_PEER_NAME'],
  ['a leaf without names', leaf({ sans: [] }), 'ERR_PEER_NAME'],
  ['a host name that is an address', leaf({ sans: [san.uri(ID), san.dns('192.0.2.1')] }), 'ERR_PEER_NAME'],
  ['a leaf of another trust domain', leaf({ sans: [san.uri('spiffe://other.example/orders')] }), 'ERR_PEER_UNTRUSTED'],
  ['a plain name where only a trust domain is vouched for', leaf({ sans: [san.dns('orders.prod.example')] }), 'ERR_PEER_UNTRUSTED'],
  ['an unknown critical extension', leaf({ extensions: [extension('1.2.3.4', true, NULL)] }), 'ERR_PEER_CHAIN_INVALID'],
  ['a NUL in a name', leaf({ sans: [san.dns('orders.prod.example\u0000.evil.example')] }), 'ERR_PEER_UNREADABLE'],
]

for (const [claim, certificate, code] of refused) {
  test(`refuses ${claim}`, async (t) => {
    const verifier = open(t, { trust })
    const connection = connectionWith(certificate)
    assert.equal(await verdict(verifier, connection), code)
    assert.equal(recalled(verifier, connection), code)
    assert.equal(connection.reads.count, 1)
  })
}

test('names a peer by its SPIFFE ID', async (t) => {
  const verifier = open(t, { trust })
  const finding = await verifier.verify(inboundOver(connectionWith(orders)))
  assert.ok(finding !== null && !('refused' in finding))
  const { certificate, ...rest } = finding
  assert.deepEqual(rest, {
    id: ID,
    identity: { kind: 'spiffe', authority: 'prod.example', value: ID },
    spiffeId: ID,
    provenance: 'connection',
    expiresAtMs: NOW_MS + DAY_MS + 1000 + 30_000,
  })
  assert.ok(certificate !== null)
  assert.deepEqual(certificate.der, new Uint8Array(orders.der))
  assert.ok(Object.isFrozen(finding) && Object.isFrozen(finding.identity) && Object.isFrozen(certificate))
})

test('accepts a chain through an intermediate and refuses it without', async (t) => {
  const verifier = open(t, { trust })
  const below = leaf({ issuer: middle })
  assert.equal(await verdict(verifier, connectionWith(below)), 'ERR_PEER_UNTRUSTED')
  assert.equal(await verdict(verifier, connectionWith(below, middle)), ID)
})

test('uses configured intermediates where the handshake brings none', async (t) => {
  const verifier = open(t, { trust, intermediates: { pem: pem(middle.der) } })
  assert.equal(await verdict(verifier, connectionWith(leaf({ issuer: middle }))), ID)
})

test('recognises a leaf that comes again without its intermediates', async (t) => {
  const verifier = open(t, { trust })
  const below = leaf({ issuer: middle })
  assert.equal(await verdict(verifier, connectionWith(below, middle)), ID)
  assert.equal(await verdict(verifier, connectionWith(below)), ID)
})

test('does not take a damaged leaf for the next certificate of the chain', async (t) => {
  const verifier = open(t, { trust })
  assert.equal(await verdict(verifier, connectionWith(orders.der.subarray(0, -1), orders)), 'ERR_PEER_UNREADABLE')
  assert.equal(await verdict(verifier, connectionWith(Buffer.concat([orders.der, bytes(0)]), orders)), 'ERR_PEER_UNREADABLE')
})

test('ignores an intermediate that cannot be read', async (t) => {
  const verifier = open(t, { trust })
  const below = leaf({ issuer: middle })
  assert.equal(await verdict(verifier, connectionWith(below, bytes(0x30, 0x80), new Uint8Array(70_000), middle)), ID)
})

test('refuses a self-signed leaf even where it is listed as an anchor', async (t) => {
  const alone = forgeCa({ sans: [san.uri(ID)], keyUsage: [0x86] })
  const verifier = open(t, { trust: { trustDomain: 'prod.example', pem: pem(alone.der) } })
  assert.equal(await verdict(verifier, connectionWith(alone)), 'ERR_PEER_SELF_SIGNED')
})

test('holds every CA of the path to its limits', async (t) => {
  const cases: readonly (readonly [string, Forged, Forged, string])[] = [
    ['no CA', forge({ issuer: root, subject: commonName('m1'), keyUsage: [0x06] }), root, 'ERR_PEER_CHAIN_INVALID'],
    ['no keyCertSign', forgeCa({ issuer: root, subject: commonName('m2'), keyUsage: [0x02] }), root, 'ERR_PEER_CHAIN_INVALID'],
    ['expired', forgeCa({ issuer: root, subject: commonName('m3'), validToMs: NOW_MS - 60_000 }), root, 'ERR_PEER_EXPIRED'],
    ['other purpose', forgeCa({ issuer: root, subject: commonName('m4'), purposes: [SERVER_AUTH] }), root, 'ERR_PEER_PURPOSE'],
    [
      'critical',
      forgeCa({ issuer: root, extensions: [extension('1.2.3', true, NULL)], subject: commonName('m5') }),
      root,
      'ERR_PEER_CHAIN_INVALID',
    ],
    ['short key', forgeCa({ issuer: root, subject: commonName('m6'), keys: rsaKeys(1024) }), root, 'ERR_PEER_WEAK_KEY'],
    ['SHA-1', forgeCa({ issuer: root, subject: commonName('m7'), signature: ECDSA_SHA1 }), root, 'ERR_PEER_WEAK_SIGNATURE'],
  ]
  for (const [what, ca, anchor, code] of cases) {
    const verifier = open(t, { trust: { trustDomain: 'prod.example', pem: pem(anchor.der) } })
    assert.equal(await verdict(verifier, connectionWith(leaf({ issuer: ca }), ca)), code, what)
  }
})

test('counts the path length and leaves self-issued CAs out of it', async (t) => {
  const limited = forgeCa({ issuer: root, subject: commonName('limited'), ca: { pathLength: 0 } })
  const below = forgeCa({ issuer: limited, subject: commonName('below') })
  const renewed = forgeCa({ issuer: limited, subject: commonName('limited') })
  const verifier = open(t, { trust })
  assert.equal(await verdict(verifier, connectionWith(leaf({ issuer: below }), below, limited)), 'ERR_PEER_CHAIN_INVALID')
  assert.equal(await verdict(verifier, connectionWith(leaf({ issuer: renewed }), renewed, limited)), ID)
})

test('accepts a leaf without extended key usage and one without key usage', async (t) => {
  const verifier = open(t, { trust })
  assert.equal(await verdict(verifier, connectionWith(leaf({ purposes: null }))), ID)
  assert.equal(await verdict(verifier, connectionWith(leaf({ keyUsage: null }))), ID)
})

test('accepts RSA, P-384, P-521 and Ed25519 leaves and issuers', async (t) => {
  const { generateKeyPairSync } = await import('node:crypto')
  for (const keys of [rsaKeys(2048), ecKeys('P-384'), ecKeys('P-521'), generateKeyPairSync('ed25519')]) {
    const ca = forgeCa({ keys })
    const verifier = open(t, { trust: { trustDomain: 'prod.example', pem: pem(ca.der) } })
    assert.equal(await verdict(verifier, connectionWith(leaf({ issuer: ca, keys }))), ID)
  }
})

test('allows a clock to be off by the skew and no more', async (t) => {
  const stage = createStage()
  const verifier = open(t, { trust, clockSkewSeconds: 30 }, stage)
  const late = leaf({ validToMs: NOW_MS })
  stage.nowMs = NOW_MS + 30_999
  assert.equal(await verdict(verifier, connectionWith(late)), ID)
  stage.nowMs = NOW_MS + 31_000
  assert.equal(await verdict(verifier, connectionWith(late)), 'ERR_PEER_EXPIRED')
})

test('refuses on an open connection once the certificate has expired', async (t) => {
  const stage = createStage()
  const verifier = open(t, { trust, clockSkewSeconds: 0 }, stage)
  const connection = connectionWith(orders)
  assert.equal(await verdict(verifier, connection), ID)
  stage.nowMs = NOW_MS + DAY_MS + 1000
  assert.equal(recalled(verifier, connection), 'ERR_PEER_EXPIRED')
  assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_EXPIRED')
})

test('does not lock anybody out after a clock was ahead for a moment', async (t) => {
  const stage = createStage()
  const verifier = open(t, { trust }, stage)
  const [seen, late] = [connectionWith(orders), connectionWith(leaf())]
  assert.equal(await verdict(verifier, seen), ID)
  stage.nowMs = NOW_MS + 100 * DAY_MS
  assert.equal(recalled(verifier, seen), 'ERR_PEER_EXPIRED')
  assert.equal(recalled(verifier, seen), 'ERR_PEER_EXPIRED')
  assert.equal(await verdict(verifier, late), 'ERR_PEER_EXPIRED')
  stage.nowMs = NOW_MS
  assert.equal(recalled(verifier, seen), ID)
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
})

test('accepts on an open connection once the certificate has become valid', async (t) => {
  const stage = createStage()
  const verifier = open(t, { trust, clockSkewSeconds: 0 }, stage)
  const connection = connectionWith(leaf({ validFromMs: NOW_MS + 60_000 }))
  assert.equal(await verdict(verifier, connection), 'ERR_PEER_NOT_YET_VALID')
  stage.nowMs = NOW_MS + 60_000
  assert.equal(recalled(verifier, connection), undefined)
  assert.equal(await verdict(verifier, connection), ID)
})

test('demands the minimum of key and hash that was asked for', async (t) => {
  const verifier = open(t, { trust, minimum: { rsaBits: 3072, hash: 'sha384' } })
  assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_WEAK_SIGNATURE')
  assert.equal(await verdict(verifier, connectionWith(leaf({ signature: ECDSA_SHA384 }))), ID)
  assert.equal(await verdict(verifier, connectionWith(leaf({ signature: ECDSA_SHA384, keys: rsaKeys(2048) }))), 'ERR_PEER_WEAK_KEY')
})

test('refuses a leaf without a usable name for that, also where a source cannot say who else vouches', async (t) => {
  const bundle = { trustDomain: 'prod.example', anchors: [root.der] }
  const source = { epoch: 0, get: (key: string) => (key === 'prod.example' ? bundle : undefined) }
  const twice = [san.uri(ID), san.uri('spiffe://prod.example/b')]
  for (const trusted of [source, trust]) {
    for (let round = 0; round < 2; round++) {
      const verifier = open(t, { trust: trusted })
      if (round > 0) await verdict(verifier, connectionWith(orders))
      assert.equal(await verdict(verifier, connectionWith(leaf({ sans: twice }))), 'ERR_PEER_NAME')
      assert.equal(await verdict(verifier, connectionWith(leaf({ sans: [] }))), 'ERR_PEER_NAME')
      assert.equal(await verdict(verifier, connectionWith(leaf({ sans: twice, validToMs: NOW_MS - 60_000 }))), 'ERR_PEER_EXPIRED')
      assert.equal(await verdict(verifier, connectionWith(forge())), 'ERR_PEER_SELF_SIGNED')
    }
  }
  assert.equal(await verdict(open(t, { trust }), connectionWith(leaf({ sans: twice, issuer: otherRoot }))), 'ERR_PEER_UNTRUSTED')
})

test('demands a pinned key on the path and takes the backup pin', async (t) => {
  const pinOf = (certificate: Forged): string => parseCertificate(certificate.der).spkiSha256
  const nobody = pinOf(otherRoot)
  const sameCa = leaf()
  const byLeaf = open(t, { trust, pins: [pinOf(orders), nobody] })
  assert.equal(await verdict(byLeaf, connectionWith(orders)), ID)
  assert.equal(await verdict(byLeaf, connectionWith(sameCa)), 'ERR_PEER_PIN_MISMATCH')
  const byBackup = open(t, { trust, pins: [nobody, pinOf(sameCa)] })
  assert.equal(await verdict(byBackup, connectionWith(sameCa)), ID)
  const byAnchor = open(t, { trust, pins: [pinOf(root), nobody] })
  assert.equal(await verdict(byAnchor, connectionWith(sameCa)), ID)
})

test('permits only the names it was told', async (t) => {
  const verifier = open(t, { trust, names: [{ under: 'spiffe://prod.example/shop' }] })
  assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_NAME_NOT_PERMITTED')
  const shop = 'spiffe://prod.example/shop/till'
  assert.equal(await verdict(verifier, connectionWith(leaf({ sans: [san.uri(shop)] }))), shop)
  assert.equal(
    await verdict(verifier, connectionWith(leaf({ sans: [san.uri('spiffe://prod.example/shopper')] }))),
    'ERR_PEER_NAME_NOT_PERMITTED',
  )
})

test('lets one CA vouch for every name where trust is one PEM without a trust domain', async (t) => {
  const { folder } = await import('./stage.js')
  const verifier = open(t, { trust: folder(t).write('ca.pem', pem(root.der)) })
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
  assert.equal(await verdict(verifier, connectionWith(leaf({ sans: [san.uri('spiffe://else.example/x')] }))), 'spiffe://else.example/x')
  assert.equal(await verdict(verifier, connectionWith(leaf({ sans: [san.dns('Orders.Prod.Example')] }))), 'orders.prod.example')
})

test('keeps the bundles of trust domains apart', async (t) => {
  const verifier = open(t, { trust: [trust, { trustDomain: 'partner.example', pem: pem(otherRoot.der) }] })
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
  assert.equal(await verdict(verifier, connectionWith(leaf({ issuer: otherRoot }))), 'ERR_PEER_UNTRUSTED')
  const partner = 'spiffe://partner.example/a'
  assert.equal(await verdict(verifier, connectionWith(leaf({ issuer: otherRoot, sans: [san.uri(partner)] }))), partner)
  assert.equal(await verdict(verifier, connectionWith(leaf({ sans: [san.uri(partner)] }))), 'ERR_PEER_UNTRUSTED')
})

test('does not let a trust domain vouch for a host name', async (t) => {
  const verifier = open(t, { trust: [plain, { trustDomain: 'partner.example', pem: pem(otherRoot.der) }], identifyBy: ['dns', 'spiffe'] })
  const both = [san.uri('spiffe://partner.example/a'), san.dns('billing.prod.example')]
  assert.equal(await verdict(verifier, connectionWith(leaf({ issuer: otherRoot, sans: both }))), 'ERR_PEER_UNTRUSTED')
  assert.equal(await verdict(verifier, connectionWith(leaf({ sans: [san.dns('billing.prod.example')] }))), 'billing.prod.example')
})

test('identifies by the kinds it was told, in their order', async (t) => {
  const subject = name([['2.5.4.3', text('orders,CN=admin')]])
  const many = leaf({ subject, sans: [san.dns('*.prod.example'), san.dns('orders.prod.example'), san.email('orders@prod.example')] })
  const byMail = open(t, { trust: plain, identifyBy: ['email', 'dns'] })
  assert.equal(await verdict(byMail, connectionWith(many)), 'orders@prod.example')
  const byHost = open(t, { trust: plain })
  assert.equal(await verdict(byHost, connectionWith(many)), 'orders.prod.example')
  const byCommonName = open(t, { trust: plain, identifyBy: ['cn'] })
  assert.equal(await verdict(byCommonName, connectionWith(many)), 'orders,CN=admin')
})

test('does not identify by the common name unless told', async (t) => {
  const verifier = open(t, { trust: plain })
  assert.equal(await verdict(verifier, connectionWith(leaf({ sans: [], subject: commonName('orders') }))), 'ERR_PEER_NAME')
})

test('refuses two common names and one with control characters', async (t) => {
  const verifier = open(t, { trust: plain, identifyBy: ['cn'] })
  const twice = name([['2.5.4.3', text('orders')]], [['2.5.4.3', text('admin')]])
  const inOne = name([
    ['2.5.4.3', text('orders')],
    ['2.5.4.3', text('admin')],
  ])
  for (const subject of [twice, inOne, commonName('orders\u0000.evil'), commonName('')]) {
    assert.equal(await verdict(verifier, connectionWith(leaf({ sans: [], subject }))), 'ERR_PEER_NAME')
  }
})

test('finds nothing presented on plain and Unix connections, or where the server did not ask', async (t) => {
  const verifier = open(t, { trust })
  const none = { kind: 'none' } as const
  for (const connection of [
    connectionOf(none, { transport: 'tcp', certificateRequested: false }),
    connectionOf(none, { transport: 'unix', remoteAddress: null, certificateRequested: false }),
    connectionOf(none, { certificateRequested: false }),
  ]) {
    assert.equal(recalled(verifier, connection), null)
    assert.equal(await verdict(verifier, connection), null)
    assert.equal(connection.reads.count, 0)
  }
})

test('finds nothing presented on a resumed connection without a certificate, whatever the socket claims', async (t) => {
  const verifier = open(t, { trust })
  const connection = connectionOf({ kind: 'none' }, { resumed: true })
  assert.equal(await verdict(verifier, connection), null)
  assert.equal(recalled(verifier, connection), null)
  assert.equal(connection.reads.count, 1)
})

test('tells a failed extraction from a missing certificate', async (t) => {
  const verifier = open(t, { trust })
  const cause = new Error('socket gone')
  const unreadable = connectionOf({ kind: 'unreadable', cause })
  assert.equal(await verdict(verifier, unreadable), 'ERR_PEER_UNREADABLE')
  assert.equal(recalled(verifier, unreadable), 'ERR_PEER_UNREADABLE')
  const throwing = connectionOf(() => {
    throw cause
  })
  assert.equal(await verdict(verifier, throwing), 'ERR_PEER_UNREADABLE')
})

test('reads a connection once, however many requests it carries', async (t) => {
  const verifier = open(t, { trust })
  const connection = connectionWith(orders)
  assert.equal(recalled(verifier, connection), undefined)
  await verdict(verifier, connection)
  for (let i = 0; i < 1000; i++) assert.equal(recalled(verifier, connection), ID)
  await verdict(verifier, connection)
  assert.equal(connection.reads.count, 1)
})

test('shares one peer between connections with the same leaf', async (t) => {
  const verifier = open(t, { trust })
  const [first, second] = [connectionWith(orders), connectionWith(new Uint8Array(orders.der))]
  await verdict(verifier, first)
  await verdict(verifier, second)
  assert.equal(verifier.recall(inboundOver(first)), verifier.recall(inboundOver(second)))
})

test('keeps the facts of two verifiers on one connection apart', async (t) => {
  const connection = connectionWith(orders)
  const [trusting, other] = [open(t, { trust }), open(t, { trust: { trustDomain: 'prod.example', pem: pem(otherRoot.der) } })]
  assert.equal(await verdict(trusting, connection), ID)
  assert.equal(await verdict(other, connection), 'ERR_PEER_UNTRUSTED')
  assert.equal(recalled(trusting, connection), ID)
})

test('judges a peer that it verified and refuses one that it did not', async (t) => {
  const stage = createStage()
  const verifier = open(t, { trust, clockSkewSeconds: 0 }, stage)
  const connection = connectionWith(orders)
  await verdict(verifier, connection)
  const peer = verifier.recall(inboundOver(connection)) as Peer
  assert.equal(verifier.judge(peer), null)
  assert.equal(verifier.judge({ ...peer })?.code, 'ERR_PEER_UNTRUSTED')
  stage.nowMs = NOW_MS + DAY_MS + 1000
  assert.equal(verifier.judge(peer)?.code, 'ERR_PEER_EXPIRED')
})

test('reports the first sight of a peer once', async (t) => {
  const stage = createStage()
  const verifier = open(t, { trust }, stage)
  await verdict(verifier, connectionWith(orders))
  await verdict(verifier, connectionWith(orders))
  const { serialNumber, fingerprint256 } = parseCertificate(orders.der)
  assert.deepEqual(
    stage.events.map(({ kind, facts }) => ({ kind, facts })),
    [{ kind: 'peer.first-seen', facts: { peer: ID, serialNumber, fingerprint256 } }],
  )
})

test('records when the first anchor ends', (t) => {
  const stage = createStage()
  const sooner = forgeCa({ subject: commonName('sooner'), validToMs: NOW_MS + 3_600_000 })
  open(t, { trust: { trustDomain: null, pem: pem(root.der, sooner.der) } }, stage)
  assert.deepEqual(stage.gauges, [{ name: 'security_cert_expiry_seconds', value: 3600, labels: { kind: 'anchor' } }])
})

test('says what it enforces and names its anchors', async (t) => {
  const verifier = open(t, { trust })
  await verifier.ready()
  assert.equal(`${verifier}`, 'trust prod.example (1 anchor), revocation not checked')
  assert.deepEqual(verifier.trustAnchors(), [pem(root.der)])
})

test('says of which bundle revocation is checked', (t) => {
  const bundle = (trustDomain: string, revocation: TrustAnchors['revocation']): TrustAnchors => ({
    trustDomain,
    pem: pem(root.der),
    ...(revocation === undefined ? {} : { revocation }),
  })
  const prod = bundle('prod.example', { ocsp: { hosts: ['ocsp.test'] } })
  const one = open(t, { trust: [prod, bundle('partner.example', undefined)] })
  assert.match(`${one}`, /, revocation not checked, revocation of the chain by OCSP for prod\.example$/)
  const each = open(t, { trust: [prod, bundle('partner.example', null)] })
  assert.match(`${each}`, /\), revocation of the chain by OCSP for prod\.example, revocation not checked for partner\.example$/)
})

test('gives up on a path that takes too many signatures', async (t) => {
  const maze = [forgeCa({ subject: commonName('maze'), withoutKeyIds: true })]
  for (let i = 0; i < 31; i++) maze.unshift(forgeCa({ subject: commonName('maze'), issuer: maze[0] ?? root, withoutKeyIds: true }))
  const verifier = open(t, { trust })
  const finding = await verifier.verify(
    inboundOver(connectionWith(leaf({ issuer: maze[0] ?? root, withoutKeyIds: true }), ...maze.reverse())),
  )
  assert.ok(finding !== null && 'refused' in finding)
  assert.equal(finding.code, 'ERR_PEER_TOO_COMPLEX')
  assert.equal(finding.facts['signatures'], 65)
})

test('gives up on a graph of too many paths', async (t) => {
  const layers = Array.from({ length: 8 }, (_, i) => ({ subject: commonName(`layer ${i}`), keys: ecKeys() }))
  const graph = layers.slice(0, 7).flatMap((layer, i) => {
    const above = layers[i + 1] ?? layer
    const issuer = { ...root, subject: above.subject, privateKey: above.keys.privateKey }
    return Array.from({ length: 4 }, () => forgeCa({ ...layer, issuer }))
  })
  const [bottom = root] = graph
  const verifier = open(t, { trust })
  const finding = await verifier.verify(inboundOver(connectionWith(leaf({ issuer: bottom }), ...graph)))
  assert.ok(finding !== null && 'refused' in finding)
  assert.equal(finding.code, 'ERR_PEER_TOO_COMPLEX')
})

test('gives up on more intermediates than a handshake brings, and on a path that is too long', async (t) => {
  const verifier = open(t, { trust })
  assert.equal(await verdict(verifier, connectionWith(orders, ...Array.from({ length: 49 }, () => middle))), 'ERR_PEER_TOO_COMPLEX')
  const chain = [root]
  for (let i = 0; i < 9; i++) chain.unshift(forgeCa({ issuer: chain[0] ?? root, subject: commonName(`ca ${i}`) }))
  assert.equal(await verdict(verifier, connectionWith(leaf({ issuer: chain[0] ?? root }), ...chain)), 'ERR_PEER_TOO_COMPLEX')
})

test('does not hand OpenSSL a key that is costly or broken', async (t) => {
  const exponent = (2n ** 2047n + 1n) | 1n
  const modulus = (2n ** 2048n - 1n) | 1n
  const rsa = (n: bigint, e: bigint): Uint8Array =>
    sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(sequence(integer(n), integer(e))))
  const ec = (point: Uint8Array): Uint8Array => sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')), bits(point))
  const offCurve = ec(Buffer.concat([bytes(4), Buffer.alloc(64, 1)]))
  for (const spki of [
    rsa(modulus, exponent),
    rsa(2n ** 16_383n + 1n, 65_537n),
    rsa(modulus, 1n),
    rsa(modulus, 65_536n),
    rsa(2n ** 2047n, 3n),
  ]) {
    const verifier = open(t, { trust })
    assert.equal(await verdict(verifier, connectionWith(leaf({ spki }))), 'ERR_PEER_WEAK_KEY')
    const ca = forgeCa({ issuer: root, subject: commonName('odd'), spki })
    assert.equal(await verdict(verifier, connectionWith(leaf({ issuer: ca }), ca)), 'ERR_PEER_WEAK_KEY')
  }
  const verifier = open(t, { trust })
  const broken = forgeCa({ issuer: root, subject: commonName('off the curve'), spki: offCurve })
  assert.equal(await verdict(verifier, connectionWith(leaf({ issuer: broken }), broken)), 'ERR_PEER_WEAK_KEY')
  assert.equal(await verdict(verifier, connectionWith(leaf({ spki: ec(bytes(4, 1, 2)) }))), 'ERR_PEER_UNREADABLE')
})
