import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Peer } from '@countersign/core'
import { createAdmission, createLimiter, type LimitOptions } from '@countersign/limit'
import { connectionFrom, createTestSurroundings, inboundFor, inboundOn } from './surroundings.js'

const FROM_A = inboundOn(connectionFrom('192.0.2.1'))
const FROM_B = inboundOn(connectionFrom('192.0.2.2'))

// The budget reads nothing of a peer but its identity.
const peer = (value: string): Peer => ({ id: value, identity: { kind: 'spiffe', authority: 'd', value } }) as Peer

function admissionOf(options: LimitOptions | undefined) {
  const surroundings = createTestSurroundings()
  return { ...surroundings, ...createAdmission(options, surroundings) }
}

test('by default an address may fail 20 times at once, and then once in three seconds', () => {
  const { clock, admit, charge } = admissionOf(undefined)
  for (let index = 0; index < 20; index++) {
    assert.equal(admit(FROM_A, null), null)
    charge(FROM_A, null)
  }
  const refusal = admit(FROM_A, null)
  assert.equal(refusal?.code, 'ERR_ATTEMPTS_EXCEEDED')
  assert.deepEqual(refusal?.facts, { retryAfterSeconds: 3 })
  clock.advanceMs(2999)
  assert.deepEqual(admit(FROM_A, null)?.facts, { retryAfterSeconds: 1 })
  clock.advanceMs(1)
  assert.equal(admit(FROM_A, null), null)
})

test('asking charges nothing', () => {
  const { admit } = admissionOf({ perAddress: { quota: 1, windowSeconds: 60 } })
  for (let index = 0; index < 1000; index++) assert.equal(admit(FROM_A, null), null)
})

test('the failures of one address use up the budget of no other', () => {
  const { admit, charge, counts } = admissionOf({ perAddress: { quota: 1, windowSeconds: 60 } })
  charge(FROM_A, null)
  assert.equal(admit(FROM_A, null)?.code, 'ERR_ATTEMPTS_EXCEEDED')
  assert.equal(admit(FROM_B, null), null)
  assert.equal(counts.get('rate_limit_exceeded_total policy per-address'), 1)
})

test('a verified peer has its own budget: the failures of its address do not count, nor its own for the address', () => {
  const { admit, charge } = admissionOf({ perAddress: { quota: 1, windowSeconds: 60 } })
  charge(FROM_A, null)
  assert.equal(admit(FROM_A, peer('spiffe://d/a')), null)
  charge(FROM_B, peer('spiffe://d/a'))
  assert.equal(admit(FROM_A, peer('spiffe://d/a'))?.code, 'ERR_ATTEMPTS_EXCEEDED')
  assert.equal(admit(FROM_B, peer('spiffe://d/b')), null)
  assert.equal(admit(FROM_B, null), null)
})

test('an address that goes on failing is let in no later than one that stopped', () => {
  const { clock, admit, charge } = admissionOf({ perAddress: { quota: 1, windowSeconds: 60 } })
  for (let index = 0; index < 1000; index++) charge(FROM_A, null)
  clock.advanceMs(60_000)
  assert.equal(admit(FROM_A, null), null)
})

test('a flood of addresses neither frees one that has failed nor finds a budget each', () => {
  const { admit, charge, counts } = admissionOf({ perAddress: { quota: 1, windowSeconds: 3600 }, maxKeys: 100 })
  charge(FROM_A, null)
  let admitted = 0
  for (let index = 0; index < 100_000; index++) {
    const inbound = inboundOn(connectionFrom(`2001:db8:${(index >> 8).toString(16)}:${(index & 0xff).toString(16)}::1`))
    if (admit(inbound, null) !== null) continue
    admitted++
    charge(inbound, null)
  }
  assert.equal(admitted, 99 + 64)
  assert.equal(admit(FROM_A, null)?.code, 'ERR_ATTEMPTS_EXCEEDED')
  assert.equal(counts.get('rate_limit_current limit_type address'), 100)
})

test('clients behind one connection of a proxy have budgets of their own, however their requests are mixed', () => {
  const { admit, charge } = admissionOf({ perAddress: { quota: 2, windowSeconds: 60 } })
  const proxy = connectionFrom('10.0.0.1')
  const [one, other] = [inboundFor('203.0.113.9', proxy), inboundFor('2001:db8::9', proxy)]
  charge(one, null)
  charge(other, null)
  charge(one, null)
  assert.equal(admit(one, null)?.code, 'ERR_ATTEMPTS_EXCEEDED')
  assert.equal(admit(other, null), null)
  assert.equal(admit(inboundOn(proxy), null), null)
  charge(inboundFor('2001:db8::ffff', proxy), null)
  assert.equal(admit(other, null)?.code, 'ERR_ATTEMPTS_EXCEEDED')
})

test('a client has one budget behind a proxy and without it, on each of its connections', () => {
  const { admit, charge } = admissionOf({ perAddress: { quota: 1, windowSeconds: 60 } })
  charge(inboundFor('192.0.2.1', connectionFrom('10.0.0.1')), null)
  assert.equal(admit(FROM_A, null)?.code, 'ERR_ATTEMPTS_EXCEEDED')
  assert.equal(admit(inboundFor('::ffff:192.0.2.1', connectionFrom('10.0.0.2')), null)?.code, 'ERR_ATTEMPTS_EXCEEDED')
})

test('a verified peer keeps its one budget, whatever address a proxy says', () => {
  const { admit, charge } = admissionOf({ perAddress: { quota: 1, windowSeconds: 60 } })
  const proxy = connectionFrom('10.0.0.1')
  charge(inboundFor('203.0.113.9', proxy), peer('spiffe://d/a'))
  assert.equal(admit(inboundFor('203.0.113.10', proxy), peer('spiffe://d/a'))?.code, 'ERR_ATTEMPTS_EXCEEDED')
  assert.equal(admit(inboundFor('203.0.113.9', proxy), null), null)
})

test('connections on Unix sockets share one budget, but for clients that a proxy has named', () => {
  const { admit, charge } = admissionOf({ perAddress: { quota: 1, windowSeconds: 60 } })
  charge(inboundOn(connectionFrom(null, 'unix')), null)
  assert.equal(admit(inboundOn(connectionFrom(null, 'unix')), null)?.code, 'ERR_ATTEMPTS_EXCEEDED')
  assert.equal(admit(inboundFor('203.0.113.9', connectionFrom(null, 'unix')), null), null)
  assert.equal(admit(inboundOn(connectionFrom(null)), null), null)
})

test('null counts no failures', () => {
  for (const options of [null, { perAddress: null }] as const) {
    const { admit, charge } = createAdmission(options, createTestSurroundings())
    for (let index = 0; index < 1000; index++) charge(FROM_A, null)
    assert.equal(admit(FROM_A, null), null)
  }
})

test('with a finished limiter the default budget holds', () => {
  const { admit, charge } = createAdmission(createLimiter(null, createTestSurroundings()), createTestSurroundings())
  for (let index = 0; index < 20; index++) charge(FROM_A, null)
  assert.equal(admit(FROM_A, null)?.code, 'ERR_ATTEMPTS_EXCEEDED')
})
