import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commonName, name, san, sequence } from './der.js'
import { CERT_SIGN, CLIENT_AUTH, extension, type Forged, type ForgeOptions, forge, forgeCa, pem, SERVER_AUTH } from './forge.js'
import { connectionWith, open, verdict } from './stage.js'

const DOMAIN = 'prod.example'
const ID = 'spiffe://prod.example/orders'
const root = forgeCa({ sans: [san.uri('spiffe://prod.example')] })
const theirs = forgeCa({ subject: commonName('theirs'), sans: [san.uri('spiffe://partner.example')] })
const trust = [
  { trustDomain: DOMAIN, pem: pem(root.der) },
  { trustDomain: 'partner.example', pem: pem(theirs.der) },
]
const ENCIPHER_AND_AGREE = [0xa8]

interface Row {
  readonly claim: string
  readonly leaf: Forged
  readonly issuers?: readonly Forged[]
  /** The SPIFFE ID, or the code of the refusal. */
  readonly verdict: string
}

const leaf = (over: ForgeOptions = {}): Forged => forge({ issuer: root, sans: [san.uri(ID)], ...over })
const accepted = (claim: string, certificate: Forged, id = ID, issuers: readonly Forged[] = []): Row => ({
  claim: `accepts ${claim}`,
  leaf: certificate,
  issuers,
  verdict: id,
})
const refused = (claim: string, certificate: Forged, code: string, issuers: readonly Forged[] = []): Row => ({
  claim: `refuses ${claim}`,
  leaf: certificate,
  issuers,
  verdict: code,
})
const named = (...uris: readonly string[]): Forged => leaf({ sans: uris.map(san.uri) })
const signing = (over: ForgeOptions = {}): Forged => forgeCa({ issuer: root, subject: commonName('signing'), ...over })
const below = (issuer: Forged): Forged => leaf({ issuer })

const longestPath = `/${'a'.repeat(2048 - 'spiffe://prod.example/'.length)}`
const longestDomain = 'd'.repeat(255)

/** What X509-SVID and SPIFFE-ID have validators check. */
const rows: readonly Row[] = [
  // X509-SVID §2, §5.2: exactly one URI, whatever it is.
  accepted('one URI beside names of other types', leaf({ sans: [san.uri(ID), san.dns('orders.prod.example'), san.ip(192, 0, 2, 1)] })),
  refused('two SPIFFE IDs', named(ID, 'spiffe://prod.example/admin'), 'ERR_PEER_NAME'),
  refused('the same SPIFFE ID twice', named(ID, ID), 'ERR_PEER_NAME'),
  refused('a SPIFFE ID behind another URI', named('https://prod.example/orders', ID), 'ERR_PEER_NAME'),
  refused('a SPIFFE ID in front of another URI', named(ID, 'urn:uuid:f81d4fae'), 'ERR_PEER_NAME'),
  // X509-SVID §5.2: the scheme is spiffe.
  refused('a URI of another scheme', named('https://prod.example/orders'), 'ERR_PEER_NAME'),
  refused('no URI', leaf({ sans: [] }), 'ERR_PEER_NAME'),
  // X509-SVID §3.1, §5.2: a leaf has a path that is not the root.
  refused('a trust domain as a leaf', named('spiffe://prod.example'), 'ERR_PEER_NAME'),
  refused('the root path as a leaf', named('spiffe://prod.example/'), 'ERR_PEER_NAME'),
  // SPIFFE-ID §2.1: the trust domain.
  ...[
    'spiffe://PROD.example/orders',
    'spiffe://prod.example:443/orders',
    'spiffe://me@prod.example/orders',
    'spiffe://me:pw@prod.example/a',
  ].map((id) => refused(id, named(id), 'ERR_PEER_NAME')),
  refused('a space in a name, which no URI has', named('spiffe://prod.example/a b'), 'ERR_PEER_UNREADABLE'),
  ...['spiffe:///orders', 'spiffe:/orders', 'spiffe://prod%2eexample/orders', 'spiffe://prod.ex\u007fample/orders'].map((id) =>
    refused(JSON.stringify(id), named(id), id.includes('\u007f') ? 'ERR_PEER_UNREADABLE' : 'ERR_PEER_NAME'),
  ),
  refused('a scheme in upper case', named('SPIFFE://prod.example/orders'), 'ERR_PEER_NAME'),
  // SPIFFE-ID §2.2: the path.
  ...['/orders/', '//orders', '/a//b', '/.', '/..', '/a/./b', '/a/../b', '/a/..'].map((path) =>
    refused(`the path ${path}`, named(`spiffe://prod.example${path}`), 'ERR_PEER_NAME'),
  ),
  ...['/%6frders', '/a%2fb', '/a:b', '/a~b', '/a;b', '/a,b', '/a@b', '/a\\b', '/*'].map((path) =>
    refused(`the path ${path}`, named(`spiffe://prod.example${path}`), 'ERR_PEER_NAME'),
  ),
  accepted(
    'every letter that a path may have',
    named('spiffe://prod.example/a-Z_9/.../..a/a..'),
    'spiffe://prod.example/a-Z_9/.../..a/a..',
  ),
  // SPIFFE-ID §2: no query and no fragment.
  ...['?', '?a=b', '#', '#a'].map((end) => refused(`an ID that ends with ${end}`, named(`${ID}${end}`), 'ERR_PEER_NAME')),
  // SPIFFE-ID §2.3: 2048 bytes, and 255 of the trust domain.
  accepted('an ID of 2048 bytes', named(`spiffe://prod.example${longestPath}`), `spiffe://prod.example${longestPath}`),
  refused('an ID of 2049 bytes', named(`spiffe://prod.example${longestPath}a`), 'ERR_PEER_NAME'),
  refused('a trust domain of 255 bytes that nobody vouches for', named(`spiffe://${longestDomain}/a`), 'ERR_PEER_UNTRUSTED'),
  refused('a trust domain of 256 bytes', named(`spiffe://d${longestDomain}/a`), 'ERR_PEER_NAME'),
  // X509-SVID §4.1, §5.2: cA is false.
  refused('a leaf that is a CA', leaf({ ca: true }), 'ERR_PEER_IS_CA'),
  accepted('a leaf without basic constraints, which is no CA', leaf({ withoutConstraints: true })),
  // X509-SVID §4.3, §5.2: neither keyCertSign nor cRLSign; digitalSignature.
  refused('a leaf with keyCertSign', leaf({ keyUsage: [0x84] }), 'ERR_PEER_IS_CA'),
  refused('a leaf with cRLSign', leaf({ keyUsage: [0x82] }), 'ERR_PEER_PURPOSE'),
  refused('a leaf without digitalSignature', leaf({ keyUsage: [0x28] }), 'ERR_PEER_PURPOSE'),
  accepted('a leaf with keyEncipherment and keyAgreement too', leaf({ keyUsage: ENCIPHER_AND_AGREE })),
  // X509-SVID §4.4, RFC 5280 §4.2.1.12: the extension, where it is, lists what a caller needs.
  accepted('both usages', leaf({ purposes: [SERVER_AUTH, CLIENT_AUTH] })),
  accepted('no extended key usage', leaf({ purposes: null })),
  refused('a leaf for servers alone', leaf({ purposes: [SERVER_AUTH] }), 'ERR_PEER_PURPOSE'),
  // X509-SVID §3.2: signing certificates are no callers, and have no path in their SPIFFE ID.
  refused(
    'a signing certificate as a caller',
    signing({ sans: [san.uri('spiffe://prod.example')], keyUsage: CERT_SIGN }),
    'ERR_PEER_IS_CA',
  ),
  refused('a signing certificate with a path as a caller', signing({ sans: [san.uri(ID)] }), 'ERR_PEER_IS_CA'),
  ...[signing(), signing({ sans: [san.uri('spiffe://prod.example')] }), signing({ sans: [san.uri('spiffe://prod.example/')] })].map(
    (issuer, i) =>
      accepted(
        `a leaf below a signing certificate ${['without SPIFFE ID', 'of its trust domain', 'with the root path'][i]}`,
        below(issuer),
        ID,
        [issuer],
      ),
  ),
  ...[ID, 'spiffe://other.example/a', 'SPIFFE://prod.example/a', 'spiffe://prod.example/a/'].map((id) => {
    const issuer = signing({ sans: [san.uri(id)] })
    return refused(`a leaf below a signing certificate named ${id}`, below(issuer), 'ERR_PEER_CHAIN_INVALID', [issuer])
  }),
  // X509-SVID §5.1, Federation §7.3: the bundle of the SVID's own trust domain.
  accepted(
    'a partner by the bundle of the partner',
    leaf({ issuer: theirs, sans: [san.uri('spiffe://partner.example/a')] }),
    'spiffe://partner.example/a',
  ),
  refused('our name by the bundle of the partner', leaf({ issuer: theirs }), 'ERR_PEER_UNTRUSTED'),
  refused('the name of a partner by our bundle', named('spiffe://partner.example/a'), 'ERR_PEER_UNTRUSTED'),
  refused('a trust domain below ours', named('spiffe://eu.prod.example/a'), 'ERR_PEER_UNTRUSTED'),
  refused('a trust domain without a bundle', named('spiffe://nobody.example/a'), 'ERR_PEER_UNTRUSTED'),
]

/** What only issuers must do: a validator that refused it would be right about the certificate, and alone. RFC 5280 and §5.2 let it pass. */
const forIssuers: readonly Row[] = [
  // X509-SVID §4.3: key usage is present, and critical.
  accepted('a leaf without key usage', leaf({ keyUsage: null })),
  accepted(
    'a key usage that is not critical',
    leaf({ keyUsage: null, extensions: [extension('2.5.29.15', false, Uint8Array.of(3, 2, 7, 0x80))] }),
  ),
  // X509-SVID §4.4: both purposes. Ours is the one that a caller needs.
  accepted('a leaf for clients alone', leaf({ purposes: [CLIENT_AUTH] })),
  // X509-SVID §3.1: the SAN is critical where there is no subject.
  accepted('a leaf without subject whose SAN is not critical', leaf({ subject: name() })),
  accepted(
    'a leaf without subject whose SAN is critical',
    leaf({ subject: name(), sans: [], extensions: [extension('2.5.29.17', true, sequence(san.uri(ID)))] }),
  ),
  // X509-SVID §3.2: a signing certificate should be an SVID of the trust domain below it.
  ...[signing({ sans: [san.uri('spiffe://partner.example')] })].map((issuer) =>
    accepted('a leaf below a signing certificate of another trust domain that our root has signed', below(issuer), ID, [issuer]),
  ),
]

for (const { claim, leaf: certificate, issuers = [], verdict: expected } of [...rows, ...forIssuers]) {
  test(claim, async (t) => {
    assert.equal(await verdict(open(t, { trust }), connectionWith(certificate, ...issuers)), expected)
  })
}

test('accepts a trust domain of 255 bytes from its own bundle', async (t) => {
  const id = `spiffe://${longestDomain}/a`
  const verifier = open(t, { trust: { trustDomain: longestDomain, pem: pem(root.der) } })
  assert.equal(await verdict(verifier, connectionWith(named(id))), id)
})

test('does not let an anchor vouch for anybody that calls itself a workload', async (t) => {
  const odd = forgeCa({ sans: [san.uri(ID)] })
  const verifier = open(t, { trust: { trustDomain: DOMAIN, pem: pem(odd.der) } })
  assert.equal(await verdict(verifier, connectionWith(leaf({ issuer: odd }))), 'ERR_PEER_CHAIN_INVALID')
})
