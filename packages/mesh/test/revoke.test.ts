import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StateError } from '@countersign/core'
import { createMemoryStateStore } from '@countersign/state'
import { createTestClock } from '@countersign/testing'
import { BILLING, breakable, coreOf, ORDERS, peerOf, stage, thumbprintOf, tokenOf, until } from './fixture.js'

const REASON = { reason: 'key-compromise' } as const
const request = { audience: BILLING, peer: peerOf(ORDERS) }

test('all that a service has is revoked, and it may prove itself anew in the same second', async () => {
  const { mesh } = await stage()
  const before = await tokenOf(mesh, ORDERS, BILLING)
  assert.deepEqual(await mesh.revoke({ service: ORDERS }, REASON), { kind: 'service', isStored: true })
  assert.equal(await mesh.status(ORDERS), 'REVOKED')
  assert.equal((await mesh.validateServiceToken(before.token, request)).status, 'REVOKED')
  const after = await tokenOf(mesh, ORDERS, BILLING)
  assert.equal(await mesh.status(ORDERS), 'AUTHENTICATED')
  assert.equal((await mesh.validateServiceToken(after.token, request)).status, 'AUTHENTICATED')
  assert.equal((await mesh.validateServiceToken(before.token, request)).status, 'REVOKED')
  await mesh.close()
})

test('a service that is revoked again and again within one second has no token that counts', async () => {
  const { mesh } = await stage()
  const tokens: string[] = []
  for (let round = 0; round < 10; round++) {
    tokens.push((await tokenOf(mesh, ORDERS, BILLING)).token)
    await mesh.revoke({ service: ORDERS }, REASON)
  }
  for (const token of tokens) assert.equal((await mesh.validateServiceToken(token, request)).status, 'REVOKED')
  await mesh.close()
})

test('a service that is revoked more often in one second than clocks may differ waits for its next token', async () => {
  const { mesh, later } = await stage({ clockSkewSeconds: 2 })
  for (let round = 0; round < 3; round++) {
    await tokenOf(mesh, ORDERS, BILLING)
    await mesh.revoke({ service: ORDERS }, REASON)
  }
  const issued = await mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING })
  assert.ok(issued.status !== 'AUTHENTICATED')
  assert.deepEqual({ code: issued.code, ...issued.facts }, { code: 'ERR_SERVICE_REVOKED', reason: 'too-often' })
  await later(1)
  await tokenOf(mesh, ORDERS, BILLING)
  await mesh.close()
})

for (const clockSkewSeconds of [0, 30, 60]) {
  test(`with clocks that may differ by ${clockSkewSeconds} seconds a service proves itself anew as often in one second`, async () => {
    const { mesh, later } = await stage({ clockSkewSeconds })
    for (let round = 0; round <= clockSkewSeconds; round++) {
      const { token } = await tokenOf(mesh, ORDERS, BILLING)
      assert.equal((await mesh.validateServiceToken(token, request)).status, 'AUTHENTICATED', `round ${round}`)
      await mesh.revoke({ service: ORDERS }, REASON)
    }
    const issued = await mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING })
    assert.equal(issued.status === 'AUTHENTICATED' ? 'got one' : issued.code, 'ERR_SERVICE_REVOKED')
    await later(1)
    await tokenOf(mesh, ORDERS, BILLING)
    await mesh.close()
  })
}

test('without a current list of what was revoked no service gets a token, and is told so', async () => {
  const clock = createTestClock()
  const inner = createMemoryStateStore({ clock })
  let silent = false
  const revocations = {
    ...inner.revocations,
    pull: async (...asked: Parameters<typeof inner.revocations.pull>) => {
      if (silent) throw new StateError('unreachable', 'no answer')
      return inner.revocations.pull(...asked)
    },
  }
  const { mesh } = await stage({ clock, store: { ...inner, revocations } })
  await tokenOf(mesh, ORDERS, BILLING)
  silent = true
  clock.advanceSeconds(600)
  const refused = await mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING })
  assert.equal(refused.status === 'AUTHENTICATED' ? 'got one' : refused.code, 'ERR_STATE_UNAVAILABLE')
  silent = false
  await tokenOf(mesh, ORDERS, BILLING)
  await mesh.close()
})

test('a session whose record is gone is revoked all the same', async () => {
  const { mesh } = await stage()
  assert.deepEqual(await mesh.revoke({ session: 'A'.repeat(22) }, REASON), { kind: 'session', isStored: true })
  assert.equal(mesh.revocations.has('session', 'A'.repeat(22), Date.now()), true)
  await mesh.close()
})

test('1,000 rounds of revoking against proving anew never end authenticated with a revoked jti', async () => {
  const clock = createTestClock()
  const { mesh } = await stage({ clock, events: null })
  for (let round = 0; round < 1000; round++) {
    clock.setMs(clock.nowMs() + 2013)
    const { token } = await tokenOf(mesh, ORDERS, BILLING)
    const [, issued] = await Promise.all([
      mesh.revoke({ service: ORDERS }, REASON),
      mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING }),
    ])
    assert.equal((await mesh.validateServiceToken(token, request)).status, 'REVOKED')
    const status = await mesh.status(ORDERS)
    const counts =
      issued.status === 'AUTHENTICATED' && (await mesh.validateServiceToken(issued.accessToken, request)).status === 'AUTHENTICATED'
    assert.equal(status === 'AUTHENTICATED', counts, `round ${round}: ${String(status)}`)
  }
  await mesh.close()
})

test('a certificate that is revoked proves nobody, and what is bound to it counts nowhere', async () => {
  const { mesh } = await stage()
  const { token } = await tokenOf(mesh, ORDERS, BILLING)
  await mesh.revoke({ certificate: thumbprintOf(ORDERS) }, REASON)
  assert.equal((await mesh.validateServiceToken(token, request)).status, 'REVOKED')
  assert.equal(await mesh.status(ORDERS), 'INVALID')
  const again = await mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING })
  assert.ok(again.status !== 'AUTHENTICATED')
  assert.deepEqual({ status: again.status, code: again.code }, { status: 'REVOKED', code: 'ERR_SERVICE_REVOKED' })
  const renewed = peerOf(ORDERS, { thumbprint: thumbprintOf('renewed') })
  assert.equal((await mesh.authenticateService({ service: ORDERS, peer: renewed, audience: BILLING })).status, 'AUTHENTICATED')
  assert.equal(await mesh.status(ORDERS), 'AUTHENTICATED')
  await mesh.close()
})

test('a certificate that is revoked takes along the tokens that were got with it and bound to another one', async () => {
  const clock = createTestClock()
  const store = createMemoryStateStore({ clock })
  const one = await stage({ clock, store })
  const other = await stage({ clock, store })
  const used = thumbprintOf('used')
  const issued = await one.mesh.authenticateService({ service: ORDERS, peer: peerOf(ORDERS), audience: BILLING, boundTo: used })
  assert.ok(issued.status === 'AUTHENTICATED')
  await coreOf(other.mesh).directory.load()
  const asked = { audience: BILLING, peer: peerOf(ORDERS, { thumbprint: used }) }
  assert.equal((await other.mesh.validateServiceToken(issued.accessToken, asked)).status, 'AUTHENTICATED')
  await one.mesh.revoke({ certificate: thumbprintOf(ORDERS) }, REASON)
  assert.equal((await one.mesh.validateServiceToken(issued.accessToken, asked)).status, 'REVOKED')
  await until(() => other.mesh.revocations.has('certificate', thumbprintOf(ORDERS), 0))
  assert.equal((await other.mesh.validateServiceToken(issued.accessToken, asked)).status, 'REVOKED')
  await one.mesh.close()
  await other.mesh.close()
})

test('a new certificate of the same name is accepted, and the old one until it is revoked', async () => {
  const { mesh } = await stage()
  const old = peerOf(ORDERS)
  const renewed = peerOf(ORDERS, { thumbprint: thumbprintOf('renewed') })
  for (const peer of [old, renewed, old])
    assert.equal((await mesh.authenticateService({ service: ORDERS, peer, audience: BILLING })).status, 'AUTHENTICATED')
  await mesh.revoke({ certificate: old }, REASON)
  assert.equal((await mesh.authenticateService({ service: ORDERS, peer: old, audience: BILLING })).status, 'REVOKED')
  assert.equal((await mesh.authenticateService({ service: ORDERS, peer: renewed, audience: BILLING })).status, 'AUTHENTICATED')
  await mesh.close()
})

test('a key that is revoked signs no more, and the next one does', async () => {
  const { mesh } = await stage()
  const before = await tokenOf(mesh, ORDERS, BILLING)
  const { kid } = coreOf(mesh).keys
  await mesh.revoke({ key: kid }, REASON)
  assert.equal((await mesh.validateServiceToken(before.token, request)).status, 'REVOKED')
  assert.equal(await mesh.status(ORDERS), 'INVALID')
  await until(() => coreOf(mesh).keys.kid !== kid)
  const after = await tokenOf(mesh, ORDERS, BILLING)
  assert.equal((await mesh.validateServiceToken(after.token, request)).status, 'AUTHENTICATED')
  await mesh.close()
})

test('what was revoked is refused until nobody would accept it anyway', async () => {
  const { mesh, later } = await stage({ token: { expiresInSeconds: 600 } })
  const { token, tokenId } = await tokenOf(mesh, ORDERS, BILLING)
  await mesh.revoke({ token: tokenId }, REASON)
  for (const seconds of [590, 39]) {
    await later(seconds)
    assert.ok(mesh.revocations.has('token', tokenId, 0))
  }
  assert.equal((await mesh.validateServiceToken(token, request)).status, 'REVOKED')
  await later(60)
  assert.equal((await mesh.validateServiceToken(token, request)).status, 'EXPIRED')
  await mesh.close()
})

test('with the store down a revocation is obeyed here, and stored as soon as it can be', async () => {
  const clock = createTestClock()
  const memory = createMemoryStateStore({ clock })
  const { store, state } = breakable(memory, () => new StateError('unreachable', 'down'))
  const { mesh } = await stage({ clock, store })
  const other = await stage({ clock, store: memory })
  const { token, tokenId } = await tokenOf(mesh, ORDERS, BILLING)
  state.isDown = true
  assert.deepEqual(await mesh.revoke({ token: tokenId }, REASON), { kind: 'token', isStored: false })
  assert.equal((await mesh.validateServiceToken(token, request)).status, 'REVOKED')
  assert.equal(other.mesh.revocations.has('token', tokenId, 0), false)
  state.isDown = false
  await until(() => other.mesh.revocations.has('token', tokenId, 0))
  await mesh.close()
  await other.mesh.close()
})

test('what one process revokes, another refuses within a second', async () => {
  const clock = createTestClock()
  const store = createMemoryStateStore({ clock })
  const one = await stage({ clock, store })
  const other = await stage({ clock, store })
  const { token, tokenId } = await tokenOf(one.mesh, ORDERS, BILLING)
  await coreOf(other.mesh).directory.load()
  assert.equal((await other.mesh.validateServiceToken(token, request)).status, 'AUTHENTICATED')
  const startMs = performance.now()
  await one.mesh.revoke({ token: tokenId }, REASON)
  await until(() => other.mesh.revocations.has('token', tokenId, 0))
  assert.ok(performance.now() - startMs < 1000)
  assert.equal((await other.mesh.validateServiceToken(token, request)).status, 'REVOKED')
  await one.mesh.close()
  await other.mesh.close()
})

test('there is no way to take a revocation back', async () => {
  const { mesh } = await stage()
  const { token, tokenId } = await tokenOf(mesh, ORDERS, BILLING)
  await mesh.revoke({ token: tokenId }, REASON)
  await mesh.revoke({ token: tokenId }, { reason: 'superseded' })
  await coreOf(mesh).revocations.commit({
    revoke: [{ kind: 'token', id: tokenId, issuedBeforeMs: 0, untilMs: 1, revokedAtMs: 0, reason: 'taken back' }],
  })
  assert.equal((await mesh.validateServiceToken(token, request)).status, 'REVOKED')
  assert.deepEqual(
    Object.keys(mesh).filter((name) => /restore|unrevoke|pardon|clear|reset/i.test(name)),
    [],
  )
  await mesh.close()
})

test('refuses to revoke for no reason, nothing, two things at once, or a service that there is not', async () => {
  const { mesh } = await stage()
  const revoke = mesh.revoke as (what: unknown, options: unknown) => Promise<unknown>
  await assert.rejects(revoke({ token: 'a' }, {}), { code: 'ERR_OPTION_INVALID' })
  await assert.rejects(revoke({ token: 'a' }, { reason: 'because' }), { code: 'ERR_OPTION_INVALID' })
  await assert.rejects(revoke({}, REASON), { code: 'ERR_OPTION_INVALID' })
  await assert.rejects(revoke({ token: 'a', key: 'b' }, REASON), { code: 'ERR_OPTION_INVALID' })
  await assert.rejects(revoke({ user: 'a' }, REASON), { code: 'ERR_OPTION_UNKNOWN' })
  const refused = await mesh.revoke({ service: 'spiffe://test.example/nobody' }, REASON)
  assert.equal(refused.refused && refused.code, 'ERR_SERVICE_UNKNOWN')
  await mesh.close()
})
