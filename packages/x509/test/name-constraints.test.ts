import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commonName, der, integer, name, san, sequence, text } from './der.js'
import { extension, type Forged, forge, forgeCa, pem } from './forge.js'
import { connectionWith, open, verdict } from './stage.js'

const root = forgeCa()
const plain = { trustDomain: null, pem: pem(root.der) }
const spiffe = { trustDomain: 'prod.example', pem: pem(root.der) }
const ID = 'spiffe://prod.example/orders'

interface Subtrees {
  readonly permitted?: readonly Uint8Array[]
  readonly excluded?: readonly Uint8Array[]
}

function constraints({ permitted, excluded }: Subtrees): Uint8Array {
  const trees = (number: number, names: readonly Uint8Array[] | undefined): Uint8Array[] =>
    names === undefined ? [] : [der(0xa0 | number, ...names.map((one) => sequence(one)))]
  return extension('2.5.29.30', true, sequence(...trees(0, permitted), ...trees(1, excluded)))
}

function caWith(subtrees: Subtrees): Forged {
  return forgeCa({ issuer: root, subject: commonName('constrained'), extensions: [constraints(subtrees)] })
}

const HOST = 'orders.shop.example'
const directory = (value: string, tag = 0x0c): Uint8Array => name([['2.5.4.10', text(value, tag)]])
const subjectOf = (value: string, tag?: number): Uint8Array => name([['2.5.4.10', text(value, tag)]], [['2.5.4.3', text('orders')]])

const cases: readonly (readonly [
  claim: string,
  subtrees: Subtrees,
  sans: readonly Uint8Array[],
  accepted: boolean,
  subject?: Uint8Array,
])[] = [
  ['a host below a permitted one', { permitted: [san.dns('shop.example')] }, [san.dns(HOST)], true],
  ['the permitted host itself, in another case', { permitted: [san.dns('ORDERS.shop.example')] }, [san.dns(HOST)], true],
  ['a host that only ends like a permitted one', { permitted: [san.dns('hop.example')] }, [san.dns(HOST)], false],
  ['a host of which one of two is not permitted', { permitted: [san.dns('shop.example')] }, [san.dns(HOST), san.dns('a.example')], false],
  ['an excluded host', { excluded: [san.dns('shop.example')] }, [san.dns(HOST)], false],
  [
    'a host excluded within a permitted one',
    { permitted: [san.dns('example')], excluded: [san.dns('shop.example')] },
    [san.dns(HOST)],
    false,
  ],
  ['any host where the empty name is excluded', { excluded: [san.dns('')] }, [san.dns(HOST)], false],
  [
    'a wildcard that stands for an excluded host',
    { excluded: [san.dns('a.shop.example')] },
    [san.dns(HOST), san.dns('*.shop.example')],
    false,
  ],
  ['a wildcard that is wider than what is permitted', { permitted: [san.dns(HOST)] }, [san.dns(HOST), san.dns('*.shop.example')], false],
  ['a wildcard within what is permitted', { permitted: [san.dns('shop.example')] }, [san.dns(HOST), san.dns('*.shop.example')], true],
  ['a host where only addresses are constrained', { permitted: [san.ip(192, 0, 2, 0, 255, 255, 255, 0)] }, [san.dns(HOST)], true],
  ['an address in a permitted range', { permitted: [san.ip(192, 0, 2, 0, 255, 255, 255, 0)] }, [san.dns(HOST), san.ip(192, 0, 2, 9)], true],
  ['an address outside of it', { permitted: [san.ip(192, 0, 2, 0, 255, 255, 255, 0)] }, [san.dns(HOST), san.ip(192, 0, 3, 9)], false],
  [
    'an IPv6 address where IPv4 is permitted',
    { permitted: [san.ip(0, 0, 0, 0, 0, 0, 0, 0)] },
    [san.dns(HOST), san.ip(...new Array<number>(16).fill(1))],
    false,
  ],
  ['a mailbox of the permitted host', { permitted: [san.email('shop.example')] }, [san.dns(HOST), san.email('a@shop.example')], true],
  ['a mailbox below it', { permitted: [san.email('shop.example')] }, [san.dns(HOST), san.email('a@b.shop.example')], false],
  ['a mailbox below a dot', { permitted: [san.email('.shop.example')] }, [san.dns(HOST), san.email('a@b.shop.example')], true],
  ['the very mailbox', { permitted: [san.email('a@shop.example')] }, [san.dns(HOST), san.email('a@SHOP.example')], true],
  ['another mailbox', { permitted: [san.email('a@shop.example')] }, [san.dns(HOST), san.email('A@shop.example')], false],
  [
    'a mailbox in the subject',
    { permitted: [san.email('shop.example')] },
    [san.dns(HOST)],
    false,
    name([['1.2.840.113549.1.9.1', text('a@evil.example', 0x16)]]),
  ],
  [
    'a URI of the permitted host',
    { permitted: [san.uri('shop.example')] },
    [san.dns(HOST), san.uri('https://u@shop.example:8443/a')],
    true,
  ],
  ['a URI below it', { permitted: [san.uri('shop.example')] }, [san.dns(HOST), san.uri('https://a.shop.example/')], false],
  ['a URI below a dot', { permitted: [san.uri('.shop.example')] }, [san.dns(HOST), san.uri('https://a.shop.example/')], true],
  ['a URI without a host', { permitted: [san.uri('shop.example')] }, [san.dns(HOST), san.uri('urn:shop.example')], false],
  ['a URI without a host where one is excluded', { excluded: [san.uri('shop.example')] }, [san.dns(HOST), san.uri('urn:a:b')], false],
  ['a URI whose host is an address', { excluded: [san.uri('shop.example')] }, [san.dns(HOST), san.uri('https://192.0.2.1/')], false],
  ['a subject within the permitted directory', { permitted: [san.directory(directory('Shop'))] }, [san.dns(HOST)], true, subjectOf('Shop')],
  ['a subject in another spelling', { permitted: [san.directory(directory('Shop'))] }, [san.dns(HOST)], true, subjectOf(' sHOP ', 0x13)],
  ['a subject outside of it', { permitted: [san.directory(directory('Shop'))] }, [san.dns(HOST)], false, subjectOf('Shops')],
  [
    'an excluded subject in another spelling',
    { excluded: [san.directory(directory('Shop'))] },
    [san.dns(HOST)],
    false,
    subjectOf('SHOP', 0x13),
  ],
  [
    'a directory name outside of it',
    { permitted: [san.directory(directory('Shop'))] },
    [san.dns(HOST), san.directory(directory('Else'))],
    false,
    subjectOf('Shop'),
  ],
  [
    'a name of a kind that is constrained and not understood',
    { excluded: [san.registeredId('1.2.3')] },
    [san.dns(HOST), san.registeredId('1.2.4')],
    false,
  ],
  ['a name of a kind that is not constrained', { excluded: [san.registeredId('1.2.3')] }, [san.dns(HOST)], true],
]

for (const [claim, subtrees, sans, accepted, subject] of cases) {
  test(`${accepted ? 'accepts' : 'refuses'} under name constraints ${claim}`, async (t) => {
    const ca = caWith(subtrees)
    const leaf = forge({ issuer: ca, sans, ...(subject === undefined ? {} : { subject }) })
    assert.equal(await verdict(open(t, { trust: plain }), connectionWith(leaf, ca)), accepted ? HOST : 'ERR_PEER_CHAIN_INVALID')
  })
}

test('holds a CA to the SPIFFE trust domain that its constraints name', async (t) => {
  const leafOf = (ca: Forged): Forged => forge({ issuer: ca, sans: [san.uri(ID)] })
  const [own, other] = [caWith({ permitted: [san.uri('prod.example')] }), caWith({ permitted: [san.uri('else.example')] })]
  assert.equal(await verdict(open(t, { trust: spiffe }), connectionWith(leafOf(own), own)), ID)
  assert.equal(await verdict(open(t, { trust: spiffe }), connectionWith(leafOf(other), other)), 'ERR_PEER_CHAIN_INVALID')
})

test('holds intermediates to the constraints above them, but for those that are self-issued', async (t) => {
  const above = caWith({ permitted: [san.dns('shop.example')] })
  const leafOf = (ca: Forged): Forged => forge({ issuer: ca, sans: [san.dns(HOST)] })
  const below = forgeCa({ issuer: above, subject: commonName('below'), sans: [san.dns('ca.else.example')] })
  const selfIssued = forgeCa({ issuer: above, subject: above.subject, sans: [san.dns('ca.else.example')] })
  const verifier = open(t, { trust: plain })
  assert.equal(await verdict(verifier, connectionWith(leafOf(below), below, above)), 'ERR_PEER_CHAIN_INVALID')
  assert.equal(await verdict(verifier, connectionWith(leafOf(selfIssued), selfIssued, above)), HOST)
})

test('does not let a common name slip past constraints on host names', async (t) => {
  const ca = caWith({ permitted: [san.dns('shop.example')] })
  const leaf = forge({ issuer: ca, subject: commonName('billing.prod.example') })
  assert.equal(await verdict(open(t, { trust: plain, identifyBy: ['cn'] }), connectionWith(leaf, ca)), 'ERR_PEER_NAME')
})

test('refuses constraints in a leaf', async (t) => {
  const leaf = forge({ issuer: root, sans: [san.dns(HOST)], extensions: [constraints({ permitted: [san.dns('shop.example')] })] })
  assert.equal(await verdict(open(t, { trust: plain }), connectionWith(leaf)), 'ERR_PEER_CHAIN_INVALID')
})

test('does not read constraints that are none', async (t) => {
  const malformed: readonly Uint8Array[] = [
    san.dns('*.shop.example'),
    san.dns('.shop.example'),
    san.ip(192, 0, 2, 1),
    san.ip(192, 0, 2, 0, 255, 0, 255, 0),
    san.email('a@b@shop.example'),
    san.uri('https://shop.example'),
    Buffer.concat([san.dns('shop.example'), der(0x80, integer(1).subarray(2))]),
  ]
  for (const subtree of malformed) {
    const ca = caWith({ permitted: [subtree] })
    assert.equal(
      await verdict(open(t, { trust: plain }), connectionWith(forge({ issuer: ca, sans: [san.dns(HOST)] }), ca)),
      'ERR_PEER_UNTRUSTED',
    )
  }
  const none = caWith({})
  assert.equal(
    await verdict(open(t, { trust: plain }), connectionWith(forge({ issuer: none, sans: [san.dns(HOST)] }), none)),
    'ERR_PEER_UNTRUSTED',
  )
})

test('gives up where names times constraints are too many', async (t) => {
  const many = Array.from({ length: 250 }, (_, i) => san.dns(`a${i}.shop.example`))
  const ca = caWith({ permitted: [san.dns('shop.example'), ...many.slice(1)] })
  const leaf = forge({ issuer: ca, sans: many })
  assert.equal(await verdict(open(t, { trust: plain }), connectionWith(leaf, ca)), 'ERR_PEER_TOO_COMPLEX')
})
