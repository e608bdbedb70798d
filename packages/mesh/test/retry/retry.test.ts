import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StateError } from '@countersign/core'
import type { AuthMeshOptions } from '@countersign/mesh'
import { createMemoryStateStore } from '@countersign/state'
import { createTestClock } from '@countersign/testing'
import { BILLING, breakable, ORDERS, PARTNER, peerOf, stage } from '../fixture.js'

/** A mesh whose store fails so often, whose pauses are noted, and whose clock moves with them. */
async function failing(
  failures: number,
  retry: AuthMeshOptions['retry'],
  thrown: () => unknown = () => new StateError('unreachable', 'down'),
) {
  const clock = createTestClock()
  const { store, state } = breakable(createMemoryStateStore({ clock }), thrown)
  const pauses: number[] = []
  const staged = await stage({
    clock,
    store,
    ...(retry === undefined ? {} : { retry }),
    runtime: {
      random: () => 1 - Number.EPSILON,
      sleep: async (ms) => {
        pauses.push(Math.round(ms))
        clock.setMs(clock.nowMs() + ms)
      },
    },
  })
  const readsBefore = state.reads
  state.isDown = true
  state.failures = failures
  return { ...staged, state, pauses, attempts: () => state.reads - readsBefore }
}

const request = (service = ORDERS) => ({ service, peer: peerOf(service), audience: service === ORDERS ? BILLING : ORDERS })

test('two failures, then success: three attempts by default, with pauses that grow', async () => {
  const { mesh, pauses, attempts } = await failing(2, undefined)
  assert.equal((await mesh.authenticateService(request())).status, 'AUTHENTICATED')
  assert.equal(attempts(), 3)
  assert.deepEqual(pauses, [5000, 10_000])
  await mesh.close()
})

test('each service has its own rules', async () => {
  const retry = { attempts: 2, delaySeconds: 3, services: { [ORDERS]: { attempts: 5, delaySeconds: 1, factor: 1 } } }
  const one = await failing(Number.POSITIVE_INFINITY, retry)
  await one.mesh.authenticateService(request(ORDERS))
  assert.equal(one.attempts(), 5)
  assert.deepEqual(one.pauses, [1000, 1000, 1000, 1000])
  await one.mesh.close()
  const other = await failing(Number.POSITIVE_INFINITY, retry)
  await other.mesh.authenticateService(request(PARTNER))
  assert.equal(other.attempts(), 2)
  assert.deepEqual(other.pauses, [3000])
  await other.mesh.close()
})

test('no pause is begun that would end after the deadline', async () => {
  const { mesh, pauses, clock } = await failing(Number.POSITIVE_INFINITY, { attempts: 10, delaySeconds: 4, deadlineSeconds: 15 })
  const startMs = clock.nowMs()
  const issued = await mesh.authenticateService(request())
  assert.ok(issued.status !== 'AUTHENTICATED')
  assert.deepEqual(pauses, [4000, 8000])
  assert.ok(clock.nowMs() - startMs <= 15_000)
  await mesh.close()
})

test('no pause is longer than the longest', async () => {
  const { mesh, pauses } = await failing(Number.POSITIVE_INFINITY, {
    attempts: 5,
    delaySeconds: 2,
    factor: 10,
    maxDelaySeconds: 3,
    deadlineSeconds: 600,
  })
  await mesh.authenticateService(request())
  assert.deepEqual(pauses, [2000, 3000, 3000, 3000])
  await mesh.close()
})

test('pauses are a random part of what they may be', async () => {
  const clock = createTestClock()
  const { store, state } = breakable(createMemoryStateStore({ clock }), () => new StateError('timeout', 'slow'))
  const pauses: number[] = []
  const { mesh } = await stage({ clock, store, runtime: { random: () => 0.25, sleep: async (ms) => void pauses.push(ms) } })
  state.isDown = true
  await mesh.authenticateService(request())
  assert.deepEqual(pauses, [1250, 2500])
  await mesh.close()
})

for (const reason of ['full', 'tampered', 'unsafe', 'closed'] as const) {
  test(`a store that says ${reason} is not asked again`, async () => {
    const { mesh, attempts } = await failing(1, undefined, () => new StateError(reason, 'no'))
    const issued = await mesh.authenticateService(request())
    assert.ok(issued.status !== 'AUTHENTICATED')
    assert.deepEqual({ code: issued.code, ...issued.facts }, { code: 'ERR_STATE_UNAVAILABLE', reason })
    assert.equal(attempts(), 1)
    await mesh.close()
  })
}

test('what was refused is not tried again', async () => {
  const { mesh, attempts, pauses } = await failing(0, undefined)
  await mesh.authenticateService({ ...request(), peer: peerOf(BILLING) })
  await mesh.propagateSession({ session: 'nothing', from: ORDERS, to: BILLING })
  assert.equal(attempts(), 1)
  assert.deepEqual(pauses, [])
  await mesh.close()
})

test('after so many operations that failed nothing is tried for a while, then one, then all', async () => {
  const { mesh, attempts, state, clock } = await failing(Number.POSITIVE_INFINITY, {
    attempts: 2,
    delaySeconds: 0,
    breakerFailures: 3,
    breakerSeconds: 10,
  })
  const codes = async (count: number) => {
    const before = attempts()
    for (let turn = 0; turn < count; turn++) await mesh.authenticateService(request())
    return attempts() - before
  }
  assert.equal(await codes(3), 6)
  assert.equal(await codes(5), 0)
  clock.setMs(clock.nowMs() + 10_000)
  assert.equal(await codes(3), 1)
  clock.setMs(clock.nowMs() + 10_000)
  state.isDown = false
  assert.equal((await mesh.authenticateService(request())).status, 'AUTHENTICATED')
  assert.equal((await mesh.authenticateService(request())).status, 'AUTHENTICATED')
  await mesh.close()
})

test('refusals do not open the breaker', async () => {
  const { mesh } = await failing(0, { breakerFailures: 1 })
  for (let turn = 0; turn < 5; turn++) await mesh.authenticateService({ ...request(), audience: 'nobody.example' })
  assert.equal((await mesh.authenticateService(request())).status, 'AUTHENTICATED')
  await mesh.close()
})

test('closing ends a pause, and there is no further attempt', async () => {
  const clock = createTestClock()
  const { store, state } = breakable(createMemoryStateStore({ clock }), () => new StateError('unreachable', 'down'))
  const { mesh } = await stage({
    clock,
    store,
    runtime: { sleep: (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())) },
  })
  state.isDown = true
  const { reads } = state
  const pending = mesh.authenticateService(request())
  await new Promise((resolve) => setImmediate(resolve))
  await mesh.close()
  const issued = await pending
  assert.ok(issued.status !== 'AUTHENTICATED')
  assert.equal(state.reads - reads, 1)
})
