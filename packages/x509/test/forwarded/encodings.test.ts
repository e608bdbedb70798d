import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '@countersign/core'
import {
  type ForwardedResult,
  parseBase64Der,
  parseBase64List,
  parseEscapedPem,
  parseEscapedPemChain,
  parseFoldedPem,
  parseForwarded,
  parseLinkerdIdentity,
  parsePemOrBase64,
} from '@countersign/x509'
import { armor } from '../forge.js'
import { example, examples, issuerDer, leafDer } from './examples.js'
import { told } from './refused.js'

const LEAF = encodeURIComponent(examples.leafPem)
const ISSUER = encodeURIComponent(examples.issuerPem)
const AWS = example('aws-alb-verify')['x-amzn-mtls-clientcert-leaf'] ?? ''
const FOLDED = examples.leafPem.replaceAll('\n', ' ')
const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64')

function same(result: ForwardedResult, ...intermediates: readonly Uint8Array[]): void {
  assert.ok(result !== null && !isRefusal(result) && result.kind === 'certificate', told(result))
  assert.deepEqual([result.leaf, result.intermediates], [leafDer, intermediates])
}

test('reads escaped PEM with and without line feeds at its ends, with CR LF, and with bare +, / and =', () => {
  same(parseEscapedPem(LEAF))
  same(parseEscapedPem(AWS))
  same(parseEscapedPem(LEAF.replaceAll('%0A', '%0D%0A')))
  same(parseEscapedPem(LEAF.toLowerCase() === LEAF ? LEAF : LEAF.replaceAll('%0A', '%0a')))
  same(parseEscapedPem(`%0A${LEAF}%0A%0A`))
  same(parseEscapedPem(encodeURIComponent(examples.leafPem.trim())))
  same(parseEscapedPemChain(LEAF + ISSUER), issuerDer)
  same(parseEscapedPemChain(`${LEAF}%0A${ISSUER}`), issuerDer)
})

test('never takes a plus sign for a space', () => {
  assert.match(AWS, /\+/)
  assert.equal(told(parseEscapedPem(LEAF.replaceAll('%20', '+'))), 'MALFORMED certificate pem')
})

test('refuses escapes that are none, characters that would be escaped, and what is escaped twice', () => {
  for (const [value, reason] of [
    [`${LEAF}%`, 'percent-encoding'],
    [`${LEAF}%0`, 'percent-encoding'],
    [`${LEAF}%0G`, 'percent-encoding'],
    [`%u000A${LEAF}`, 'percent-encoding'],
    [examples.leafPem, 'characters'],
    [FOLDED, 'characters'],
    [`${LEAF};`, 'characters'],
    [`${LEAF},${LEAF}`, 'characters'],
    [encodeURIComponent(LEAF), 'pem'],
    [`%00${LEAF}`, 'pem'],
    [`${LEAF}%00`, 'pem'],
    [`%A0${LEAF}`, 'percent-encoding'],
    [`%C3%A4${LEAF}`, 'percent-encoding'],
    [`%80${LEAF}`, 'percent-encoding'],
    [`%7F${LEAF}`, 'pem'],
    [`${LEAF}%20`, 'pem'],
  ] as const)
    assert.equal(told(parseEscapedPem(value)), `MALFORMED certificate ${reason}`, value.slice(-20))
})

test('refuses PEM that is not one block with the label CERTIFICATE and strict base64', () => {
  const pems: readonly (readonly [string, string])[] = [
    [`text\n${examples.leafPem}`, 'MALFORMED certificate pem'],
    [`${examples.leafPem}text`, 'MALFORMED certificate pem'],
    [armor(leafDer, 'TRUSTED CERTIFICATE'), 'MALFORMED certificate pem'],
    [armor(leafDer, 'X509 CERTIFICATE'), 'MALFORMED certificate pem'],
    [armor(leafDer, 'PRIVATE KEY'), 'MALFORMED certificate pem'],
    [examples.leafPem.replace('-----END', '-----BEGIN'), 'MALFORMED certificate pem'],
    [examples.leafPem.slice(0, -30), 'MALFORMED certificate pem'],
    [examples.leafPem.replaceAll('\n', ''), 'MALFORMED certificate pem'],
    [
      examples.leafPem.replace('-----BEGIN CERTIFICATE-----\n', '-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n'),
      'MALFORMED certificate base64',
    ],
    [examples.leafPem.replace('MII', 'M$I'), 'MALFORMED certificate base64'],
    [examples.leafPem.replace('==', '='), 'MALFORMED certificate base64'],
    [examples.leafPem.replace('aA==', 'aB=='), 'MALFORMED certificate base64'],
    [examples.leafPem.replace('MII', 'M\tI'), 'MALFORMED certificate base64'],
    ['-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n', 'MALFORMED certificate base64'],
    ['\n\n', 'MALFORMED certificate pem'],
    [examples.leafPem + examples.issuerPem, 'AMBIGUOUS certificate list'],
    [examples.issuerPem.replace('MII', 'MIJ') + examples.leafPem, 'AMBIGUOUS certificate list'],
  ]
  for (const [pem, expected] of pems) assert.equal(told(parseEscapedPem(encodeURIComponent(pem))), expected, pem.slice(0, 60))
})

test('refuses bytes behind a certificate and lengths that lie', () => {
  const bomb = (octets: string): Uint8Array => Buffer.concat([Buffer.from(octets, 'hex'), leafDer.subarray(4)])
  for (const der of [
    Buffer.concat([leafDer, Buffer.of(0)]),
    Buffer.concat([leafDer, issuerDer]),
    leafDer.subarray(0, -1),
    bomb('3080'),
    bomb('3084ffffffff'),
    bomb('308800000000ffffffff'),
    bomb('30ff'),
    Buffer.alloc(3000, 0x30),
  ])
    for (const result of [
      parseBase64Der(base64(der)),
      parseEscapedPem(encodeURIComponent(armor(der, 'CERTIFICATE'))),
      parseBase64List(base64(der)),
    ])
      assert.equal(told(result), 'MALFORMED certificate leaf')
})

test('never lets the next certificate take the place of a damaged leaf', () => {
  const damaged = Buffer.from(leafDer)
  damaged[4] = 0xff
  for (const result of [
    parseEscapedPemChain(encodeURIComponent(armor(damaged, 'CERTIFICATE') + examples.issuerPem)),
    parseBase64List(`${base64(damaged)},${base64(issuerDer)}`),
    parseForwarded('haproxy', { ...example('haproxy'), 'x-ssl-client-cert': base64(damaged), 'x-ssl-client-chain': base64(leafDer) }),
  ])
    assert.equal(told(result), 'MALFORMED certificate leaf')
  assert.equal(told(parseBase64List(`,${base64(leafDer)}`)), 'MALFORMED certificate base64')
})

test('reads folded PEM, and refuses two blocks, other words and tabs', () => {
  same(parseFoldedPem(FOLDED))
  same(parseFoldedPem(FOLDED.trim()))
  assert.equal(parseFoldedPem('(null)'), null)
  assert.equal(told(parseFoldedPem(FOLDED + FOLDED)), 'AMBIGUOUS certificate list')
  for (const value of ['(NULL)', '(null) x', `${FOLDED} (null)`, LEAF, FOLDED.replace('-----BEGIN CERTIFICATE', '-----BEGIN  CERTIFICATE')])
    assert.equal(told(parseFoldedPem(value)), 'MALFORMED certificate pem', value.slice(-20))
  assert.equal(told(parseFoldedPem(FOLDED.replaceAll(' ', '\t'))), 'MALFORMED certificate pem')
})

test('reads PEM and base64 where a gateway writes one or the other, and nothing between them', () => {
  for (const value of [FOLDED, LEAF, base64(leafDer), encodeURIComponent(base64(leafDer))]) same(parsePemOrBase64(value))
  for (const value of [
    base64(leafDer).replaceAll('+', ' '),
    base64(leafDer).replaceAll('=', ''),
    `:${base64(leafDer)}:`,
    `${base64(leafDer)}%3D`,
  ])
    assert.equal(told(parsePemOrBase64(value)), 'MALFORMED certificate base64')
  assert.equal(told(parsePemOrBase64(`${LEAF}%zz`)), 'MALFORMED certificate percent-encoding')
})

test('refuses base64 that is not strict, wherever base64 stands', () => {
  const good = base64(leafDer)
  for (const value of [
    good.replace('==', ''),
    good.replaceAll('+', '-').replaceAll('/', '_'),
    `${good}\t ${good}`,
    good.replace('aA==', 'aB=='),
    'A',
    '=',
  ])
    for (const parse of [parseBase64Der, parseBase64List])
      assert.equal(told(parse(value)), 'MALFORMED certificate base64', value.slice(0, 20))
  assert.equal(told(parseBase64List(`${good}, ${base64(issuerDer)}`)), 'MALFORMED certificate base64')
  same(parseBase64List(`${good},${base64(issuerDer)}`), issuerDer)
})

test('takes for a name of Linkerd a lowercase DNS name or the SPIFFE ID of a workload, and nothing else', () => {
  for (const name of [
    'web.emojivoto.serviceaccount.identity.linkerd.cluster.local',
    'a.b',
    'spiffe://root.linkerd.cluster.local/ns/a/sa/b',
  ])
    assert.equal(told(parseLinkerdIdentity(name)), 'identity')
  for (const name of [
    'web',
    'Web.local',
    'web..local',
    '.web.local',
    'web.local.',
    '-web.local',
    'web-.local',
    'web.local, admin.local',
    'web local',
    'web.local;x',
    '*.local',
    `${'a'.repeat(64)}.local`,
    `${'a.'.repeat(127)}a`,
    'spiffe://',
    'spiffe://root.linkerd.cluster.local',
    'spiffe://Root.local/a',
    'SPIFFE://root.local/a',
    'https://root.local/a',
    'root.local/a',
  ])
    assert.equal(told(parseLinkerdIdentity(name)), 'MALFORMED identity identity', name)
})
