import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '@countersign/core'
import {
  FORWARDED_FORMATS,
  type ForwardedFormatName,
  type ForwardedResult,
  parseApiGatewayContext,
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
import { example, issuerDer, leafDer } from './examples.js'
import { told } from './refused.js'

const PARSERS: Readonly<Record<string, (value: string | null) => ForwardedResult>> = {
  parseApiGatewayContext,
  parseBase64Der,
  parseBase64List,
  parseClientCert,
  parseClientCertChain: (value) => parseClientCert(`:${Buffer.from(leafDer).toString('base64')}:`, value),
  parseEscapedPem,
  parseEscapedPemChain,
  parseFoldedPem,
  parseLinkerdIdentity,
  parsePemOrBase64,
  parseXfcc,
  parseXfccJson,
}

const MEBIBYTE = 2 ** 20

test('refuses a value of a mebibyte before it decodes it, whatever it is made of', () => {
  for (const [name, parse] of Object.entries(PARSERS))
    for (const unit of [
      'A',
      '=',
      ',',
      ';',
      '"',
      '\\',
      ':',
      '%',
      '%0A',
      '%41',
      '[',
      '{"a":',
      '-----BEGIN CERTIFICATE-----',
      'a.',
      ' ',
      '\t',
      'ä',
      '\u0000',
    ])
      assert.match(told(parse(unit.repeat(MEBIBYTE / unit.length))), /^TOO_LARGE \w+ bytes$/, `${name} ${unit}`)
})

test('comes to an end with a value just below the limit, whatever it is made of', () => {
  for (const [name, parse] of Object.entries(PARSERS))
    for (const unit of [
      'A',
      'A=',
      '=',
      ',',
      ';',
      'a=b,',
      'a=b;',
      '"',
      'a="',
      '\\',
      ':',
      '%',
      '%0A',
      '%0Ax',
      '%0D%0A',
      ' ',
      ' x',
      '[',
      '""',
      '"\\',
      'a.',
      '-',
    ])
      for (const end of ['', 'x']) {
        const result = parse(`x${unit.repeat(65_000 / unit.length)}${end}`)
        assert.ok(isRefusal(result), `${name} ${unit}`)
      }
})

test('refuses NUL, line ends, other control characters and everything that is not ASCII', () => {
  for (const [name, parse] of Object.entries(PARSERS))
    for (const character of ['\0', '\r', '\n', '\r\n', '\x1b', '\x7f', '\x80', 'ä', '\u2028', '\ud800', '😀'])
      for (const value of [`${character}a.b`, `a${character}.b`, `a.b${character}`])
        assert.match(told(parse(value)), /^MALFORMED (?:\w+ characters|context json)$/, name)
})

test('refuses what is no text, and takes only null, undefined and empty for absent', () => {
  for (const [name, parse] of Object.entries(PARSERS)) {
    for (const value of [1, true, {}, [], ['a.b'], Symbol('a'), () => 'a.b', { toString: () => 'a.b', length: 3 }])
      assert.match(told(parse(value as unknown as string)), /^MALFORMED \w+ type$/, name)
    if (name !== 'parseClientCertChain')
      for (const value of [null, undefined as unknown as null, '', ' \t ']) assert.equal(parse(value), null, name)
  }
})

test('gives as facts of a refusal nothing that the caller wrote', () => {
  const secret = 'S3CRET'
  for (const [name, parse] of Object.entries(PARSERS))
    for (const value of [
      secret,
      `${secret}=${secret}`,
      `:${secret}:`,
      `[{"uri":"${secret}"}]`,
      `%${secret}`,
      `Hash=${secret}`,
      `-----BEGIN ${secret}-----`,
    ]) {
      const result = parse(value)
      assert.ok(isRefusal(result), `${name} ${value}`)
      assert.ok(!JSON.stringify(result).includes(secret), `${name} ${value}`)
      assert.deepEqual(Object.keys(result.facts).slice(0, 2), ['field', 'reason'])
    }
  const verify = parseForwarded('nginx', { ...example('nginx'), 'x-ssl-client-verify': `FAILED:${secret}` })
  assert.ok(!JSON.stringify(verify).includes(secret))
})

test('counts the bytes of all fields of a format together', () => {
  const half = 'A'.repeat(40_000)
  assert.equal(told(parseForwarded('haproxy', { 'x-ssl-client-cert': half, 'x-ssl-client-chain': half })), 'TOO_LARGE format bytes')
  assert.equal(told(parseForwarded('rfc9440', { 'client-cert-chain': Array(10_000).fill(':AAAA:') })), 'TOO_LARGE format bytes')
})

test('refuses a field on several lines unless it is a list', () => {
  for (const [name, { fields, lists }] of FORWARDED_FORMATS)
    for (const [role, field] of Object.entries(fields))
      if (!lists.includes(role)) assert.equal(told(parseForwarded(name, { [field]: ['', ''] })), `AMBIGUOUS ${role} repeated`, name)
  assert.equal(told(parseForwarded('nginx', { 'x-ssl-client-verify': ['NONE'] })), 'null')
  assert.equal(told(parseForwarded('nginx', { 'x-ssl-client-verify': [] })), 'null')
  assert.equal(told(parseForwarded('nginx', { 'x-ssl-client-verify': [1 as unknown as string] })), 'MALFORMED verify type')
  assert.equal(told(parseForwarded('rfc9440', { 'client-cert-chain': [':AAAA:', ':AAAA:'] })), 'MALFORMED chain chain-without-leaf')
})

test('looks for fields among the own ones of a record alone, by the names that the options give', () => {
  const inherited = Object.create({ 'l5d-client-id': 'admin.local' }) as Record<string, string>
  assert.equal(parseForwarded('linkerd', inherited), null)
  const polluted = JSON.parse('{"__proto__":"admin.local","constructor":"admin.local"}') as Record<string, string>
  for (const name of ['constructor', 'hasownproperty', 'tostring', 'valueof', '__defineGetter__'])
    assert.equal(parseForwarded('linkerd', {}, { fields: { identity: name } }), null)
  assert.equal(told(parseForwarded('linkerd', polluted, { fields: { identity: '__proto__' } })), 'identity')
  assert.equal(
    told(parseForwarded('linkerd', { 'x-id': 'a.local', 'l5d-client-id': 'b.local' }, { fields: { identity: 'X-Id' } })),
    'identity',
  )
  assert.equal(parseForwarded('linkerd', { 'l5d-client-id': 'b.local' }, { fields: { identity: 'x-id' } }), null)
})

test('refuses a role and a format that do not exist, rather than to read a field that nobody writes', () => {
  for (const role of ['certficate', '__proto__', 'constructor', 'toString'])
    assert.equal(
      told(parseForwarded('nginx', {}, { fields: JSON.parse(`{"${role}":"x"}`) as Record<string, string> })),
      'MALFORMED options unknown-role',
    )
  assert.equal(told(parseForwarded('envoy-xfcc', {}, { hops: 2, ...{ hop: 2 } })), 'MALFORMED options unknown-option')
  for (const format of ['Nginx', '', '__proto__', 'constructor'])
    assert.equal(told(parseForwarded(format as ForwardedFormatName, {})), 'MALFORMED format unknown-format')
})

test('gives bytes of its own, which nobody else can change', () => {
  const first = parseForwarded('traefik', example('traefik'))
  assert.ok(first !== null && !isRefusal(first) && first.kind === 'certificate')
  assert.ok(Object.isFrozen(first) && Object.isFrozen(first.intermediates))
  first.leaf.fill(0)
  const second = parseForwarded('traefik', example('traefik'))
  assert.ok(second !== null && !isRefusal(second) && second.kind === 'certificate')
  assert.deepEqual([second.leaf, second.intermediates], [leafDer, [issuerDer]])
  assert.equal(second.leaf.buffer.byteLength, leafDer.length)
})
