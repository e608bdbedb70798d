import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Principal } from '@countersign/core'
import { type AuthorizeOption, createAuthorizer, type Rule } from '@countersign/policy'
import { ANONYMOUS, inboundOf, named, principalOf, spiffe, spiffeIdentity, tokenOf } from './principals.js'

const ORDERS = spiffe('spiffe://d/orders')
const ISSUER = 'https://issuer.example'

function codeOf(authorize: AuthorizeOption, principal: Principal, method = 'GET', path = '/'): string | null {
  return createAuthorizer(authorize).authorize(principal, inboundOf(method, path), path)?.code ?? null
}

test("'any-authenticated' lets every proven caller in, and refuses the anonymous one", () => {
  assert.equal(codeOf('any-authenticated', ORDERS), null)
  assert.equal(codeOf('any-authenticated', ANONYMOUS), 'ERR_FORBIDDEN')
  assert.equal(codeOf('any-authenticated', { ...ORDERS, caller: null }), 'ERR_FORBIDDEN')
})

test("'anyone' lets the anonymous caller in too", () => {
  assert.equal(codeOf('anyone', ANONYMOUS), null)
  assert.equal(codeOf('anyone', ORDERS), null)
})

test('a finished authorizer is taken as it is', () => {
  const own = createAuthorizer('anyone')
  assert.equal(createAuthorizer(own), own)
})

test('a caller in the list is allowed everything, and any other one is forbidden', () => {
  assert.equal(codeOf(['spiffe://d/orders'], ORDERS, 'DELETE', '/x'), null)
  assert.equal(codeOf(['spiffe://d/orders'], spiffe('spiffe://d/other')), 'ERR_FORBIDDEN')
  assert.equal(codeOf(['spiffe://d/orders'], ANONYMOUS), 'ERR_FORBIDDEN')
})

for (const other of [
  'spiffe://d/orders/evil',
  'spiffe://d.evil/orders',
  'spiffe://d/Orders',
  'spiffe://D/orders',
  'spiffe://d/orders/',
  'spiffe://d/order',
  'spiffe://d',
  'spiffe://d/orders%00',
  ' spiffe://d/orders',
]) {
  test(`spiffe://d/orders does not match ${JSON.stringify(other)}`, () =>
    assert.equal(codeOf(['spiffe://d/orders'], spiffe(other)), 'ERR_FORBIDDEN'))
}

test('a SPIFFE ID in a rule matches no other kind of name that reads like it', () => {
  for (const kind of ['dns', 'uri', 'email', 'cn'] as const)
    assert.equal(codeOf(['spiffe://d/orders'], named(kind, 'spiffe://d/orders')), 'ERR_FORBIDDEN')
  const subject = tokenOf(ISSUER, 'spiffe://d/orders')
  assert.equal(codeOf(['spiffe://d/orders'], principalOf(subject.identity, subject)), 'ERR_FORBIDDEN')
})

test('another name matches what a certificate proves, and not the subject of a token nor a SPIFFE ID', () => {
  for (const kind of ['dns', 'uri', 'email', 'cn'] as const) assert.equal(codeOf(['orders.example'], named(kind, 'orders.example')), null)
  const subject = tokenOf(ISSUER, 'orders.example')
  assert.equal(codeOf(['orders.example'], principalOf(subject.identity, subject)), 'ERR_FORBIDDEN')
  assert.equal(codeOf(['orders.example'], spiffe('orders.example')), 'ERR_FORBIDDEN')
})

test('letter case means nothing in a DNS name, and something in every other', () => {
  assert.equal(codeOf(['Orders.Example'], named('dns', 'oRDERS.eXAMPLE')), null)
  assert.equal(codeOf(['Orders.Example'], named('cn', 'orders.example')), 'ERR_FORBIDDEN')
})

test('rules for names that differ in letter case alone are mixed up for DNS names only', () => {
  const rules: readonly Rule[] = [
    { callers: 'Orders.Example', paths: '/a' },
    { callers: 'orders.example', paths: '/b' },
  ]
  for (const path of ['/a', '/b']) {
    assert.equal(codeOf(rules, named('dns', 'orders.example'), 'GET', path), null)
    assert.equal(codeOf(rules, named('cn', 'Orders.Example'), 'GET', path), path === '/a' ? null : 'ERR_FORBIDDEN')
    assert.equal(codeOf(rules, named('cn', 'orders.example'), 'GET', path), path === '/b' ? null : 'ERR_FORBIDDEN')
  }
})

test('the subject of a token matches with its issuer, and not with another', () => {
  const rules: readonly Rule[] = [{ callers: { issuer: ISSUER, subject: 'alice' } }]
  const alice = tokenOf(ISSUER, 'alice')
  const impostor = tokenOf('https://other.example', 'alice')
  assert.equal(codeOf(rules, principalOf(alice.identity, alice)), null)
  assert.equal(codeOf(rules, principalOf(impostor.identity, impostor)), 'ERR_FORBIDDEN')
  assert.equal(codeOf(rules, principalOf(spiffeIdentity('spiffe://d/gateway'), alice)), null)
  assert.equal(codeOf(rules, named('cn', 'alice')), 'ERR_FORBIDDEN')
})

test('{ under } matches whole segments below a SPIFFE ID, and not the thing itself', () => {
  const rules: readonly Rule[] = [{ callers: { under: 'spiffe://d/shop' } }]
  assert.equal(codeOf(rules, spiffe('spiffe://d/shop/a/b')), null)
  for (const other of [
    'spiffe://d/shop',
    'spiffe://d/shopping',
    'spiffe://d/shopping/a',
    'spiffe://d.evil/shop/a',
    'spiffe://d/x/shop/a',
  ]) {
    assert.equal(codeOf(rules, spiffe(other)), 'ERR_FORBIDDEN', other)
  }
  assert.equal(codeOf(rules, named('uri', 'spiffe://d/shop/a')), 'ERR_FORBIDDEN')
})

test('{ trustDomain } matches the SPIFFE IDs of one trust domain', () => {
  const rules: readonly Rule[] = [{ callers: { trustDomain: 'd.example' } }]
  assert.equal(codeOf(rules, spiffe('spiffe://d.example/a')), null)
  for (const other of ['spiffe://d.example.evil/a', 'spiffe://x.d.example/a', 'spiffe://d/a'])
    assert.equal(codeOf(rules, spiffe(other)), 'ERR_FORBIDDEN', other)
})

test('no rule but { anonymous: true } matches the anonymous caller', () => {
  assert.equal(codeOf([{ methods: 'GET' }, { callers: { trustDomain: 'd' } }, { paths: '/' }], ANONYMOUS), 'ERR_FORBIDDEN')
  assert.equal(codeOf([{ callers: { anonymous: true }, paths: '/' }], ANONYMOUS), null)
  assert.equal(codeOf([{ callers: { anonymous: true }, paths: '/' }], ANONYMOUS, 'GET', '/x'), 'ERR_FORBIDDEN')
  assert.equal(codeOf([{ callers: { anonymous: true } }], ORDERS), 'ERR_FORBIDDEN')
})

test('who is anonymous is so whatever name it comes with', () => {
  const odd = { ...ORDERS, anonymous: true }
  for (const authorize of ['any-authenticated', ['spiffe://d/orders'], [{ methods: 'GET' }]] as const)
    assert.equal(codeOf(authorize, odd), 'ERR_FORBIDDEN')
})

test('a rule without callers matches every authenticated caller', () => {
  assert.equal(codeOf([{ paths: '/open' }], ORDERS, 'GET', '/open'), null)
  assert.equal(codeOf([{ paths: '/open' }], ORDERS, 'GET', '/open/x'), 'ERR_FORBIDDEN')
})

test('every named part must match', () => {
  const rules: readonly Rule[] = [
    { callers: ['spiffe://d/orders', 'spiffe://d/carts'], methods: ['GET', 'PUT'], paths: ['/a', { under: '/b' }] },
  ]
  assert.equal(codeOf(rules, ORDERS, 'PUT', '/b/c'), null)
  assert.equal(codeOf(rules, spiffe('spiffe://d/carts'), 'GET', '/a'), null)
  assert.equal(codeOf(rules, ORDERS, 'POST', '/a'), 'ERR_FORBIDDEN')
  assert.equal(codeOf(rules, ORDERS, 'HEAD', '/a'), 'ERR_FORBIDDEN')
  assert.equal(codeOf(rules, ORDERS, 'get', '/a'), 'ERR_FORBIDDEN')
  for (const path of ['/b', '/a/', '/A', '/a/c', '/bc', '/b%2fc', '/'])
    assert.equal(codeOf(rules, ORDERS, 'GET', path), 'ERR_FORBIDDEN', path)
})

test('missing scopes are told from a missing right, with the scopes that our rule asks for', () => {
  const authorizer = createAuthorizer([{ methods: 'GET', scopes: ['invoices:read', 'invoices:list'] }])
  const inbound = inboundOf('GET')
  const holding = (...scopes: string[]): Principal => principalOf(spiffeIdentity('spiffe://d/a'), tokenOf(ISSUER, 'a', {}, scopes))
  assert.equal(authorizer.authorize(holding('invoices:read', 'invoices:list', 'x'), inbound, '/'), null)
  const refusal = authorizer.authorize(holding('invoices:read'), inbound, '/')
  assert.equal(refusal?.code, 'ERR_SCOPE_INSUFFICIENT')
  assert.deepEqual(refusal?.facts['requiredScopes'], ['invoices:read', 'invoices:list'])
  assert.equal(authorizer.authorize(holding('invoices:read'), inboundOf('PUT'), '/')?.code, 'ERR_FORBIDDEN')
  assert.equal(authorizer.authorize(ORDERS, inbound, '/')?.code, 'ERR_FORBIDDEN')
})

test('another rule may allow what one lacks a scope for', () => {
  const rules: readonly Rule[] = [
    { callers: { trustDomain: 'd' }, scopes: ['admin'] },
    { callers: { under: 'spiffe://d/ops' }, methods: 'GET' },
  ]
  const ops = principalOf(spiffeIdentity('spiffe://d/ops/a'), tokenOf(ISSUER, 'a'))
  assert.equal(codeOf(rules, ops, 'GET'), null)
  assert.equal(codeOf(rules, ops, 'PUT'), 'ERR_SCOPE_INSUFFICIENT')
})

test('a claim must be one of the texts, or a list that holds one', () => {
  const rules: readonly Rule[] = [{ claims: { tenant: ['a', 'b'], role: 'admin' } }]
  const withClaims = (claims: Record<string, unknown>): Principal =>
    principalOf(spiffeIdentity('spiffe://d/x'), tokenOf(ISSUER, 'x', claims))
  assert.equal(codeOf(rules, withClaims({ tenant: 'a', role: 'admin' })), null)
  assert.equal(codeOf(rules, withClaims({ tenant: 'b', role: ['user', 'admin'] })), null)
  for (const claims of [
    {},
    { tenant: 'a' },
    { tenant: 'A', role: 'admin' },
    { tenant: 'c', role: 'admin' },
    { tenant: ['ab'], role: 'admin' },
    { tenant: { a: 'a' }, role: 'admin' },
    { tenant: 'a', role: 'administrator' },
    { tenant: 'a', role: true },
  ]) {
    assert.equal(codeOf(rules, withClaims(claims)), 'ERR_FORBIDDEN', JSON.stringify(claims))
  }
  assert.equal(codeOf(rules, ORDERS), 'ERR_FORBIDDEN')
})

test('a claim of the name of an inherited property is no claim', () => {
  const holder = principalOf(spiffeIdentity('spiffe://d/x'), tokenOf(ISSUER, 'x'))
  for (const name of ['constructor', 'toString', '__proto__', 'valueOf'])
    assert.equal(codeOf([{ claims: { [name]: 'x' } }], holder), 'ERR_FORBIDDEN', name)
})

test('a claim that the token inherits is no claim of the token', () => {
  const token = tokenOf(ISSUER, 'x')
  const heir = { ...token, claims: Object.create({ tenant: 'a' }) }
  assert.equal(codeOf([{ claims: { tenant: 'a' } }], principalOf(spiffeIdentity('spiffe://d/x'), heir)), 'ERR_FORBIDDEN')
})

test('a refusal by default says nothing, and one by a rule says where the rule stands', () => {
  const authorizer = createAuthorizer(['spiffe://d/orders', { callers: { trustDomain: 'd' }, paths: '/admin', deny: true }])
  assert.deepEqual(authorizer.authorize(spiffe('spiffe://d/x'), inboundOf('GET'), '/')?.facts, {})
  assert.deepEqual(authorizer.authorize(ORDERS, inboundOf('GET'), '/admin')?.facts, { rule: 'authorize[1]' })
})

test('the options are read once', () => {
  const callers = ['spiffe://d/orders']
  const authorizer = createAuthorizer([{ callers, methods: 'GET' }])
  callers.push('spiffe://d/evil')
  assert.equal(authorizer.authorize(spiffe('spiffe://d/evil'), inboundOf('GET'), '/')?.code, 'ERR_FORBIDDEN')
})

test('the start-up clause counts callers and rules', () => {
  assert.equal(createAuthorizer(['spiffe://d/orders']).toString(), '1 caller allowed')
  assert.equal(
    createAuthorizer(['spiffe://d/a', 'spiffe://d/b', { methods: 'GET' }, { paths: '/x', deny: true }]).toString(),
    '2 callers allowed, 2 rules',
  )
  assert.equal(createAuthorizer('any-authenticated').toString(), 'every authenticated caller allowed everything')
})
