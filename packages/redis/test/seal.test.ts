import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { StateError } from '@countersign/core'
import { completeSinceMs, heirloomOf, newGeneration, readGeneration, writeGeneration } from '../dist/generation.js'
import { keysOf } from '../dist/keys.js'
import { digestOf, readRevocation, writeRevocation } from '../dist/revocation-record.js'
import { createSealer } from '../dist/seal.js'

const secret = randomBytes(32)
const told: string[] = []
const sealer = createSealer(secret, 'prod', (kind) => told.push(kind))
const tampered = (error: unknown): boolean => error instanceof StateError && error.reason === 'tampered'

test('a seal is of one kind, one list of parts, one name and one secret', () => {
  const seal = sealer.seal('record', 'key', 1, 'value')
  sealer.check(seal, 'record', 'key', 1, 'value')
  assert.throws(() => sealer.check(seal, 'event', 'key', 1, 'value'), tampered)
  assert.throws(() => sealer.check(seal, 'record', 'key', 1, 'valu'), tampered)
  assert.throws(() => sealer.check(seal, 'record', 'key1', 'value'), tampered)
  assert.throws(() => sealer.check(seal, 'record', 'key', '1', 'value'), tampered)
  for (const other of [createSealer(secret, 'test', () => {}), createSealer(randomBytes(32), 'prod', () => {})])
    assert.throws(() => other.check(seal, 'record', 'key', 1, 'value'), tampered)
  for (const text of ['', 'x', `${seal}x`, seal.slice(1)]) assert.throws(() => sealer.check(text, 'record', 'key', 1, 'value'), tampered)
})

test('tells of everything that does not verify, before it is used', () => {
  told.length = 0
  assert.throws(() => sealer.check('', 'event', 'x'), tampered)
  assert.throws(() => readGeneration(sealer, 'nonsense'), tampered)
  assert.deepEqual(told, ['event', 'generation'])
})

test('a revocation is read as it was written, whatever its text and its moments', () => {
  const entry = { kind: 'service', id: 'spiffe://é/"\n', issuedBeforeMs: 1.5, untilMs: 9, revokedAtMs: 2, reason: 'a\0b' } as const
  assert.deepEqual(readRevocation(sealer, writeRevocation(sealer, entry)), entry)
  const always = { ...entry, issuedBeforeMs: Number.POSITIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY }
  const read = readRevocation(sealer, writeRevocation(sealer, always))
  assert.equal(read.issuedBeforeMs, Number.POSITIVE_INFINITY)
  assert.equal(read.untilMs, 8_640_000_000_000_000)
})

test('two revocations of one id are kept in one place', () => {
  const first = { kind: 'token', id: 'jti', issuedBeforeMs: 10, untilMs: 100, revokedAtMs: 1, reason: 'first' } as const
  const second = { ...first, issuedBeforeMs: 20, untilMs: 50, reason: 'second' }
  assert.equal(digestOf(first), digestOf(second))
  assert.notEqual(digestOf(first), digestOf({ ...first, kind: 'session' }))
})

test('a generation is complete since it began, until what it inherited has settled', () => {
  const began = newGeneration(sealer, 1_000, false)
  assert.equal(completeSinceMs(began, 5_000), 1_000)
  const settling = readGeneration(sealer, writeGeneration(sealer, { ...began, inheritedSinceMs: 200, settledAtMs: 3_000 }).text)
  assert.equal(completeSinceMs(settling, 2_999), 1_000)
  assert.equal(completeSinceMs(settling, 3_000), 200)
  assert.equal(heirloomOf(settling), 200)
  assert.equal(heirloomOf(began), 1_000)
})

test('the first generation goes back for ever, and so does what inherits from it', () => {
  const first = readGeneration(sealer, newGeneration(sealer, 1_000, true).text)
  assert.equal(completeSinceMs(first, 0), Number.NEGATIVE_INFINITY)
  assert.equal(heirloomOf(first), Number.NEGATIVE_INFINITY)
  const next = writeGeneration(sealer, { ...newGeneration(sealer, 2_000, false), inheritedSinceMs: heirloomOf(first), settledAtMs: 3_000 })
  assert.equal(completeSinceMs(readGeneration(sealer, next.text), 3_000), Number.NEGATIVE_INFINITY)
})

test('all keys of a mesh have its one hash tag, whatever the name of a record', () => {
  const keys = keysOf('prod')
  const fixed = [keys.generation, keys.beats, keys.revocations, keys.ends, keys.order, keys.last, keys.events, keys.waiting, keys.taken]
  for (const key of [...fixed, keys.record('{other}'), keys.record('}'), keys.claim('{other}')])
    assert.equal(/\{([^}]*)\}/.exec(key)?.[1], 'countersign:prod')
  assert.equal(new Set([...fixed, keys.record('generation'), keys.claim('generation')]).size, fixed.length + 2)
})
