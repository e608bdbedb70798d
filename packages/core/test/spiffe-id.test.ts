import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSpiffeId, parseTrustDomain } from '@countersign/core'

test('reads the trust domain and the path, and keeps the text as it was', () => {
  assert.deepEqual(parseSpiffeId('spiffe://prod.example/ns/shop/sa/orders'), {
    text: 'spiffe://prod.example/ns/shop/sa/orders',
    trustDomain: 'prod.example',
    path: '/ns/shop/sa/orders',
  })
  assert.deepEqual(parseSpiffeId('spiffe://prod.example'), { text: 'spiffe://prod.example', trustDomain: 'prod.example', path: '' })
  assert.ok(Object.isFrozen(parseSpiffeId('spiffe://prod.example/a')))
})

test('takes every character that the standard allows, and letters of both cases in a path alone', () => {
  for (const id of [
    'spiffe://a',
    'spiffe://a-b_c.9/x',
    'spiffe://10.0.0.1/x',
    'spiffe://a/A-b_C.9',
    'spiffe://a/...',
    'spiffe://a/.x',
    'spiffe://a/x..',
  ])
    assert.equal(parseSpiffeId(id)?.text, id)
})

for (const [what, text] of [
  ['nothing', ''],
  ['another scheme', 'https://prod.example/orders'],
  ['a scheme in upper case', 'SPIFFE://prod.example/orders'],
  ['no trust domain', 'spiffe:///orders'],
  ['upper case in the trust domain', 'spiffe://Prod.example/orders'],
  ['a port', 'spiffe://prod.example:443/orders'],
  ['a user', 'spiffe://user@prod.example/orders'],
  ['a query', 'spiffe://prod.example/orders?x'],
  ['a fragment', 'spiffe://prod.example/orders#x'],
  ['a trailing slash', 'spiffe://prod.example/orders/'],
  ['a trailing slash after the trust domain', 'spiffe://prod.example/'],
  ['an empty segment', 'spiffe://prod.example//orders'],
  ['a dot segment', 'spiffe://prod.example/./orders'],
  ['a dot segment at its end', 'spiffe://prod.example/orders/.'],
  ['a way out of its path', 'spiffe://prod.example/shop/../orders'],
  ['a percent-encoding', 'spiffe://prod.example/%6frders'],
  ['a percent-encoded slash', 'spiffe://prod.example/a%2fb'],
  ['a letter that is not ASCII', 'spiffe://prod.example/ordérs'],
  ['an underscore look-alike', 'spiffe://prod.example/a＿b'],
  ['a line feed at its end', 'spiffe://prod.example/orders\n'],
  ['a zero byte', 'spiffe://prod.example/orders\0'],
  ['a space before it', ' spiffe://prod.example/orders'],
  ['a trust domain of 256 characters', `spiffe://${'a'.repeat(256)}/x`],
  ['2049 characters', `spiffe://prod.example/${'a'.repeat(2049 - 22)}`],
] as const) {
  test(`is none: ${what}`, () => assert.equal(parseSpiffeId(text), null))
}

test('takes the longest that the standard allows', () => {
  assert.notEqual(parseSpiffeId(`spiffe://prod.example/${'a'.repeat(2048 - 22)}`), null)
  assert.notEqual(parseSpiffeId(`spiffe://${'a'.repeat(255)}/x`), null)
})

test('reads a trust domain by its name and by its SPIFFE ID, and nothing else', () => {
  const read = { name: 'prod.example', id: 'spiffe://prod.example' }
  assert.deepEqual(parseTrustDomain('prod.example'), read)
  assert.deepEqual(parseTrustDomain('spiffe://prod.example'), read)
  assert.ok(Object.isFrozen(parseTrustDomain('prod.example')))
  assert.equal(parseTrustDomain('a'.repeat(255))?.name.length, 255)
  assert.equal(parseTrustDomain('10.0.0.1')?.name, '10.0.0.1')
  const none = [
    '',
    'spiffe://',
    'Prod.example',
    'spiffe://prod.example/',
    'spiffe://prod.example/orders',
    'prod.example/orders',
    'prod.example:443',
    'user@prod.example',
    'prod.example?x',
    'prod%2eexample',
    'https://prod.example',
    'SPIFFE://prod.example',
    'spiffe:prod.example',
    ' prod.example',
    'prod.example\n',
    'pröd.example',
    'a'.repeat(256),
  ]
  for (const text of none) assert.equal(parseTrustDomain(text), null, text)
})
