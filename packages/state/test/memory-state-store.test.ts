import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError, type RevocationEntry, StateError } from '@countersign/core'
import { createMemoryStateStore, type MemoryStateStoreOptions } from '@countersign/state'
import { createSurroundings, event, NOW_MS } from './surroundings.js'

const HOUR_MS = 3_600_000

function entry(id: string, untilMs = NOW_MS + HOUR_MS): RevocationEntry {
  return { kind: 'token', id, issuedBeforeMs: Number.POSITIVE_INFINITY, untilMs, revokedAtMs: NOW_MS, reason: 'compromise' }
}

function put(key: string, untilMs = NOW_MS + HOUR_MS) {
  return { key, value: 'v', untilMs }
}

function isFull(error: unknown): boolean {
  return error instanceof StateError && error.reason === 'full'
}

test('refuses records beyond its bound and evicts none, until one has run out or was removed', async () => {
  const { clock, ...surroundings } = createSurroundings()
  let nowMs = surroundings.nowMs
  const store = createMemoryStateStore({ clock: { nowMs: () => nowMs }, maxRecords: 2 })
  await store.commit({ put: [put('a', NOW_MS + 10_000), put('b')] })
  await assert.rejects(store.commit({ put: [put('c')], revoke: [entry('jti')], emit: [event('e')] }), isFull)
  assert.deepEqual((await store.revocations.pull(null, 10)).entries, [])
  assert.deepEqual(await store.outbox.take(10, 1_000), [])
  assert.equal(await store.commit({ put: [put('a', NOW_MS + 10_000)] }), true)
  assert.equal(await store.commit({ put: [put('c')], remove: ['b'] }), true)
  nowMs += 10_000
  assert.equal(await store.commit({ put: [put('d')] }), true)
  assert.deepEqual(
    (await store.read(['a', 'b', 'c', 'd'])).map((record) => record?.value ?? null),
    [null, null, 'v', 'v'],
  )
})

test('refuses revocations beyond its bound and forgets none, until one has run out', async () => {
  let nowMs = NOW_MS
  const store = createMemoryStateStore({ clock: { nowMs: () => nowMs }, maxRevocations: 2 })
  await store.commit({ revoke: [entry('a', NOW_MS + 10_000), entry('b')] })
  await assert.rejects(store.commit({ revoke: [entry('c')], put: [put('k')] }), isFull)
  assert.deepEqual(await store.read(['k']), [null])
  await store.commit({ revoke: [entry('a', NOW_MS + 11_000)] })
  nowMs += 10_000
  await assert.rejects(store.commit({ revoke: [entry('c')] }), isFull)
  nowMs += 1_000
  await store.commit({ revoke: [entry('c')] })
  assert.deepEqual(
    (await store.revocations.pull(null, 10)).entries.map(({ id }) => id),
    ['b', 'c'],
  )
})

test('lets go of revocations that have run out as others come, and misses none that has not', async () => {
  let nowMs = NOW_MS
  const store = createMemoryStateStore({ clock: { nowMs: () => nowMs }, maxRevocations: 3_000 })
  let { position } = await store.revocations.pull(null, 1)
  const seen: string[] = []
  for (let index = 0; index < 10_000; index++) {
    nowMs++
    await store.commit({ revoke: [entry(`jti-${index}`, index % 10 === 0 ? NOW_MS + HOUR_MS : nowMs + 1_000)] })
    if (index % 100 !== 99) continue
    const page = await store.revocations.pull(position, 1_000)
    seen.push(...page.entries.map(({ id }) => id))
    position = page.position
  }
  assert.equal(seen.length, 10_000)
  const alive: string[] = []
  for (let page = await store.revocations.pull(null, 300); ; page = await store.revocations.pull(page.position, 300)) {
    alive.push(...page.entries.map(({ id }) => id))
    if (!page.more) break
  }
  const expected = seen.filter((_, index) => index % 10 === 0 || NOW_MS + index + 1 + 1_000 > nowMs)
  assert.deepEqual(alive, expected)
})

test('takes no event beyond its bound, and none of the change that tells of it', async () => {
  const store = createMemoryStateStore({ clock: createSurroundings().clock, maxEvents: 1 })
  await store.commit({ emit: [event('a')] })
  await assert.rejects(store.commit({ emit: [event('b')], put: [put('k')] }), isFull)
  assert.deepEqual(await store.read(['k']), [null])
  await store.outbox.acknowledge(['a'])
  assert.equal(await store.commit({ emit: [event('b')] }), true)
})

test('claims nothing more once it remembers as much as it may', async () => {
  let nowMs = NOW_MS
  const store = createMemoryStateStore({ clock: { nowMs: () => nowMs }, maxReplayEntries: 1 })
  assert.equal(await store.claim('a', NOW_MS + 1_000), 'first')
  assert.equal(await store.claim('b', NOW_MS + 1_000), 'full')
  assert.equal(await store.claim('a', NOW_MS + 1_000), 'again')
  nowMs += 1_000
  assert.equal(await store.claim('b', NOW_MS + 2_000), 'first')
})

test('pages through entries that were revoked again and again, each where it was changed last', async () => {
  const store = createMemoryStateStore({ clock: createSurroundings().clock })
  for (let round = 1; round <= 2_000; round++) await store.commit({ revoke: [entry(`jti-${round % 7}`, NOW_MS + HOUR_MS + round)] })
  const seen: string[] = []
  for (let page = await store.revocations.pull(null, 2); ; page = await store.revocations.pull(page.position, 2)) {
    seen.push(...page.entries.map(({ id, untilMs }) => `${id} ${untilMs - NOW_MS - HOUR_MS}`))
    if (!page.more) break
  }
  assert.deepEqual(
    seen,
    [1994, 1995, 1996, 1997, 1998, 1999, 2000].map((round) => `jti-${round % 7} ${round}`),
  )
})

test('says what it cannot judge where its keys outlive it, until somebody gives the rest back', async () => {
  const store = createMemoryStateStore({ clock: createSurroundings().clock, completeSinceMs: NOW_MS })
  assert.equal((await store.revocations.pull(null, 10)).completeSinceMs, NOW_MS)
  await store.revocations.restore([entry('a')], false)
  assert.equal((await store.revocations.pull(null, 10)).completeSinceMs, NOW_MS)
  await store.revocations.restore([], true)
  assert.equal((await store.revocations.pull(null, 10)).completeSinceMs, Number.NEGATIVE_INFINITY)
})

test('keeps what it was given, whatever its giver does with it afterwards', async () => {
  const store = createMemoryStateStore({ clock: createSurroundings().clock })
  const given = { revoke: { ...entry('a') }, emit: { ...event('e') }, put: { ...put('k') } }
  await store.commit({ revoke: [given.revoke], emit: [given.emit], put: [given.put] })
  Object.assign(given.revoke, { id: 'changed', untilMs: 0 })
  Object.assign(given.emit, { payload: 'changed' })
  Object.assign(given.put, { value: 'changed' })
  assert.deepEqual((await store.revocations.pull(null, 10)).entries, [entry('a')])
  assert.deepEqual(await store.outbox.take(10, 1_000), [event('e')])
  assert.equal((await store.read(['k']))[0]?.value, 'v')
})

test('refuses options that it does not know or cannot keep', () => {
  const wrong: readonly (readonly [Record<string, unknown>, string, string])[] = [
    [{ maxRecord: 1 }, 'maxRecord', 'ERR_OPTION_UNKNOWN'],
    [{ maxRecords: 0 }, 'maxRecords', 'ERR_OPTION_INVALID'],
    [{ maxReplayEntries: 1.5 }, 'maxReplayEntries', 'ERR_OPTION_INVALID'],
    [{ maxRevocations: '5' }, 'maxRevocations', 'ERR_OPTION_INVALID'],
    [{ maxEvents: 1e9 }, 'maxEvents', 'ERR_OPTION_INVALID'],
    [{ completeSinceMs: -1 }, 'completeSinceMs', 'ERR_OPTION_INVALID'],
  ]
  for (const [options, option, code] of wrong) {
    assert.throws(
      () => createMemoryStateStore(options as MemoryStateStoreOptions),
      (error: unknown) => error instanceof MisuseError && error.option === option && error.code === code,
    )
  }
})
