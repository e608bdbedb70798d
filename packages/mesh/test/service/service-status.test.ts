import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextServiceStatus, SERVICE_TRANSITIONS, type ServiceChange, type ServiceStatus } from '../../dist/service/service-status.js'
import { BILLING, ORDERS, stage, thumbprintOf, tokenOf, until } from '../fixture.js'

const CHANGES: readonly ServiceChange[] = ['authenticate', 'expire', 'revoke', 'invalidate', 'deregister']

test('the table of transitions: what leads where, and nothing else', () => {
  const table = Object.fromEntries(
    (Object.keys(SERVICE_TRANSITIONS) as ServiceStatus[]).map((from) => [from, CHANGES.map((change) => nextServiceStatus(from, change))]),
  )
  assert.deepEqual(table, {
    //               authenticate     expire     revoke     invalidate deregister
    UNAUTHORIZED: ['AUTHENTICATED', null, 'REVOKED', null, 'REVOKED'],
    AUTHENTICATED: ['AUTHENTICATED', 'EXPIRED', 'REVOKED', 'INVALID', 'REVOKED'],
    EXPIRED: ['AUTHENTICATED', null, 'REVOKED', 'INVALID', 'REVOKED'],
    REVOKED: ['AUTHENTICATED', null, 'REVOKED', null, 'REVOKED'],
    INVALID: ['AUTHENTICATED', null, 'REVOKED', null, 'REVOKED'],
  })
})

test('nothing but proving itself anew leads from REVOKED to AUTHENTICATED', () => {
  const ways = CHANGES.filter((change) => nextServiceStatus('REVOKED', change) === 'AUTHENTICATED')
  assert.deepEqual(ways, ['authenticate'])
})

test('every status is reached, and told of by another process as by the one that brought it about', async () => {
  const { mesh, later, store, clock } = await stage({ token: { expiresInSeconds: 60 } })
  const other = await stage({ store, clock })
  const seen: unknown[] = []
  const look = async () => {
    const [here, there] = [await mesh.status(ORDERS), await other.mesh.status(ORDERS)]
    assert.equal(there, here)
    seen.push(here)
  }
  await look()
  await tokenOf(mesh, ORDERS, BILLING)
  await look()
  await later(91)
  await look()
  await tokenOf(mesh, ORDERS, BILLING)
  await mesh.revoke({ service: ORDERS }, { reason: 'unspecified' })
  await look()
  await later(1)
  await tokenOf(mesh, ORDERS, BILLING)
  await mesh.revoke({ certificate: thumbprintOf(ORDERS) }, { reason: 'unspecified' })
  await later(1)
  await until(() => other.mesh.revocations.has('certificate', thumbprintOf(ORDERS), 0))
  await look()
  assert.deepEqual(seen, ['UNAUTHORIZED', 'AUTHENTICATED', 'EXPIRED', 'REVOKED', 'INVALID'])
  await mesh.close()
  await other.mesh.close()
})

test('a service whose latest token was revoked is REVOKED', async () => {
  const { mesh } = await stage()
  const { tokenId } = await tokenOf(mesh, ORDERS, BILLING)
  await mesh.revoke({ token: tokenId }, { reason: 'unspecified' })
  assert.equal(await mesh.status(ORDERS), 'REVOKED')
  await mesh.close()
})

test('a record that cannot be understood makes a service INVALID until it proves itself anew', async () => {
  const { mesh, store } = await stage()
  await tokenOf(mesh, ORDERS, BILLING)
  const key = `service:${ORDERS.length}:${ORDERS}`
  await store.commit({ put: [{ key, value: '{"status":"AUTHENTICATED"}', untilMs: Number.MAX_SAFE_INTEGER }] })
  assert.equal(await mesh.status(ORDERS), 'INVALID')
  await tokenOf(mesh, ORDERS, BILLING)
  assert.equal(await mesh.status(ORDERS), 'AUTHENTICATED')
  await mesh.close()
})

test('the gauge of active services rises and falls, and what has run out is told once', async () => {
  const { mesh, meter, later, events } = await stage({ token: { expiresInSeconds: 60 } })
  await mesh.sync()
  const { tokenId } = await tokenOf(mesh, ORDERS, BILLING)
  await mesh.sync()
  await later(91)
  await mesh.sync()
  await mesh.sync()
  assert.deepEqual(meter.values('auth_active_services'), [0, 1, 0, 0])
  const expired = () => events.filter(({ topic }) => topic === 'auth.token.expired')
  await until(() => expired().length > 0)
  assert.equal(expired().length, 1)
  assert.ok(expired()[0]?.payload.includes(tokenId))
  await mesh.close()
})
