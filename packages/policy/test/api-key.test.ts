import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApiKey, Identity, Principal, Token } from '@countersign/core'
import { type AuthorizeOption, createAuthorizer } from '@countersign/policy'
import { ANONYMOUS, inboundOf, spiffeIdentity, tokenOf } from './principals.js'

const ORDERS = spiffeIdentity('spiffe://prod.example/orders')
const BATCH: Identity = { kind: 'subject', authority: 'api-keys', value: 'batch' }

function keyOf(owner: Identity, scopes: readonly string[] = []): ApiKey {
  return { id: 'id', owner, scopes: new Set(scopes), expiresAtMs: Number.POSITIVE_INFINITY }
}

/** As the guard makes it of a key, and of a token beside it. */
function principalOf(apiKey: ApiKey, token: Token | null = null): Principal {
  const isOwner = token !== null && token.identity.kind === apiKey.owner.kind && token.identity.value === apiKey.owner.value
  return {
    ...ANONYMOUS,
    id: apiKey.owner.value,
    anonymous: false,
    caller: apiKey.owner,
    subject: token === null || isOwner ? null : token.identity,
    apiKey,
    token,
    evidence: token === null ? ['api-key'] : ['jwt', 'api-key'],
  }
}

function verdict(authorize: AuthorizeOption, principal: Principal): string {
  return createAuthorizer(authorize).authorize(principal, inboundOf('GET', '/invoices'), '/invoices')?.code ?? 'allowed'
}

test('knows the owner of a key by its SPIFFE ID, like the holder of a certificate', () => {
  assert.equal(verdict(['spiffe://prod.example/orders'], principalOf(keyOf(ORDERS))), 'allowed')
  assert.equal(verdict([{ callers: { under: 'spiffe://prod.example' } }], principalOf(keyOf(ORDERS))), 'allowed')
  assert.equal(verdict(['spiffe://prod.example/billing'], principalOf(keyOf(ORDERS))), 'ERR_FORBIDDEN')
  assert.equal(verdict('any-authenticated', principalOf(keyOf(ORDERS))), 'allowed')
})

test('knows an owner that is no SPIFFE ID by its issuer alone', () => {
  const batch = principalOf(keyOf(BATCH))
  assert.equal(verdict([{ callers: { issuer: 'api-keys', subject: 'batch' } }], batch), 'allowed')
  assert.equal(verdict([{ callers: { issuer: 'https://issuer.example', subject: 'batch' } }], batch), 'ERR_FORBIDDEN')
  assert.equal(verdict(['batch'], batch), 'ERR_FORBIDDEN')
})

test('denies by the owner of a key, whoever else its token speaks for', () => {
  const deny = [{ callers: { issuer: 'api-keys', subject: 'batch' }, deny: true }, { methods: 'GET' }] as const
  assert.equal(verdict(deny, principalOf(keyOf(BATCH))), 'ERR_FORBIDDEN')
  assert.equal(verdict(deny, principalOf(keyOf(BATCH), tokenOf('https://issuer.example', 'alice'))), 'ERR_FORBIDDEN')
  assert.equal(verdict(deny, principalOf(keyOf(ORDERS))), 'allowed')
})

test('counts the scopes of a key as its owner’s', () => {
  const rules = [{ callers: 'spiffe://prod.example/orders', scopes: ['invoices:read', 'invoices:list'] }] as const
  assert.equal(verdict(rules, principalOf(keyOf(ORDERS, ['invoices:read', 'invoices:list']))), 'allowed')
  assert.equal(verdict(rules, principalOf(keyOf(ORDERS, ['invoices:read']))), 'ERR_SCOPE_INSUFFICIENT')
  assert.equal(verdict(rules, principalOf(keyOf(ORDERS))), 'ERR_SCOPE_INSUFFICIENT')
  const own: Token = { ...tokenOf('https://issuer.example', ORDERS.value, {}, ['invoices:list']), identity: ORDERS }
  assert.equal(verdict(rules, principalOf(keyOf(ORDERS, ['invoices:read']), own)), 'allowed', 'its token and its key together')
})

test('lends the scopes of a key to nobody whom a token speaks for', () => {
  const rules = [{ callers: 'spiffe://prod.example/orders', scopes: ['invoices:write'] }] as const
  const key = keyOf(ORDERS, ['invoices:write'])
  const alice = (scopes: readonly string[]) => principalOf(key, tokenOf('https://issuer.example', 'alice', {}, scopes))
  assert.equal(verdict(rules, alice(['invoices:read'])), 'ERR_SCOPE_INSUFFICIENT')
  assert.equal(verdict(rules, alice(['invoices:write'])), 'allowed')
})
