import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StateStore } from '@countersign/core'
import { startRedis } from './redis-server.js'
import { adminOf, because, entryOf, eventually, MINUTE_MS, newName, pullAll, serverForFile, storeOn } from './stores.js'

const server = await serverForFile()
const admin = await adminOf(server)

/** Two processes that share a mesh, as far as a store can tell. */
async function two(options: Parameters<typeof storeOn>[1] = {}): Promise<readonly [StateStore, StateStore]> {
  const name = newName()
  const stores = [storeOn(server, { name, settleMs: 300, ...options }), storeOn(server, { name, settleMs: 300, ...options })] as const
  for (const store of stores) await store.ready()
  return stores
}

test('a store that nobody has used yet is complete since it was first asked', async () => {
  const store = storeOn(server)
  const page = await store.revocations.pull(null, 10)
  assert.ok(page.completeSinceMs > 0 && page.completeSinceMs <= page.storeNowMs)
  assert.equal((await store.revocations.pull(page.position, 10)).completeSinceMs, page.completeSinceMs)
})

test('a new store goes back for ever where nothing can have been issued before', async () => {
  const name = newName()
  const store = storeOn(server, { name, whenEmpty: 'new' })
  assert.equal((await store.revocations.pull(null, 10)).completeSinceMs, Number.NEGATIVE_INFINITY)
  assert.equal((await storeOn(server, { name }).revocations.pull(null, 10)).completeSinceMs, Number.NEGATIVE_INFINITY)
})

test('a store that a fresh process takes for new is one that was lost as soon as a process that knew it asks', async () => {
  const name = newName()
  const old = storeOn(server, { name, whenEmpty: 'new', settleMs: 0 })
  await old.ready()
  const before = await pullAll(old)
  await admin.flushAll()
  const fresh = storeOn(server, { name, whenEmpty: 'new' })
  assert.equal((await fresh.revocations.pull(null, 10)).completeSinceMs, Number.NEGATIVE_INFINITY)
  await assert.rejects(old.commit({ put: [{ key: 'key', value: 'v', untilMs: Date.now() + MINUTE_MS }] }), because('unreachable'))
  const lost = await old.revocations.pull(before.last.position, 10)
  assert.ok(lost.completeSinceMs > 0)
  assert.equal((await fresh.revocations.pull(null, 10)).completeSinceMs, lost.completeSinceMs)
  await old.revocations.restore([], true)
  assert.equal((await fresh.revocations.pull(null, 10)).completeSinceMs, Number.NEGATIVE_INFINITY)
})

test('a flush is a loss for a process that knew the store, whatever it takes an empty one for', async () => {
  const store = storeOn(server, { whenEmpty: 'new' })
  const { last } = await pullAll(store)
  await admin.flushAll()
  assert.ok((await store.revocations.pull(last.position, 10)).completeSinceMs > 0)
})

test('a flush begins another generation, which is complete from then on only', async () => {
  const [a, b] = await two()
  await a.commit({ revoke: [entryOf('lost')] })
  const before = await pullAll(b)
  await admin.flushAll()
  const after = await b.revocations.pull(before.last.position, 10)
  assert.notEqual(after.position.generation, before.last.position.generation)
  assert.equal(after.whole, true)
  assert.ok(after.completeSinceMs > before.last.completeSinceMs)
  assert.deepEqual(after.entries, [])
})

test('processes that start at once on an empty store begin one generation together, whatever each of them asks first', async () => {
  for (let round = 0; round < 20; round++) {
    const name = newName()
    const stores = Array.from({ length: 4 }, () => storeOn(server, { name, whenEmpty: 'new' }))
    const generations = await Promise.all(
      stores.map(async (store, i) => {
        const [page, claim] = await Promise.all([
          store.revocations.pull(null, 10),
          store.claim(`id-${i}`, Date.now() + MINUTE_MS),
          store.ready(),
        ])
        assert.equal(claim, 'first')
        return page.position.generation
      }),
    )
    assert.equal(new Set(generations).size, 1)
    for (const store of stores) await store.close()
  }
})

test('processes that notice a flush at once begin one generation together', async () => {
  const name = newName()
  const stores = Array.from({ length: 6 }, () => storeOn(server, { name }))
  const positions = await Promise.all(stores.map(async (store) => (await store.revocations.pull(null, 10)).position))
  await admin.flushAll()
  const generations = await Promise.all(
    stores.map(async (store, i) => (await store.revocations.pull(positions[i] ?? null, 10)).position.generation),
  )
  assert.equal(new Set(generations).size, 1)
})

test('what was given back by a process with a current view counts once the others had their time', async () => {
  const [a, b] = await two()
  await a.commit({ revoke: [entryOf('one'), entryOf('two')] })
  const before = await pullAll(b)
  await admin.flushAll()
  const lost = await b.revocations.pull(before.last.position, 10)
  await b.revocations.restore([entryOf('one'), entryOf('two')], true)
  const given = await pullAll(b)
  assert.deepEqual(given.ids, ['one', 'two'])
  assert.equal(given.last.completeSinceMs, lost.completeSinceMs, 'not at once')
  const settled = await eventually(
    async () => (await a.revocations.pull(null, 10)).completeSinceMs,
    (sinceMs) => sinceMs < lost.completeSinceMs,
  )
  assert.equal(settled, before.last.completeSinceMs)
})

test('a store that is lost again before it counted as complete inherits what it would have had', async () => {
  const [a] = await two()
  const before = await pullAll(a)
  let { position } = before.last
  for (let i = 0; i < 3; i++) {
    await admin.flushAll()
    position = (await a.revocations.pull(position, 10)).position
    await a.revocations.restore([entryOf('one')], true)
  }
  const settled = await eventually(
    async () => (await a.revocations.pull(position, 10)).completeSinceMs,
    (sinceMs) => sinceMs <= before.last.completeSinceMs,
  )
  assert.equal(settled, before.last.completeSinceMs)
})

test('a store that is lost again before all was given back goes back no further than the loss before', async () => {
  const [a] = await two({ settleMs: 0 })
  const before = await pullAll(a)
  await admin.flushAll()
  const first = await a.revocations.pull(before.last.position, 10)
  await admin.flushAll()
  const second = await a.revocations.pull(first.position, 10)
  await a.revocations.restore([], true)
  assert.equal((await a.revocations.pull(second.position, 10)).completeSinceMs, first.completeSinceMs)
})

test('what a process without a current view gives back is kept, and makes nothing complete', async () => {
  const [a] = await two({ settleMs: 0 })
  const before = await pullAll(a)
  await admin.flushAll()
  const lost = await a.revocations.pull(before.last.position, 10)
  await a.revocations.restore([entryOf('one')], false)
  const { ids, last } = await pullAll(a)
  assert.deepEqual(ids, ['one'])
  assert.equal(last.completeSinceMs, lost.completeSinceMs)
})

test('a process that starts after a flush cannot make the store complete', async () => {
  const name = newName()
  await storeOn(server, { name }).ready()
  await admin.flushAll()
  const late = storeOn(server, { name, settleMs: 0 })
  const page = await late.revocations.pull(null, 10)
  await late.revocations.restore([], true)
  assert.equal((await late.revocations.pull(page.position, 10)).completeSinceMs, page.completeSinceMs)
})

test('after a flush nothing is claimed and nothing is committed before the loss has been read', async () => {
  const [a] = await two()
  const { last } = await pullAll(a)
  await admin.flushAll()
  await assert.rejects(a.claim('proof', Date.now() + MINUTE_MS), because('unreachable'))
  await assert.rejects(a.commit({ put: [{ key: 'k', value: 'v', untilMs: Date.now() + MINUTE_MS }] }), because('unreachable'))
  await a.revocations.pull(last.position, 10)
  assert.equal(await a.claim('proof', Date.now() + MINUTE_MS), 'first')
})

test('what was used before a flush is not used again once the process that knows has given it back', async () => {
  const [a, b] = await two()
  const untilMs = Date.now() + MINUTE_MS
  assert.equal(await a.claim('used', untilMs), 'first')
  const before = await pullAll(a)
  await pullAll(b)
  await admin.flushAll()
  await a.revocations.pull(before.last.position, 10)
  await a.revocations.restore([], true)
  await pullAll(b)
  assert.equal(await b.claim('used', untilMs), 'again')
})

test('claims that a process could not remember keep the store from being complete', async () => {
  const [a] = await two({ maxRememberedClaims: 1, settleMs: 0 })
  for (const id of ['first', 'second']) await a.claim(id, Date.now() + MINUTE_MS)
  const before = await pullAll(a)
  await admin.flushAll()
  const lost = await a.revocations.pull(before.last.position, 10)
  await a.revocations.restore([], true)
  assert.equal((await a.revocations.pull(lost.position, 10)).completeSinceMs, lost.completeSinceMs)
})

test('a version from before a flush never fits what was written after it', async () => {
  const [a, b] = await two()
  const untilMs = Date.now() + MINUTE_MS
  await a.commit({ put: [{ key: 'k', value: 'before', untilMs }] })
  const [old] = await a.read(['k'])
  await admin.flushAll()
  await pullAll(a)
  await pullAll(b)
  await b.commit({ put: [{ key: 'k', value: 'after', untilMs }] })
  assert.equal(await a.commit({ expect: [['k', old?.version ?? null]], put: [{ key: 'k', value: 'wrong', untilMs }] }), false)
})

/** Starts a server that keeps a file, puts it back to that file after `lose` has written more, and gives what the store says then. */
async function putBack(lose: (store: StateStore) => Promise<unknown>): Promise<readonly [before: string, after: string]> {
  const own = await startRedis(['--dbfilename', 'dump.rdb'])
  try {
    const store = storeOn(own, { timeoutMs: 2_000 })
    await store.ready()
    await store.commit({ revoke: [entryOf('kept')] })
    const before = await pullAll(store)
    await own.command('SAVE')
    await lose(store)
    await own.kill()
    await own.start()
    const after = await eventually(
      () => store.revocations.pull(before.last.position, 10).catch(() => null),
      (page) => page !== null,
    )
    const known = await pullAll(store)
    assert.deepEqual(known.ids, ['kept'])
    await store.close()
    return [before.last.position.generation, after?.position.generation ?? '']
  } finally {
    await own.stop()
  }
}

test('a server that comes back with a file older than the last revocation begins another generation', async () => {
  const [before, after] = await putBack((store) => store.commit({ revoke: [entryOf('lost')] }))
  assert.notEqual(after, before)
})

test('a server that comes back with a file older than the last claim begins another generation', async () => {
  const [before, after] = await putBack((store) => store.claim('used', Date.now() + MINUTE_MS))
  assert.notEqual(after, before)
})

test('a server that comes back with all that it had stays what it was', async () => {
  const own = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
  try {
    const store = storeOn(own, { timeoutMs: 2_000 })
    await store.ready()
    await store.commit({ revoke: [entryOf('kept')] })
    const before = await pullAll(store)
    await own.kill()
    await own.start()
    const after = await eventually(
      () => store.revocations.pull(before.last.position, 10).catch(() => null),
      (page) => page !== null,
    )
    assert.equal(after?.position.generation, before.last.position.generation)
    assert.equal(after?.whole, false)
    await store.close()
  } finally {
    await own.stop()
  }
})

test('a fresh process that asks first does not hide from the others that writes were lost', async () => {
  const own = await startRedis(['--dbfilename', 'dump.rdb'])
  try {
    const name = newName()
    const old = storeOn(own, { name, timeoutMs: 2_000 })
    await old.ready()
    const before = await pullAll(old)
    await own.command('SAVE')
    await old.commit({ revoke: [entryOf('lost')] })
    await own.kill()
    await own.start()
    const fresh = storeOn(own, { name, timeoutMs: 2_000 })
    await fresh.ready()
    await pullAll(fresh)
    const after = await eventually(
      () => old.revocations.pull(before.last.position, 10).catch(() => null),
      (page) => page !== null,
    )
    assert.notEqual(after?.position.generation, before.last.position.generation)
    for (const store of [old, fresh]) await store.close()
  } finally {
    await own.stop()
  }
})

test('what is revoked while all of it is being read is read too', async () => {
  const [a, b] = await two()
  await a.commit({ revoke: Array.from({ length: 1_000 }, (_, i) => entryOf(`old-${i}`)) })
  const ids = new Set<string>()
  let page = await b.revocations.pull(null, 100)
  for (let i = 0; ; i++) {
    for (const { id } of page.entries) ids.add(id)
    if (i < 20) await a.commit({ revoke: [entryOf(`new-${i}`)] })
    if (!page.more && i >= 20) break
    page = await b.revocations.pull(page.position, 100)
  }
  assert.equal(ids.size, 1_020)
})
