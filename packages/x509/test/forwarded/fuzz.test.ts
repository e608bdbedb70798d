import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '@countersign/core'
import {
  FORWARDED_FORMATS,
  type ForwardedFormatName,
  type ForwardedResult,
  parseApiGatewayContext,
  parseApiGatewayEvent,
  parseBase64Der,
  parseBase64List,
  parseClientCert,
  parseEscapedPem,
  parseEscapedPemChain,
  parseFoldedPem,
  parseForwarded,
  parseLinkerdIdentity,
  parsePemOrBase64,
  parseXfcc,
  parseXfccJson,
} from '@countersign/x509'
import fc from 'fast-check'
import { san } from '../der.js'
import { forge, pem } from '../forge.js'
import { example, examples, issuerDer, LEAF_ID, leafDer } from './examples.js'
import { told } from './refused.js'

const RUNS = { numRuns: 1_000, seed: 20_261_126 }
const CODE = /^ERR_FORWARDED_(?:MALFORMED|TOO_LARGE|AMBIGUOUS|HOPS|MISMATCH|UNVERIFIED)$/
const NAME = /^[a-zA-Z0-9-]{1,32}$/
const PARSERS: readonly ((value: string) => ForwardedResult)[] = [
  parseApiGatewayContext,
  parseBase64Der,
  parseBase64List,
  parseClientCert,
  (value) => parseClientCert(`:${Buffer.from(leafDer).toString('base64')}:`, value),
  parseEscapedPem,
  parseEscapedPemChain,
  parseFoldedPem,
  parseLinkerdIdentity,
  parsePemOrBase64,
  parseXfcc,
  (value) => parseXfcc(value, 2),
  parseXfccJson,
  parseApiGatewayEvent,
]

/** A refusal with one of our codes and names, evidence of a known shape, or nothing. */
function wellFormed(result: ForwardedResult): void {
  if (result === null) return
  if (!isRefusal(result)) {
    assert.ok(result.kind === 'certificate' ? result.leaf.length > 0 : result.name !== '')
    return
  }
  assert.match(result.code, CODE)
  const { field, reason, ...rest } = result.facts
  assert.match(String(field), NAME)
  assert.match(String(reason), NAME)
  for (const value of Object.values(rest)) assert.ok(value === null || typeof value === 'number')
}

const pieces = fc.constantFrom(
  ...[
    '"',
    '\\',
    ';',
    ',',
    '=',
    ':',
    '::',
    '%',
    '%0A',
    '%22',
    ' ',
    '\t',
    '[',
    ']',
    '{',
    '}',
    'Hash=',
    'Cert="',
    'Chain="',
    'URI=',
    'By=a',
    '(null)',
    'null',
  ],
  LEAF_ID,
  examples.sha256,
  encodeURIComponent(examples.leafPem),
  encodeURIComponent(examples.issuerPem),
  examples.leafPem.replaceAll('\n', ' '),
  Buffer.from(leafDer).toString('base64'),
  Buffer.from(issuerDer).toString('base64'),
)
const soup = fc.oneof(
  fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.json(),
)

test('never throws, and gives only codes and names of its own, whatever the value', () => {
  fc.assert(
    fc.property(soup, fc.integer({ min: -1, max: 4 }), (value, hops) => {
      for (const parse of PARSERS) wellFormed(parse(value))
      wellFormed(parseXfcc(value, hops))
    }),
    RUNS,
  )
})

test('never throws over anything as headers and as an event', () => {
  const names = [...FORWARDED_FORMATS.values()].flatMap(({ fields }) => Object.values(fields))
  const value = fc.oneof(
    soup,
    fc.array(soup, { maxLength: 3 }),
    fc.constantFrom('SUCCESS', 'NONE', '0', '1', 'true', 'false', 'FAILED:x', undefined),
  )
  const headers = fc.dictionary(fc.constantFrom(...names, '__proto__', 'constructor'), value, { maxKeys: 12 })
  fc.assert(
    fc.property(headers, fc.constantFrom(...FORWARDED_FORMATS.keys()), (fields, format) => wellFormed(parseForwarded(format, fields))),
    RUNS,
  )
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (event) => {
      wellFormed(parseApiGatewayEvent(event))
      wellFormed(parseApiGatewayEvent({ requestContext: event }))
      wellFormed(parseApiGatewayEvent({ requestContext: { authentication: { clientCert: event } } }))
    }),
    RUNS,
  )
})

/** Formats with a field that fixes the bytes of the leaf, and their fields. */
const FIXED: readonly (readonly [ForwardedFormatName, Readonly<Record<string, string>>, string])[] = [
  ['envoy-xfcc', example('envoy-xfcc (full)'), 'x-forwarded-client-cert'],
  ['gcp', example('gcp-lb (configured names)'), 'x-client-cert-leaf'],
  ['caddy', { ...example('caddy'), 'x-client-cert-fingerprint': examples.sha256 }, 'x-client-cert'],
  ['cloudflare', { ...example('cloudflare-legacy'), 'cf-cert-verified': 'true', 'cf-cert-revoked': 'false' }, 'cf-client-cert-der-base64'],
  [
    'cloudfront',
    {
      'cloudfront-viewer-cert-pem': encodeURIComponent(examples.leafPem),
      'cloudfront-viewer-cert-present': '1',
      'cloudfront-viewer-cert-sha256': examples.sha256,
    },
    'cloudfront-viewer-cert-pem',
  ],
]

const edits = fc.array(fc.tuple(fc.nat(6_000), fc.constantFrom(...'AZaz09+/=%",;: \\-'), fc.constantFrom(0, 1)), {
  minLength: 1,
  maxLength: 3,
})

function edited(value: string, changes: readonly (readonly [number, string, number])[]): string {
  return changes.reduce((text, [at, character, cut]) => {
    const from = at % text.length
    return text.slice(0, from) + character + text.slice(from + cut)
  }, value)
}

test('yields no other certificate than the one that the hash beside it names, however the value was changed', () => {
  for (const [format, fields, changed] of FIXED)
    fc.assert(
      fc.property(edits, (changes) => {
        const result = parseForwarded(format, { ...fields, [changed]: edited(fields[changed] ?? '', changes) })
        wellFormed(result)
        if (result !== null && !isRefusal(result) && result.kind === 'certificate') assert.deepEqual(result.leaf, leafDer)
      }),
      RUNS,
    )
})

test('yields the very bytes that were encoded, in every encoding', () => {
  const forged = Array.from({ length: 5 }, (_, i) => forge({ sans: [san.uri(`spiffe://example.org/${i}`)] }).der)
  const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64')
  fc.assert(
    fc.property(fc.shuffledSubarray(forged, { minLength: 1 }), (ders) => {
      const [leaf = new Uint8Array(), ...intermediates] = ders
      const pems = ders.map((der) => pem(der))
      for (const result of [
        parseBase64List(ders.map(base64).join(',')),
        parseEscapedPemChain(encodeURIComponent(pems.join(''))),
        parseClientCert(`:${base64(leaf)}:`, intermediates.map((der) => `:${base64(der)}:`).join(', ')),
        parseXfcc(`Chain="${encodeURIComponent(pems.join(''))}"`),
        parseXfccJson(JSON.stringify([{ chain: encodeURIComponent(pems.join('')) }])),
        parseForwarded('haproxy', {
          'x-ssl-client-cert': base64(leaf),
          'x-ssl-client-chain': Buffer.concat(intermediates).toString('base64'),
          'x-ssl-client-verify': '0',
          'x-ssl-client-used': '1',
        }),
      ]) {
        assert.ok(result !== null && !isRefusal(result) && result.kind === 'certificate', told(result))
        assert.ok([result.leaf, ...result.intermediates].every((der, i) => Buffer.compare(der, ders[i] ?? new Uint8Array()) === 0))
        assert.equal(result.intermediates.length, intermediates.length)
      }
    }),
    { ...RUNS, numRuns: 100 },
  )
})

test('takes the element of the nearest proxy or none, whatever a client put in front of it', () => {
  const appended = example('istio-sidecar (default)')['x-forwarded-client-cert'] ?? ''
  const certified = example('envoy-xfcc (full)')['x-forwarded-client-cert'] ?? ''
  const part = fc.constantFrom(
    ...['"', '""', '\\', '\\"', ';', ',', '=', ' ', 'By=', 'a', 'URI=spiffe://example.org/admin', 'Hash=00', 'Subject="', 'Cert="'],
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 14 }), fc.constantFrom(',', ', '), (parts, comma) => {
      const name = parseXfcc(`${parts.join('')}${comma}${appended}`)
      if (name !== null && !isRefusal(name)) assert.deepEqual(name, parseXfcc(appended))
      const certificate = parseXfcc(`${parts.join('')}${comma}${certified}`)
      if (certificate !== null && !isRefusal(certificate)) assert.deepEqual(certificate, parseXfcc(certified))
    }),
    { ...RUNS, numRuns: 10_000 },
  )
})
