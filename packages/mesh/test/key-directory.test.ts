import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { type SecurityEvent, StateError } from '@countersign/core'
import { createKeyRing, type KeyRing, type KeyRingOptions } from '@countersign/issuer'
import { compactVerify, createLocalJWKSet } from 'jose'
import { createKeyDirectory, type KeyDirectory } from '../dist/key-directory.js'
import { createFaultyStore, type FaultyStore } from './faulty-store.js'

const START_MS = 1_800_000_000_000
const OVERLAP_SECONDS = 3690

interface Process {
  readonly ring: KeyRing
  readonly directory: KeyDirectory
  readonly events: SecurityEvent[]
}

/** Processes that share a store and a clock. */
function surroundings(t: TestContext): {
  readonly store: FaultyStore
  readonly clock: { nowMs(): number }
  readonly revoked: Set<string>
  advance(seconds: number): void
  start(options?: KeyRingOptions): Process
} {
  const revoked = new Set<string>()
  let nowMs = START_MS
  let count = 0
  const clock = { nowMs: () => nowMs }
  const store = createFaultyStore(clock)
  return {
    store,
    clock,
    revoked,
    advance(seconds) {
      nowMs += seconds * 1000
    },
    start(options = {}) {
      const events: SecurityEvent[] = []
      const ring = createKeyRing({ algorithm: 'Ed25519', clock, rotateEverySeconds: null, ...options })
      const directory = createKeyDirectory({
        issuer: 'https://mesh.prod.example',
        store,
        keys: ring,
        clock,
        recorder: { wants: () => true, record: (event) => events.push(event) > 0, close: async () => {} },
        revocations: { has: (kind, id) => kind === 'key' && revoked.has(id) },
        processId: `process-${++count}`,
      })
      t.after(async () => {
        await directory.close()
        await ring.close()
      })
      return { ring, directory, events }
    },
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    assert.ok(turn < 2000, 'it never happens')
    await setTimeout(10)
  }
}

const kidsOf = (directory: KeyDirectory): readonly string[] => directory.jwks().keys.map(({ kid }) => kid)

test('a process knows the keys of every other one, and its own at once', async (t) => {
  const { start, advance } = surroundings(t)
  const a = start()
  assert.ok(a.directory.get(a.ring.kid))
  await a.directory.ready()
  const b = start()
  await b.directory.ready()
  assert.ok(b.directory.get(a.ring.kid))
  assert.equal(a.directory.get(b.ring.kid), undefined)
  advance(1)
  const { epoch } = a.directory
  await a.directory.load()
  assert.ok(a.directory.get(b.ring.kid))
  assert.ok(a.directory.epoch > epoch)
  assert.deepEqual(kidsOf(a.directory), [a.ring.kid, b.ring.kid])
  const token = await b.ring.sign('at+jwt', { sub: 'orders' })
  await compactVerify(token, createLocalJWKSet({ keys: [...a.directory.jwks().keys] }))
})

test('nothing private is published', async (t) => {
  const { start, store } = surroundings(t)
  for (const algorithm of ['RS256', 'ES256', 'Ed25519'] as const) {
    const { ring, directory } = start({ algorithm })
    await directory.ready()
    const { jwk } = JSON.parse((await store.valueOf(`key/${ring.kid}`)) ?? '')
    assert.equal(jwk.kid, ring.kid)
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'priv']) assert.equal(member in jwk, false, member)
  }
})

test('thirty processes that start at once all publish', async (t) => {
  const { start, advance } = surroundings(t)
  const all = Array.from({ length: 30 }, () => start())
  await Promise.all(all.map(({ directory }) => directory.ready()))
  advance(1)
  for (const { directory } of all) {
    await directory.load()
    for (const { ring } of all) assert.ok(directory.get(ring.kid))
  }
})

test('a flood of unknown kids costs the store one request a second', async (t) => {
  const { start, store, advance } = surroundings(t)
  const { directory } = start()
  await directory.ready()
  const { reads } = store.counts
  for (let count = 0; count < 1000; count++) await directory.load()
  assert.equal(store.counts.reads, reads)
  advance(1)
  await Promise.all(Array.from({ length: 1000 }, () => directory.load()))
  assert.equal(store.counts.reads, reads + 1)
})

test('a key that is rotated is known to the others before it signs', async (t) => {
  const { start, advance } = surroundings(t)
  const [a, b] = [start(), start()]
  await Promise.all([a.directory.ready(), b.directory.ready()])
  const old = a.ring.kid
  await a.ring.rotate()
  advance(1)
  await b.directory.load()
  assert.ok(b.directory.get(a.ring.kid))
  assert.ok(b.directory.get(old), 'what the old key signed is alive')
})

test('a key is known until nothing it signed is alive, also after its process has gone', async (t) => {
  const { start, advance } = surroundings(t)
  const [a, b] = [start(), start()]
  await Promise.all([a.directory.ready(), b.directory.ready()])
  advance(1)
  await b.directory.load()
  await a.directory.close()
  advance(OVERLAP_SECONDS)
  await b.directory.load()
  assert.ok(b.directory.get(a.ring.kid))
  advance(2 * OVERLAP_SECONDS)
  assert.equal(b.directory.get(a.ring.kid), undefined)
  assert.deepEqual(kidsOf(b.directory), [b.ring.kid])
})

test('a key is renewed well before it runs out', async (t) => {
  const { start, advance } = surroundings(t)
  const [a, b] = [start(), start()]
  await Promise.all([a.directory.ready(), b.directory.ready()])
  for (let hours = 0; hours < 10; hours++) {
    advance(OVERLAP_SECONDS / 2 + 1)
    await a.directory.ready()
    await b.directory.load()
    assert.ok(b.directory.get(a.ring.kid))
  }
})

test('a renewal that is not due changes nothing', async (t) => {
  const { start, store } = surroundings(t)
  const { directory } = start()
  await directory.ready()
  const { commits } = store.counts
  await directory.ready()
  assert.equal(store.counts.commits, commits)
})

test('an unsafe key is given up by everybody, and the store cannot bring it back', async (t) => {
  const { start, store, advance } = surroundings(t)
  const [a, b] = [start(), start()]
  await Promise.all([a.directory.ready(), b.directory.ready()])
  advance(1)
  await b.directory.load()
  const unsafe = a.ring.kid
  const before = (await store.valueOf('keys')) ?? ''
  await a.ring.rotate(0)
  assert.equal(a.directory.get(unsafe), undefined)
  advance(1)
  await b.directory.load()
  assert.equal(b.directory.get(unsafe), undefined)
  assert.ok(b.directory.get(a.ring.kid))
  // A replica that fell behind, or a backup.
  await store.put('keys', before)
  advance(1)
  await b.directory.load()
  assert.equal(b.directory.get(unsafe), undefined)
})

test('a revoked key is given up by its process at once, without a word from anybody', async (t) => {
  const { start, revoked } = surroundings(t)
  const { ring, directory } = start()
  await directory.ready()
  const unsafe = ring.kid
  revoked.add(unsafe)
  assert.deepEqual(kidsOf(directory), [], 'nor is it published')
  await until(() => ring.kid !== unsafe)
  assert.equal(directory.get(unsafe), undefined)
})

test('processes that share a private key publish it once, and all give it up when one does', async (t) => {
  const { start, store, advance } = surroundings(t)
  const keys: KeyObject = generateKeyPairSync('ed25519').privateKey
  const [a, b] = [start({ keys }), start({ keys })]
  await a.directory.ready()
  await b.directory.ready()
  assert.equal(a.ring.kid, b.ring.kid)
  assert.equal(JSON.parse((await store.valueOf('keys')) ?? '').keys.length, 1)
  const unsafe = a.ring.kid
  await a.ring.rotate(0)
  advance(1)
  await b.directory.load()
  await until(() => b.ring.kid !== unsafe)
  assert.equal(b.directory.get(unsafe), undefined)
})

test('a store that has lost everything takes no key away, and gets them back', async (t) => {
  const { start, store, advance } = surroundings(t)
  const [a, b] = [start(), start()]
  await Promise.all([a.directory.ready(), b.directory.ready()])
  advance(1)
  await b.directory.load()
  store.flush()
  await b.directory.ready()
  assert.ok(b.directory.get(a.ring.kid))
  await a.directory.ready()
  const c = start()
  await c.directory.ready()
  assert.deepEqual([...kidsOf(c.directory)].sort(), [a.ring.kid, b.ring.kid, c.ring.kid].sort())
})

test('a store that is down is told once, takes no key away, and keeps no process from asking again', async (t) => {
  const { start, store, advance } = surroundings(t)
  const { ring, directory, events } = start()
  await directory.ready()
  store.fault = new StateError('unreachable', 'down')
  for (let count = 0; count < 5; count++) {
    advance(1)
    await directory.load()
  }
  await assert.rejects(directory.ready(), { name: 'StateError', reason: 'unreachable' })
  const told = events.filter(({ kind }) => kind === 'trust.reload-failed')
  assert.deepEqual(
    told.map(({ facts }) => facts['reason']),
    ['unreachable'],
  )
  assert.ok(directory.get(ring.kid))
  assert.equal(directory.failing, true)
  store.fault = null
  await directory.ready()
  assert.equal(directory.failing, false)
})

test('believes no record that puts another key in the place of one, or a private, weak or nameless one', async (t) => {
  const { start, store, advance } = surroundings(t)
  const { ring, directory, events } = start()
  await directory.ready()
  const victim = createKeyRing({ algorithm: 'Ed25519' })
  const attacker = createKeyRing({ algorithm: 'Ed25519' })
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const [good] = victim.jwks().keys
  const [evil] = attacker.jwks().keys
  const records: readonly object[] = [
    { jwk: { ...evil, kid: victim.kid }, owner: 'x' },
    { jwk: evil, owner: 'x' },
    { jwk: { ...good, d: 'AAAA' }, owner: 'x' },
    { jwk: { ...good, alg: undefined }, owner: 'x' },
    { jwk: { ...good, alg: 'none' }, owner: 'x' },
    { jwk: { ...good, alg: 'RS256' }, owner: 'x' },
    { jwk: { ...good, use: 'enc' }, owner: 'x' },
    { jwk: { ...weak, kid: victim.kid, alg: 'RS256', use: 'sig' }, owner: 'x' },
    { jwk: { kty: 'oct', k: 'c2VjcmV0', alg: 'HS256', use: 'sig', kid: victim.kid }, owner: 'x' },
    { jwk: good },
    [],
  ]
  for (const record of records) {
    const fresh = start()
    await store.put(`key/${victim.kid}`, JSON.stringify(record))
    await store.put('keys', JSON.stringify({ keys: [[victim.kid, START_MS + 10_000_000, false]] }))
    await fresh.directory.ready()
    assert.equal(fresh.directory.get(victim.kid), undefined, JSON.stringify(record))
    assert.equal(fresh.events.filter(({ kind }) => kind === 'trust.reload-failed').length, 1)
  }
  advance(1)
  await directory.load()
  assert.ok(directory.get(ring.kid))
  assert.equal(
    events.some(({ facts }) => JSON.stringify(facts).includes('c2VjcmV0')),
    false,
  )
})

test('refuses a list that cannot be read, and keeps what it knows', async (t) => {
  const { start, store } = surroundings(t)
  const { ring, directory } = start()
  await directory.ready()
  for (const value of [
    '',
    '[]',
    '{"keys":[["x",1,false]]}',
    '{"keys":{}}',
    JSON.stringify({ keys: Array(1001).fill(['a'.repeat(43), 1, false]) }),
  ]) {
    await store.put('keys', value)
    await assert.rejects(directory.ready(), { name: 'StateError', reason: 'tampered' })
    assert.ok(directory.get(ring.kid))
  }
})

test('never writes over a record that holds something else', async (t) => {
  const { start, store } = surroundings(t)
  const keys = generateKeyPairSync('ed25519').privateKey
  const { kid } = createKeyRing({ algorithm: 'Ed25519', keys })
  await store.put(`key/${kid}`, '{"jwk":{},"owner":"x"}')
  await assert.rejects(start({ keys }).directory.ready(), { name: 'StateError', reason: 'tampered' })
  assert.equal(await store.valueOf(`key/${kid}`), '{"jwk":{},"owner":"x"}')
})
