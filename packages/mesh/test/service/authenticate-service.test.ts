import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StateError } from '@countersign/core'
import { createMemoryStateStore } from '@countersign/state'
import { createTestClock } from '@countersign/testing'
import { decodeToken } from '@countersign/token'
import {
  apiKeyOf,
  BILLING,
  breakable,
  coreOf,
  ISSUER,
  LEDGER,
  ORDERS,
  PARTNER,
  peerOf,
  SERVICES,
  stage,
  thumbprintOf,
  until,
} from '../fixture.js'

test('gives a service that has proven its certificate a token for one target, bound to that certificate', async () => {
  const { mesh, clock } = await stage({ keys: {} })
  const issued = await mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING, scopes: ['invoices:read'] })
  assert.equal(issued.status, 'AUTHENTICATED')
  assert.equal(issued.boundTo, thumbprintOf(ORDERS))
  assert.equal(issued.expiresAtMs, clock.nowMs() + 3_600_000)
  const { header, claims } = decodeToken(issued.accessToken)
  assert.deepEqual({ ...header }, { alg: 'RS256', typ: 'at+jwt', kid: coreOf(mesh).keys.kid })
  const iat = clock.nowMs() / 1000
  assert.deepEqual(
    { ...claims, cnf: { ...(claims['cnf'] as object) } },
    {
      iss: ISSUER,
      sub: ORDERS,
      aud: BILLING,
      client_id: ORDERS,
      scope: 'invoices:read',
      cnf: { 'x5t#S256': thumbprintOf(ORDERS) },
      iat,
      nbf: iat,
      exp: iat + 3600,
      jti: issued.tokenId,
    },
  )
  assert.equal(await mesh.status(ORDERS), 'AUTHENTICATED')
  await mesh.close()
})

test('gives a service a token for itself, whomever it may call: sessions may then be handed on to it', async () => {
  const { mesh } = await stage({ services: { ...SERVICES, [LEDGER]: { mayCall: [] } } })
  const issued = await mesh.authenticateService({ service: LEDGER, peer: peerOf(LEDGER), audience: LEDGER })
  assert.equal(issued.status, 'AUTHENTICATED')
  await mesh.authenticateService({ service: BILLING, peer: peerOf(BILLING), audience: LEDGER })
  const session = await mesh.sessions.create({ subject: 'alice' })
  assert.ok(!session.refused)
  const handed = await mesh.propagateSession({ session: session.id, from: BILLING, to: LEDGER })
  assert.equal(handed.refused, undefined)
  await mesh.close()
})

for (const [claim, request, expected] of [
  ['a certificate of another service', { peer: peerOf(BILLING) }, { status: 'UNAUTHORIZED', code: 'ERR_SERVICE_MISMATCH' }],
  [
    'a common name that is spelled like the service',
    { service: PARTNER, peer: peerOf(PARTNER, { identity: { kind: 'cn', authority: '', value: PARTNER } }), audience: ORDERS },
    { status: 'UNAUTHORIZED', code: 'ERR_SERVICE_MISMATCH' },
  ],
  ['no certificate', { peer: null }, { status: 'UNAUTHORIZED', code: 'ERR_SERVICE_UNPROVEN' }],
  ['an API key where mTLS is required', { peer: null, apiKey: apiKeyOf(ORDERS) }, { status: 'UNAUTHORIZED', code: 'ERR_SERVICE_UNPROVEN' }],
  [
    'a name that a proxy asserts without a certificate',
    { peer: peerOf(ORDERS, { certificate: null, provenance: 'proxy-asserted' }) },
    { status: 'UNAUTHORIZED', code: 'ERR_SERVICE_UNPROVEN' },
  ],
  ['a certificate that has expired', { peer: peerOf(ORDERS, { expiresAtMs: 1 }) }, { status: 'EXPIRED', code: 'ERR_SERVICE_UNPROVEN' }],
  [
    'a service that there is not',
    { service: 'spiffe://test.example/nobody', peer: peerOf('spiffe://test.example/nobody') },
    { status: 'UNAUTHORIZED', code: 'ERR_SERVICE_UNKNOWN' },
  ],
  ['a target that there is not', { audience: 'spiffe://test.example/nobody' }, { status: 'UNAUTHORIZED', code: 'ERR_TARGET_UNKNOWN' }],
  ['a target that it may not call', { audience: LEDGER }, { status: 'UNAUTHORIZED', code: 'ERR_TARGET_FORBIDDEN' }],
  ['a scope that it may not have', { scopes: ['invoices:write'] }, { status: 'UNAUTHORIZED', code: 'ERR_SCOPE_EXCEEDED' }],
] as const) {
  test(`refuses ${claim}: no state, no event`, async () => {
    const clock = createTestClock()
    const { store, state } = breakable(createMemoryStateStore({ clock }), () => new StateError('unreachable', 'down'))
    const { mesh, events, recorder, meter } = await stage({ clock, store })
    const { reads, commits } = state
    const issued = await mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING, ...request })
    assert.ok(issued.status !== 'AUTHENTICATED')
    assert.deepEqual({ status: issued.status, code: issued.code }, expected)
    assert.deepEqual({ reads: state.reads, commits: state.commits }, { reads, commits })
    assert.equal(await mesh.status(ORDERS), 'UNAUTHORIZED')
    assert.deepEqual(await store.outbox.take(10, 1000), [])
    assert.deepEqual(events, [])
    assert.equal(recorder.of('service.authentication-failed')[0]?.code, expected.code)
    assert.equal(meter.total('service_authentication_failed_total', { reason: expected.code }), 1)
    await mesh.close()
  })
}

test('an API key proves a service where mTLS is optional, and its token is bound to a certificate that is named', async () => {
  const { mesh } = await stage({ mtls: 'optional' })
  const bearer = await mesh.authenticateService({ service: ORDERS, peer: null, apiKey: apiKeyOf(ORDERS), audience: BILLING })
  assert.equal(bearer.status, 'AUTHENTICATED')
  assert.equal(bearer.boundTo, null)
  const bound = await mesh.authenticateService({
    service: ORDERS,
    peer: null,
    apiKey: apiKeyOf(ORDERS),
    audience: BILLING,
    boundTo: thumbprintOf(ORDERS),
  })
  assert.ok(bound.status === 'AUTHENTICATED')
  assert.equal(bound.boundTo, thumbprintOf(ORDERS))
  const other = await mesh.authenticateService({ service: ORDERS, peer: null, apiKey: apiKeyOf(BILLING), audience: BILLING })
  assert.ok(other.status !== 'AUTHENTICATED')
  assert.equal(other.code, 'ERR_SERVICE_MISMATCH')
  await mesh.close()
})

test('a bad certificate is final, whatever API key comes with it', async () => {
  const { mesh } = await stage({ mtls: 'optional' })
  const issued = await mesh.authenticateService({ service: ORDERS, peer: peerOf(BILLING), apiKey: apiKeyOf(ORDERS), audience: BILLING })
  assert.ok(issued.status !== 'AUTHENTICATED')
  assert.equal(issued.code, 'ERR_SERVICE_MISMATCH')
  await mesh.close()
})

test('with the store down there is no token', async () => {
  const clock = createTestClock()
  const { store, state } = breakable(createMemoryStateStore({ clock }), () => new StateError('unreachable', 'down'))
  const { mesh, events, recorder } = await stage({ clock, store })
  state.isDown = true
  const issued = await mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING })
  assert.ok(issued.status !== 'AUTHENTICATED')
  assert.equal(issued.code, 'ERR_STATE_UNAVAILABLE')
  assert.equal(issued.facts['reason'], 'unreachable')
  assert.deepEqual(events, [])
  assert.equal(recorder.of('token.issued').length, 0)
  state.isDown = false
  assert.equal((await mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING })).status, 'AUTHENTICATED')
  await mesh.close()
})

test('where others are always quicker there is no token', async () => {
  const clock = createTestClock()
  const memory = createMemoryStateStore({ clock })
  let isContended = false
  const { mesh } = await stage({ clock, store: { ...memory, commit: async (change) => !isContended && memory.commit(change) } })
  isContended = true
  const issued = await mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING })
  assert.ok(issued.status !== 'AUTHENTICATED')
  assert.equal(issued.code, 'ERR_STATE_CONFLICT')
  await mesh.close()
})

test('with the broker down there is a token, and its event is delivered later', async () => {
  const delivered: string[] = []
  let isDown = true
  const { mesh } = await stage({
    events: (event) => {
      if (isDown) throw new Error('the broker is down')
      delivered.push(event.payload)
    },
  })
  const issued = await mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING })
  assert.ok(issued.status === 'AUTHENTICATED')
  assert.deepEqual(delivered, [])
  isDown = false
  await until(() => delivered.length > 0)
  assert.match(delivered[0] ?? '', new RegExp(issued.tokenId))
  assert.ok(!delivered.join().includes(issued.accessToken.slice(-40)))
  await mesh.close()
})

test('gives a token for as long as is asked, and never longer than the mesh allows', async () => {
  const { mesh, clock } = await stage({ token: { expiresInSeconds: 60, maxExpiresInSeconds: 120 } })
  const request = { service: ORDERS, peer: peerOf(ORDERS), audience: BILLING }
  const usual = await mesh.authenticateService(request)
  assert.ok(usual.status === 'AUTHENTICATED')
  assert.equal(usual.expiresAtMs, clock.nowMs() + 60_000)
  const longer = await mesh.authenticateService({ ...request, expiresInSeconds: 120 })
  assert.ok(longer.status === 'AUTHENTICATED')
  assert.equal(longer.expiresAtMs, clock.nowMs() + 120_000)
  await assert.rejects(mesh.authenticateService({ ...request, expiresInSeconds: 121 }), { code: 'ERR_OPTION_INVALID' })
  await mesh.close()
})

test('100 tokens that are asked for at once are 100 tokens, and each has a jti of its own', async () => {
  const { mesh } = await stage()
  const issued = await Promise.all(
    Array.from({ length: 100 }, () => mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING })),
  )
  const ids = new Set(issued.map((one) => (one.status === 'AUTHENTICATED' ? one.tokenId : one.code)))
  assert.equal(ids.size, 100)
  assert.ok(issued.every(({ status }) => status === 'AUTHENTICATED'))
  await mesh.close()
})

test('a request has no place for a key', async () => {
  const { mesh } = await stage()
  const request = { service: ORDERS, peer: peerOf(ORDERS), audience: BILLING }
  // @ts-expect-error: a private key never crosses this interface.
  await assert.rejects(mesh.authenticateService({ ...request, key: 'pem' }), { code: 'ERR_OPTION_UNKNOWN' })
  await mesh.close()
})

test('asks a directory of services each time', async () => {
  const services = new Map(Object.entries(SERVICES as Record<string, { mayCall: string[] }>))
  const { mesh } = await stage({ services: { get: (id) => services.get(id), ids: () => [...services.keys()] } })
  const request = { service: ORDERS, peer: peerOf(ORDERS), audience: BILLING }
  assert.equal((await mesh.authenticateService(request)).status, 'AUTHENTICATED')
  services.delete(BILLING)
  const issued = await mesh.authenticateService(request)
  assert.ok(issued.status !== 'AUTHENTICATED')
  assert.equal(issued.code, 'ERR_TARGET_UNKNOWN')
  await mesh.close()
})
