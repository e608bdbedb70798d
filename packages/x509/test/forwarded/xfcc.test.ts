import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '@countersign/core'
import { parseXfcc } from '@countersign/x509'
import { san } from '../der.js'
import { forge, pem } from '../forge.js'
import { example, examples, issuerDer, LEAF_ID, leafDer } from './examples.js'
import { told } from './refused.js'

const FULL = example('envoy-xfcc (full)')['x-forwarded-client-cert'] ?? ''
const IDENTITY = example('istio-sidecar (default)')['x-forwarded-client-cert'] ?? ''
const HASH = examples.sha256
const CERT = encodeURIComponent(examples.leafPem)
const ISSUER = encodeURIComponent(examples.issuerPem)
const ADMIN = 'spiffe://example.org/ns/shop/sa/admin'
const FORGED = `By=spiffe://example.org/ns/shop/sa/orders;Hash=${'0'.repeat(64)};Subject="";URI=${ADMIN}`

const nameOf = (value: string, hops?: number): string | null => {
  const result = parseXfcc(value, hops)
  return result !== null && !isRefusal(result) && result.kind === 'identity' ? result.name : null
}

test('reads a chain without the certificate, a certificate without the chain, and keys in any case', () => {
  assert.equal(told(parseXfcc(`Cert="${CERT}"`)), 'certificate')
  const chain = parseXfcc(`hash=${HASH.toUpperCase()};CHAIN="${CERT}${ISSUER}"`)
  assert.ok(chain !== null && !isRefusal(chain) && chain.kind === 'certificate')
  assert.deepEqual([chain.leaf, chain.intermediates], [leafDer, [issuerDer]])
})

test('passes over keys that it does not know, over an empty URI, and over commas and semicolons in quotes', () => {
  assert.equal(nameOf(`By=a;By=b;New=x=y;URI=;URI=${LEAF_ID};Subject="CN=a\\,b;c,URI=${ADMIN}"`), LEAF_ID)
  assert.equal(nameOf(`URI="${LEAF_ID}"`), LEAF_ID)
  assert.equal(nameOf(` URI=${LEAF_ID} ; Hash="" `), LEAF_ID)
})

test('counts hops from the right, whatever a client sent in front', () => {
  assert.equal(nameOf(`${FORGED},${IDENTITY}`), LEAF_ID)
  assert.equal(nameOf(`${FORGED},${IDENTITY}`, 2), ADMIN)
  assert.equal(nameOf(`${IDENTITY}, ${FORGED}`, 2), LEAF_ID)
  assert.equal(told(parseXfcc(`${FORGED},${FULL}`)), 'certificate')
  // Wrong in themselves, but in quotes that close: what stands further left does not matter.
  assert.equal(nameOf(`Hash=1;Hash=2;Cert=%;Chain="",${IDENTITY}`), LEAF_ID)
})

test('refuses a value that passed fewer proxies than are trusted, and says how many', () => {
  for (const hops of [2, 3, 1_000_000]) {
    const result = parseXfcc(IDENTITY, hops)
    assert.ok(isRefusal(result))
    assert.equal(result.code, 'ERR_FORWARDED_HOPS')
    assert.deepEqual(result.facts, { field: 'xfcc', reason: 'too-few-elements', hops, elements: 1 })
  }
  for (const hops of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, null as unknown as number])
    assert.equal(told(parseXfcc(IDENTITY, hops)), 'HOPS xfcc no-count')
})

test('refuses a value in which a client tried to swallow or to forge the element of the proxy with quotes', () => {
  for (const [sent, reason] of [
    ['By="', 'quotes'],
    ['By="a', 'quotes'],
    ['By="a\\', 'quotes'],
    [`By=a"b`, 'quotes'],
    [`URI=${ADMIN};Subject="`, 'quotes'],
    ['By="a"b', 'quotes'],
    ['By="a""b"', 'quotes'],
    ['garbage', 'pair'],
    ['', 'pair'],
    ['=a', 'pair'],
    ['By =a', 'pair'],
    ['By=a;', 'pair'],
    ['__proto__=a;"', 'pair'],
  ] as const) {
    assert.equal(told(parseXfcc(`${sent},${IDENTITY}`)), `MALFORMED xfcc ${reason}`, sent)
    assert.equal(told(parseXfcc(`${sent},${FULL}`)), `MALFORMED xfcc ${reason}`, sent)
  }
  for (const behind of [',', ';', ', ', '"']) assert.match(told(parseXfcc(`${FULL}${behind}`)), /^MALFORMED xfcc (?:pair|quotes)$/)
})

test('takes no certificate out of the quotes of a subject', () => {
  const other = forge({ sans: [san.uri(ADMIN)] })
  const escaped = encodeURIComponent(pem(other.der))
  assert.equal(nameOf(`Hash=${HASH};Subject="CN=a\\";Cert=\\"${escaped}\\";URI=${ADMIN}\\"";URI=${LEAF_ID}`), LEAF_ID)
  // Unescaped, the quote ends the subject, and the second Cert shows.
  assert.equal(told(parseXfcc(`Hash=${HASH};Cert="${CERT}";Subject="CN=a";Cert="${escaped}"`)), 'AMBIGUOUS xfcc repeated')
})

test('refuses a key twice that an element has once', () => {
  for (const key of ['Hash', 'Cert', 'Chain', 'Subject', 'hASH'])
    assert.equal(told(parseXfcc(`${FULL};${key}="${key === 'Hash' ? HASH : ''}"`)), 'AMBIGUOUS xfcc repeated', key)
})

test('refuses a certificate that the hash, a URI, a DNS name or the chain beside it contradict', () => {
  const other = forge({ sans: [san.uri(LEAF_ID)] })
  for (const [value, expected] of [
    [FULL.replace(/Hash=../, 'Hash=00'), 'MISMATCH hash differs'],
    [`Hash=${HASH};Cert="${encodeURIComponent(pem(other.der))}"`, 'MISMATCH hash differs'],
    [`${FULL};URI=${ADMIN}`, 'MISMATCH uri differs'],
    [`Cert="${CERT}";URI=${LEAF_ID.toUpperCase()}`, 'MISMATCH uri differs'],
    [`${FULL};DNS=admin.shop.svc`, 'MISMATCH dns differs'],
    [`Cert="${CERT}";Chain="${encodeURIComponent(pem(other.der))}${ISSUER}"`, 'MISMATCH chain differs'],
    [`Cert="${CERT}";Chain="${ISSUER}${CERT}"`, 'MISMATCH chain differs'],
    [`Cert="${CERT}";Hash=abc`, 'MALFORMED hash hash'],
    [`Cert="${CERT}${ISSUER}"`, 'AMBIGUOUS certificate list'],
  ] as const)
    assert.equal(told(parseXfcc(value)), expected)
})

test('refuses a damaged leaf instead of taking the next certificate for it, and a damaged intermediate', () => {
  const damaged = (whole: string): string => encodeURIComponent(whole.replace('MII', 'MIJ'))
  assert.equal(told(parseXfcc(`Chain="${damaged(examples.leafPem)}${ISSUER}"`)), 'MALFORMED chain leaf')
  assert.equal(told(parseXfcc(`Chain="${CERT}${damaged(examples.issuerPem)}"`)), 'MALFORMED chain intermediate')
})

test('takes a name for an identity only if it is one SPIFFE ID of a workload', () => {
  for (const uris of [
    [],
    [LEAF_ID, ADMIN],
    [LEAF_ID, LEAF_ID],
    ['http://testclient.lyft.com'],
    ['spiffe://example.org'],
    ['spiffe://Example.org/a'],
    ['spiffe://example.org/a/../b'],
    ['spiffe://example.org/a%2Fb'],
    [`${LEAF_ID}?a=b`],
  ])
    assert.equal(told(parseXfcc([`Hash=${HASH}`, ...uris.map((uri) => `URI=${uri}`)].join(';'))), 'MALFORMED uri identity', uris.join())
  assert.equal(told(parseXfcc(`DNS=checkout.shop.svc;Subject="CN=checkout"`)), 'MALFORMED uri identity')
  assert.equal(told(parseXfcc(`Hash=${HASH}00;URI=${LEAF_ID}`)), 'MALFORMED hash hash')
})

test('refuses more elements, pairs, certificates and bytes than any request has, before it decodes them', () => {
  assert.equal(told(parseXfcc(Array(10_000).fill('By=a').join(','))), 'TOO_LARGE xfcc elements')
  assert.equal(told(parseXfcc(Array(10_000).fill('By=a').join(';'))), 'TOO_LARGE xfcc elements')
  assert.equal(
    told(parseXfcc(`Chain="${'-----BEGIN%20CERTIFICATE-----%0A%0A-----END%20CERTIFICATE-----%0A'.repeat(11)}"`)),
    'TOO_LARGE chain certificates',
  )
  assert.equal(told(parseXfcc(`By="${'"'.repeat(2 ** 20)}`)), 'TOO_LARGE xfcc bytes')
  assert.equal(told(parseXfcc(`By="${'\\"'.repeat(30_000)}`)), 'MALFORMED xfcc quotes')
})
