import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { SecurityEvent } from '@countersign/core'
import { adminOf, because, entryOf, MINUTE_MS, newName, pullAll, serverForFile, storeOn } from './stores.js'

const server = await serverForFile()
const admin = await adminOf(server)
const untilMs = Date.now() + 10 * MINUTE_MS

function keyOf(name: string, rest: string): string {
  return `{countersign:${name}}:${rest}`
}

/** The text with its last character changed. */
function altered(text: string | null): string {
  assert.ok(text !== null && text.length > 0)
  return `${text.slice(0, -1)}${text.endsWith('x') ? 'y' : 'x'}`
}

test('a record that was changed in the store is not used', async () => {
  const name = newName()
  const store = storeOn(server, { name })
  await store.commit({ put: [{ key: 'session', value: 'alice', untilMs }] })
  const key = keyOf(name, 'record:session')
  await admin.set(key, altered(await admin.get(key)))
  await assert.rejects(store.read(['session']), because('tampered'))
})

test('a record that was copied to another key, or given more time, is not used', async () => {
  const name = newName()
  const store = storeOn(server, { name })
  await store.commit({ put: [{ key: 'guest', value: 'alice', untilMs }] })
  const text = (await admin.get(keyOf(name, 'record:guest'))) ?? ''
  await admin.set(keyOf(name, 'record:admin'), text)
  await assert.rejects(store.read(['admin']), because('tampered'))
  await admin.set(keyOf(name, 'record:guest'), text.replace(String(untilMs), String(untilMs + 1)))
  await assert.rejects(store.read(['guest']), because('tampered'))
})

test('a record of another mesh with the same secret is not used', async () => {
  const [from, to] = [newName(), newName()]
  await storeOn(server, { name: from }).commit({ put: [{ key: 'k', value: 'v', untilMs }] })
  await admin.set(keyOf(to, 'record:k'), (await admin.get(keyOf(from, 'record:k'))) ?? '')
  await assert.rejects(storeOn(server, { name: to }).read(['k']), because('tampered'))
})

test('something that has no form of a record is not used', async () => {
  const name = newName()
  const store = storeOn(server, { name })
  for (const text of ['', 'alice', '1.2.3.alice', '{}']) {
    await admin.set(keyOf(name, 'record:k'), text)
    await assert.rejects(store.read(['k']), because('tampered'))
  }
})

test('a store that was written with another secret is not used', async () => {
  const name = newName()
  const store = storeOn(server, { name })
  await store.ready()
  const stranger = storeOn(server, { name, macKey: randomBytes(32) })
  await assert.rejects(stranger.ready(), because('tampered'))
  await assert.rejects(stranger.revocations.pull(null, 10), because('tampered'))
  await assert.rejects(stranger.claim('id', untilMs), because('tampered'))
})

test('a revocation that was changed in the store, or taken away, stops the list: it is not read past', async () => {
  const name = newName()
  const [store, reader] = [storeOn(server, { name }), storeOn(server, { name })]
  const { last } = await pullAll(reader)
  await store.commit({ revoke: [entryOf('token')] })
  const key = keyOf(name, 'revocations')
  const [digest = ''] = await admin.hKeys(key)
  await admin.hSet(key, digest, altered((await admin.hGet(key, digest)) ?? null))
  for (const position of [last.position, null]) await assert.rejects(reader.revocations.pull(position, 10), because('tampered'))
  await admin.hDel(key, digest)
  for (const position of [last.position, null]) await assert.rejects(reader.revocations.pull(position, 10), because('tampered'))
})

test('what stands in the place of a revocation gives way to it', async () => {
  const name = newName()
  const store = storeOn(server, { name })
  await store.commit({ revoke: [entryOf('token')] })
  const [digest = ''] = await admin.hKeys(keyOf(name, 'revocations'))
  for (const text of ['', 'anything', altered((await admin.hGet(keyOf(name, 'revocations'), digest)) ?? null)]) {
    await admin.hSet(keyOf(name, 'revocations'), digest, text)
    assert.equal(await store.commit({ revoke: [entryOf('token')] }), true)
    assert.deepEqual((await pullAll(store)).ids, ['token'])
  }
})

test('a revocation that was put in the place of another does not swallow it', async () => {
  const name = newName()
  const store = storeOn(server, { name })
  await store.commit({ revoke: [entryOf('harmless')] })
  const [harmless = ''] = await admin.hKeys(keyOf(name, 'revocations'))
  await store.commit({ revoke: [entryOf('token')] })
  const digests = await admin.hKeys(keyOf(name, 'revocations'))
  const token = digests.find((digest) => digest !== harmless) ?? ''
  await admin.hSet(keyOf(name, 'revocations'), token, (await admin.hGet(keyOf(name, 'revocations'), harmless)) ?? '')
  await store.commit({ revoke: [entryOf('token')] })
  assert.deepEqual((await pullAll(store)).ids, ['harmless', 'token'])
})

test('a revocation that was written over another stops the list of whoever starts: the other is not forgotten in silence', async () => {
  const name = newName()
  const store = storeOn(server, { name })
  await store.commit({ revoke: [entryOf('one'), entryOf('two')] })
  const key = keyOf(name, 'revocations')
  const [one, two] = await admin.hKeys(key)
  await admin.hSet(key, one ?? '', (await admin.hGet(key, two ?? '')) ?? '')
  await assert.rejects(pullAll(storeOn(server, { name })), because('tampered'))
})

test('a generation that was made up is not believed', async () => {
  const name = newName()
  const store = storeOn(server, { name })
  await store.ready()
  const text = (await admin.get(keyOf(name, 'generation'))) ?? ''
  const fresh = (): ReturnType<typeof storeOn> => storeOn(server, { name })
  await admin.set(keyOf(name, 'generation'), text.replace(/,\d{13},/, ',1,'))
  await assert.rejects(fresh().revocations.pull(null, 10), because('tampered'))
  await admin.set(keyOf(name, 'generation'), `x${text.slice(1)}`)
  await assert.rejects(fresh().revocations.pull(null, 10), because('tampered'))
})

test('an event that was changed in the store is not delivered, told of, and stands in the way of no other', async () => {
  const name = newName()
  const told: SecurityEvent[] = []
  const store = storeOn(server, { name, recorder: { wants: () => true, record: (event) => told.push(event) > 0, close: async () => {} } })
  for (const id of ['e', 'other']) await store.commit({ emit: [{ id, topic: 'auth.token.revoked', payload: '{}', atMs: 1 }] })
  await admin.hSet(keyOf(name, 'events'), 'e', altered((await admin.hGet(keyOf(name, 'events'), 'e')) ?? null))
  assert.deepEqual(
    (await store.outbox.take(10, 1_000)).map(({ id }) => id),
    ['other'],
  )
  assert.equal(told.length, 1)
  assert.equal((await admin.hExists(keyOf(name, 'events'), 'e')) ? 'there' : 'gone', 'gone')
})

test('an event that was put in the place of another is not delivered, and not again and again', async () => {
  const name = newName()
  const store = storeOn(server, { name })
  for (const id of ['old', 'new']) await store.commit({ emit: [{ id, topic: 'auth.token.revoked', payload: '{}', atMs: 1 }] })
  await admin.hSet(keyOf(name, 'events'), 'new', (await admin.hGet(keyOf(name, 'events'), 'old')) ?? '')
  const taken = await store.outbox.take(10, 1_000)
  assert.deepEqual(
    taken.map(({ id }) => id),
    ['old'],
  )
  await store.outbox.acknowledge(['old'])
  assert.deepEqual(await admin.hKeys(keyOf(name, 'events')), [])
})

test('events that were tampered with do not make it look as if none were left behind them', async () => {
  const name = newName()
  const store = storeOn(server, { name })
  const ids = Array.from({ length: 12 }, (_, index) => `e${String(index).padStart(2, '0')}`)
  for (const id of ids) await store.commit({ emit: [{ id, topic: 'auth.token.revoked', payload: '{}', atMs: 1 }] })
  for (const id of ids.slice(0, 5))
    await admin.hSet(keyOf(name, 'events'), id, altered((await admin.hGet(keyOf(name, 'events'), id)) ?? null))
  const taken = await store.outbox.take(2, 1_000)
  assert.deepEqual(
    taken.map(({ id }) => id),
    ids.slice(5, 7),
  )
})

test('a key of the mesh that holds something else is told of as tampered', async () => {
  const name = newName()
  const store = storeOn(server, { name })
  await store.ready()
  await admin.del(keyOf(name, 'order'))
  await admin.set(keyOf(name, 'order'), 'text')
  await assert.rejects(store.commit({ revoke: [entryOf('token')] }), because('tampered'))
})

test('what was tampered with is told once a minute, without a word of what it was', async () => {
  const name = newName()
  const events: SecurityEvent[] = []
  const recorder = { wants: () => true, record: (event: SecurityEvent) => events.push(event) > 0, close: async () => {} }
  let nowMs = Date.now()
  const store = storeOn(server, { name, recorder, clock: { nowMs: () => nowMs } })
  await store.commit({ put: [{ key: 'k', value: 'hunter2', untilMs }] })
  await admin.set(keyOf(name, 'record:k'), altered(await admin.get(keyOf(name, 'record:k'))))
  for (let i = 0; i < 3; i++) await assert.rejects(store.read(['k']), because('tampered'))
  assert.deepEqual(
    events.map(({ kind, severity, facts }) => ({ kind, severity, facts })),
    [{ kind: 'state.degraded', severity: 'error', facts: { reason: 'tampered', what: 'record' } }],
  )
  assert.doesNotMatch(JSON.stringify(events), /hunter2/)
  nowMs += 60_000
  await assert.rejects(store.read(['k']), because('tampered'))
  assert.equal(events.length, 2)
})
