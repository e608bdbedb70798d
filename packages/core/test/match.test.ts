import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileNameMatch, isUnder } from '@countersign/core'

test('what is under a path has whole segments more than it', () => {
  assert.ok(isUnder('/a/b', '/a'))
  assert.ok(isUnder('/a/b/c', '/a'))
  for (const value of ['/a', '/a/', '/ab', '/ab/c', '/b/a/c', '', '/']) assert.ok(!isUnder(value, '/a'), value)
})

test('a text matches itself and nothing else', () => {
  const matches = compileNameMatch('callers', 'spiffe://prod.example/orders')
  assert.ok(matches('spiffe://prod.example/orders'))
  for (const name of [
    'spiffe://prod.example/orders/eu',
    'spiffe://prod.example/order',
    'spiffe://prod.example/Orders',
    'SPIFFE://prod.example/orders',
    '',
  ])
    assert.ok(!matches(name), name)
})

test('under matches whole segments below a name, never the name itself', () => {
  const matches = compileNameMatch('callers', { under: 'spiffe://prod.example/shop' })
  assert.ok(matches('spiffe://prod.example/shop/orders'))
  for (const name of [
    'spiffe://prod.example/shop',
    'spiffe://prod.example/shopping',
    'spiffe://prod.example.evil/shop/orders',
    'spiffe://other.example/shop/orders',
  ])
    assert.ok(!matches(name), name)
})

test('a trust domain matches its workloads, not itself and no domain that begins or ends like it', () => {
  const matches = compileNameMatch('callers', { trustDomain: 'prod.example' })
  assert.ok(matches('spiffe://prod.example/orders'))
  for (const name of [
    'spiffe://prod.example',
    'spiffe://prod.example.evil/orders',
    'spiffe://sub.prod.example/orders',
    'https://prod.example/orders',
    'prod.example',
  ])
    assert.ok(!matches(name), name)
})

for (const [what, match, message] of [
  ['a wildcard', 'spiffe://prod.example/*', /knows no wildcard: write \{ under/],
  ['a SPIFFE ID with a trailing slash', 'spiffe://prod.example/orders/', /begins like a SPIFFE ID but is none/],
  ['a SPIFFE ID with an upper-case scheme', 'SPIFFE://prod.example/orders', /begins like a SPIFFE ID but is none/],
  ['an empty text', '', /text that is not empty/],
  ['nothing', undefined, /takes an object, not undefined/],
  ['an empty object', {}, /takes either/],
  ['both parts at once', { under: 'spiffe://a/b', trustDomain: 'a' }, /takes either/],
  ['a prefix with a trailing slash', { under: 'spiffe://prod.example/' }, /without a trailing slash/],
  ['a prefix that is no SPIFFE ID', { under: '/shop' }, /takes a SPIFFE ID/],
  ['a trust domain with a path', { trustDomain: 'prod.example/shop' }, /takes a trust domain/],
  ['a trust domain with its scheme', { trustDomain: 'spiffe://prod.example' }, /takes a trust domain/],
  ['a trust domain in upper case', { trustDomain: 'Prod.example' }, /takes a trust domain/],
] as const) {
  test(`refuses ${what}`, () =>
    assert.throws(() => compileNameMatch('callers', match), { name: 'MisuseError', code: 'ERR_OPTION_INVALID', message }))
}

test('refuses a misspelt part by name', () => {
  assert.throws(() => compileNameMatch('callers', { trustdomain: 'a' }), {
    code: 'ERR_OPTION_UNKNOWN',
    option: 'callers.trustdomain',
    message: /did you mean trustDomain\?/,
  })
})
