import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Principal } from '@countersign/core'
import { createAuthorizer, type Rule } from '@countersign/policy'
import { ANONYMOUS, inboundOf, named, principalOf, spiffe, spiffeIdentity, tokenOf } from './principals.js'

const ORDERS = spiffe('spiffe://d/orders')

function isDenied(rule: Rule, principal: Principal, method = 'GET', path = '/'): boolean {
  const everything: readonly Rule[] = [{ callers: [{ trustDomain: 'd' }, { anonymous: true }, 'orders.example'] }]
  const before = createAuthorizer([rule, ...everything]).authorize(principal, inboundOf(method, path), path)
  const after = createAuthorizer([...everything, rule]).authorize(principal, inboundOf(method, path), path)
  assert.equal(before?.code, after?.code)
  assert.ok(after === null || after.code === 'ERR_FORBIDDEN')
  return after !== null
}

test('a denying rule wins over every allowing one, wherever it stands', () => {
  assert.equal(isDenied({ callers: 'spiffe://d/orders', methods: 'DELETE', deny: true }, ORDERS, 'DELETE'), true)
  assert.equal(isDenied({ callers: 'spiffe://d/orders', methods: 'DELETE', deny: true }, ORDERS, 'GET'), false)
  assert.equal(isDenied({ callers: 'spiffe://d/orders', deny: true }, spiffe('spiffe://d/other')), false)
})

for (const path of ['/admin', '/Admin', '/ADMIN/', '/%61dmin', '/admin//', '//admin', '/admin;x=1', '/admin/;x']) {
  test(`a rule that denies /admin denies ${path}`, () => assert.equal(isDenied({ paths: '/admin', deny: true }, ORDERS, 'GET', path), true))
}

for (const path of ['/', '/administrator', '/admin/x', '/x/admin']) {
  test(`a rule that denies /admin does not deny ${path}`, () =>
    assert.equal(isDenied({ paths: '/admin', deny: true }, ORDERS, 'GET', path), false))
}

for (const path of ['/admin/x', '/ADMIN/x', '/admin%2Fx', '/admin%2fx', '/admin/;x', '/admin/%FF', '/admin//x', '/admin/x/']) {
  test(`a rule that denies what is under /admin denies ${path}`, () =>
    assert.equal(isDenied({ paths: { under: '/admin' }, deny: true }, ORDERS, 'GET', path), true))
}

test('a path outside ASCII is denied in each of its spellings', () => {
  const rule: Rule = { paths: '/caf%C3%A9', deny: true }
  for (const path of ['/caf%C3%A9', '/caf%c3%a9', '/CAF%C3%89']) assert.equal(isDenied(rule, ORDERS, 'GET', path), true, path)
})

test('denying GET denies HEAD, which routers answer with the same handler', () => {
  assert.equal(isDenied({ methods: 'GET', paths: '/x', deny: true }, ORDERS, 'HEAD', '/x'), true)
  assert.equal(isDenied({ methods: 'HEAD', paths: '/x', deny: true }, ORDERS, 'GET', '/x'), false)
})

test('a denying rule without callers denies the anonymous caller too', () => {
  assert.equal(isDenied({ paths: '/admin', deny: true }, ANONYMOUS, 'GET', '/admin'), true)
  assert.equal(isDenied({ callers: { trustDomain: 'd' }, deny: true }, ANONYMOUS), false)
  assert.equal(isDenied({ callers: { anonymous: true }, paths: '/admin', deny: true }, ANONYMOUS, 'GET', '/admin'), true)
  assert.equal(isDenied({ callers: { anonymous: true }, paths: '/admin', deny: true }, ORDERS, 'GET', '/admin'), false)
})

test('a denying rule means whom a token speaks for as well as who brings it', () => {
  const token = tokenOf('https://issuer.example', 'mallory', { role: 'guest' })
  const delegated = { ...principalOf(spiffeIdentity('spiffe://d/gateway'), token), subject: spiffeIdentity('spiffe://d/mallory') }
  assert.equal(isDenied({ callers: { issuer: 'https://issuer.example', subject: 'mallory' }, deny: true }, delegated), true)
  assert.equal(isDenied({ callers: { issuer: 'https://other.example', subject: 'mallory' }, deny: true }, delegated), false)
  assert.equal(isDenied({ callers: 'spiffe://d/mallory', deny: true }, delegated), true)
  assert.equal(isDenied({ callers: 'spiffe://d/gateway', deny: true }, delegated), true)
  assert.equal(isDenied({ callers: { under: 'spiffe://d/gateway' }, deny: true }, delegated), false)
  assert.equal(isDenied({ claims: { role: 'guest' }, deny: true }, delegated), true)
  assert.equal(isDenied({ callers: 'Orders.Example', deny: true }, named('dns', 'orders.example')), true)
})
