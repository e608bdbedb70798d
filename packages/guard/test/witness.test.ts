import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventKind, Facts, Inbound } from '@countersign/core'
import { createGuard, type GuardOptions } from '@countersign/guard'
import { createTestRecorder } from '@countersign/testing'
import { inbound, peer, peerVerifier, token, tokenVerifier } from './fixture.js'

const orders = peer()

async function factsOf(kind: EventKind, request: Inbound, options: Partial<GuardOptions> = {}): Promise<Facts> {
  const recorder = createTestRecorder()
  const guard = createGuard({
    mtls: peerVerifier({ recall: orders }),
    jwt: null,
    authorize: 'any-authenticated',
    limit: null,
    audit: recorder,
    ...options,
  })
  const decision = await guard.decide(request)
  const [event, ...more] = recorder.of(kind)
  await guard.close()
  assert.equal(more.length, 0)
  assert.ok(event !== undefined)
  // What the log alone is told is in nothing that is sent.
  if (!decision.allowed) assert.ok(!JSON.stringify(decision).includes('billing.internal'))
  return event.facts
}

const paths: readonly (readonly [target: string, path: string | null])[] = [
  ['/orders/7?access_token=s3cret', '/orders/7'],
  ['/orders/7#fragment', '/orders/7'],
  ['/', '/'],
  ['*', '*'],
  ['https://alice:s3cret@localhost:8443/orders?x', '/orders'],
  ['alice:s3cret@localhost:8443', null],
  ['/a\u0000b', null],
  ['/a b', null],
  ['/\u202eb', null],
  [`/${'a'.repeat(300)}`, `/${'a'.repeat(199)}`],
]

test('names the path of a refused request in the log, without its query, cut, and only where it is plain', async () => {
  for (const [target, path] of paths) {
    const { path: told } = await factsOf('request.denied', inbound({ target }), { mtls: peerVerifier({ recall: null }) })
    assert.equal(told, path, target)
  }
})

test('names the path of an allowed request in the log, and no token where there is none', async () => {
  const facts = await factsOf('request.allowed', inbound({ target: '/orders/7?access_token=s3cret' }))
  assert.deepEqual([facts['path'], facts['peer'], facts['principal']], ['/orders/7', orders.id, orders.id])
  for (const name of ['subject', 'issuer', 'tokenId']) assert.ok(!(name in facts), name)
})

test('names subject, issuer and identifier of the token of an allowed request in the log', async () => {
  const told = async (claims: Record<string, unknown>): Promise<unknown[]> => {
    const { subject, issuer, tokenId } = await factsOf('request.allowed', inbound(), {
      jwt: tokenVerifier({ recall: token({ claims }) }),
    })
    return [subject, issuer, tokenId]
  }
  assert.deepEqual(await told({ jti: 'b7a1' }), ['alice', 'https://issuer.test', 'b7a1'])
  for (const jti of [7, undefined, 'x'.repeat(129)]) assert.deepEqual(await told({ jti }), ['alice', 'https://issuer.test', undefined])
})

test('names both hosts of a misdirected request in the log, cut and plain, and in nothing that is sent', async () => {
  const misdirected = async (authority: string, serverName = 'billing.internal'): Promise<unknown[]> => {
    const facts = await factsOf('request.denied', inbound({ authority, connection: { serverName } }), {
      authority: 'as-server-name',
      exposeDetails: true,
    })
    return [facts['serverName'], facts['authority']]
  }
  assert.deepEqual(await misdirected('orders.internal:8443'), ['billing.internal', 'orders.internal:8443'])
  assert.deepEqual(await misdirected('o'.repeat(400)), ['billing.internal', 'o'.repeat(255)])
  assert.deepEqual(await misdirected('orders.internal', 'bill\ning'), [null, 'orders.internal'])
})
