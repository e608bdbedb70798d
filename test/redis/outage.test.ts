import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StateStore } from '@countersign/core'
import { startRedis } from './redis-server.js'
import { adminOf, because, CLIENT_KINDS, entryOf, eventually, MINUTE_MS, newName, pullAll, serverForFile, storeOn } from './stores.js'

const untilMs = Date.now() + 10 * MINUTE_MS

/** Every kind of call that there is. */
const CALLS: Readonly<Record<string, (store: StateStore) => Promise<unknown>>> = {
  claim: (store) => store.claim('id', untilMs),
  read: (store) => store.read(['k']),
  commit: (store) => store.commit({ put: [{ key: 'k', value: 'v', untilMs }] }),
  pull: (store) => store.revocations.pull(null, 10),
  take: (store) => store.outbox.take(10, 1_000),
  acknowledge: (store) => store.outbox.acknowledge(['e']),
}

for (const kind of CLIENT_KINDS) {
  test(`${kind}: a server that stands still makes every call end in time, and is used again when it goes on`, async () => {
    const server = await startRedis()
    try {
      const store = storeOn(server, { kind, timeoutMs: 100 })
      await store.ready()
      server.freeze()
      await Promise.all(Object.values(CALLS).map((call) => assert.rejects(call(store), because('timeout'))))
      server.thaw()
      await eventually(
        () => pullAll(store).catch(() => null),
        (pulled) => pulled !== null,
      )
      for (const call of Object.values(CALLS)) await call(store)
      await store.close()
    } finally {
      await server.stop()
    }
  })

  test(`${kind}: a server that is gone makes every call fail at once, and is used again when it is back`, async () => {
    const server = await startRedis()
    try {
      const store = storeOn(server, { kind, timeoutMs: 5_000 })
      await store.ready()
      await server.kill()
      // The first may be on its way when the connection ends.
      await assert.rejects(store.read(['k']), because('unreachable'))
      const begunMs = performance.now()
      for (const call of Object.values(CALLS)) await assert.rejects(call(store), because('unreachable'))
      assert.ok(performance.now() - begunMs < 5_000, 'none of them waited for its time-out')
      await server.start()
      await eventually(
        () => pullAll(store).catch(() => null),
        (pulled) => pulled !== null,
      )
      for (const call of Object.values(CALLS)) await call(store)
      await store.close()
    } finally {
      await server.stop()
    }
  })

  test(`${kind}: a server that is not there yet is found when it comes`, async () => {
    const server = await startRedis()
    try {
      await server.kill()
      const store = storeOn(server, { kind, timeoutMs: 100, connectTimeoutMs: 300 })
      await assert.rejects(store.ready(), because('unreachable'))
      await assert.rejects(store.claim('id', untilMs), because('unreachable'))
      await server.start()
      await eventually(
        () => store.claim('id', untilMs).catch(() => null),
        (claim) => claim === 'first',
      )
      await store.ready()
      await store.close()
    } finally {
      await server.stop()
    }
  })

  test(`${kind}: a store that is closed says so, and closes twice`, async () => {
    const server = await startRedis()
    try {
      const store = storeOn(server, { kind })
      await store.ready()
      store.revocations.onAppend(() => {})
      await store.close()
      await store.close()
      for (const call of [...Object.values(CALLS), (it: StateStore) => it.ready()]) await assert.rejects(call(store), because('closed'))
    } finally {
      await server.stop()
    }
  })
}

const server = await serverForFile()
const admin = await adminOf(server)

test('a pause of the clients is a time-out, and what was answered late is nobody’s', async () => {
  const store = storeOn(server, { timeoutMs: 100 })
  await store.ready()
  await admin.sendCommand(['CLIENT', 'PAUSE', '400', 'ALL'])
  await assert.rejects(store.claim('paused', untilMs), because('timeout'))
  // It may have been claimed by whoever gave up: then nobody gets it, which is the safe end.
  const claim = await eventually(
    () => store.claim('paused', untilMs).catch(() => null),
    (answer) => answer !== null,
  )
  assert.ok(claim === 'again' || claim === 'first')
  assert.equal(await store.claim('paused', untilMs), 'again')
})

test('a flood of calls to a server that stands still is bounded', async () => {
  const frozen = await startRedis()
  try {
    const name = newName()
    const store = storeOn(frozen, { name, timeoutMs: 200 })
    await store.ready()
    frozen.freeze()
    const outcomes = await Promise.allSettled(Array.from({ length: 5_000 }, (_, i) => store.claim(`id-${i}`, untilMs)))
    for (const outcome of outcomes)
      assert.ok(outcome.status === 'rejected' && (because('timeout')(outcome.reason) || because('unreachable')(outcome.reason)))
    await store.close()
    frozen.thaw()
    const left = await adminOf(frozen)
    assert.ok((await left.keys(`{countersign:${name}}:claim:*`)).length <= 2_000)
  } finally {
    await frozen.stop()
  }
})

test('scripts that the server has forgotten are sent again', async () => {
  const store = storeOn(server)
  await store.ready()
  await admin.sendCommand(['SCRIPT', 'FLUSH'])
  for (const call of Object.values(CALLS)) await call(store)
})

test('a server that is full refuses what is new, keeps what is alive, and still tells what was revoked', async () => {
  const full = await startRedis(['--maxmemory-policy', 'noeviction'])
  try {
    const name = newName()
    const store = storeOn(full, { name })
    await store.ready()
    await store.commit({ put: [{ key: 'k', value: 'v', untilMs }], revoke: [entryOf('token')] })
    assert.equal(await store.claim('used', untilMs), 'first')
    await full.command('CONFIG', 'SET', 'maxmemory', '1mb')
    await assert.rejects(store.commit({ put: [{ key: 'k', value: 'x', untilMs }] }), because('full'))
    await assert.rejects(store.commit({ revoke: [entryOf('other')], remove: ['k'] }), because('full'))
    await assert.rejects(store.commit({ emit: [{ id: 'e', topic: 't', payload: '{}', atMs: 1 }] }), because('full'))
    assert.equal(await store.claim('new', untilMs), 'full')
    assert.notEqual(await store.claim('used', untilMs), 'first')
    assert.equal((await store.read(['k']))[0]?.value, 'v')
    assert.deepEqual((await pullAll(store)).ids, ['token'])
    // Taking away needs no memory.
    assert.equal(await store.commit({ remove: ['k'] }), true)
    await full.command('CONFIG', 'SET', 'maxmemory', '0')
    assert.equal(await store.claim('new', untilMs), 'first')
    await store.close()
  } finally {
    await full.stop()
  }
})

test('no error of the store holds what was to be kept', async () => {
  const store = storeOn(server)
  await store.ready()
  await admin.sendCommand(['CONFIG', 'SET', 'maxmemory', '1mb'])
  try {
    const error = await store.commit({ put: [{ key: 'k', value: 'hunter2', untilMs }] }).then(
      () => null,
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof Error)
    assert.doesNotMatch(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`, /hunter2|EVAL/)
  } finally {
    await admin.sendCommand(['CONFIG', 'SET', 'maxmemory', '0'])
  }
})

test('events that nobody takes fill the outbox, and still something can be revoked', async () => {
  const store = storeOn(server, { maxEvents: 2 })
  const event = (id: string) => ({ id, topic: 't', payload: '{}', atMs: 1 })
  await store.commit({ emit: [event('1'), event('2')] })
  await assert.rejects(store.commit({ emit: [event('3')] }), because('full'))
  assert.equal(await store.commit({ emit: [event('4')], revoke: [entryOf('token')] }), true)
  assert.deepEqual(
    (await store.outbox.take(10, 1_000)).map(({ id }) => id),
    ['1', '2', '4'],
  )
})
