import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileIdentityMatch, type Identity } from '@countersign/core'

const identity = (kind: Identity['kind'], value: string): Identity => ({ kind, authority: '', value })

test('never takes a name of one kind for one of another', () => {
  const orders = compileIdentityMatch('callers', 'spiffe://prod.example/orders')
  assert(orders(identity('spiffe', 'spiffe://prod.example/orders')))
  assert(!orders(identity('uri', 'spiffe://prod.example/orders')))
  assert(!orders(identity('subject', 'spiffe://prod.example/orders')))
  const named = compileIdentityMatch('callers', 'orders.example')
  for (const kind of ['dns', 'cn', 'uri', 'email'] as const) assert(named(identity(kind, 'orders.example')), kind)
  for (const kind of ['spiffe', 'subject'] as const) assert(!named(identity(kind, 'orders.example')), kind)
})

test('matches what is under a SPIFFE ID with SPIFFE IDs alone', () => {
  const shop = compileIdentityMatch('callers', { under: 'spiffe://prod.example/shop' })
  assert(shop(identity('spiffe', 'spiffe://prod.example/shop/orders')))
  assert(!shop(identity('uri', 'spiffe://prod.example/shop/orders')))
})

test('minds no letter case in a DNS name, and minds it everywhere else', () => {
  const matches = compileIdentityMatch('callers', 'Orders.example')
  assert(matches(identity('dns', 'orders.example')))
  assert(!matches(identity('cn', 'orders.example')))
})
