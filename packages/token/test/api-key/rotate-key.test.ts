import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ApiKeyRecord, createApiKeyVerifier, type RotateApiKeyOptions, rotateApiKey } from '@countersign/token'
import { createSurroundings, type TestSurroundings } from '../surroundings.js'
import { HASH_KEY, issue, keyed, optionsFor, statusOf } from './bench.js'

const DAY = 86_400
const DAY_MS = 1000 * DAY

function rotate(record: ApiKeyRecord, surroundings: TestSurroundings, more: Partial<RotateApiKeyOptions> = {}) {
  return rotateApiKey(record, { hashKey: HASH_KEY, clock: surroundings.clock, ...more })
}

function rotated(record: ApiKeyRecord, surroundings: TestSurroundings, more: Partial<RotateApiKeyOptions> = {}) {
  const rotation = rotate(record, surroundings, more)
  return rotation.rotated ? rotation : assert.fail(rotation.reason)
}

test('accepts both keys during the overlap of 7 days, and the new one alone after it', async () => {
  const surroundings = createSurroundings()
  const old = issue(surroundings)
  surroundings.advanceSeconds(80 * DAY)
  const { issued, retired } = rotated(old.record, surroundings)
  assert.notEqual(issued.record.id, old.record.id)
  assert.deepEqual([issued.record.owner, issued.record.scopes], [old.record.owner, old.record.scopes])
  const verifier = createApiKeyVerifier(optionsFor([issued.record, retired]), surroundings)
  const both = async () => [await statusOf(verifier, keyed(old.text)), await statusOf(verifier, keyed(issued.text))]

  assert.deepEqual(await both(), ['ok', 'ok'])
  surroundings.advanceSeconds(7 * DAY - 1)
  assert.deepEqual(await both(), ['ok', 'ok'])
  surroundings.advanceSeconds(1)
  assert.deepEqual(await both(), ['ERR_API_KEY_EXPIRED', 'ok'])
  surroundings.advanceSeconds(83 * DAY)
  assert.deepEqual(await both(), ['ERR_API_KEY_EXPIRED', 'ERR_API_KEY_EXPIRED'])
})

test('never makes the old key live longer than it would have', () => {
  const surroundings = createSurroundings()
  const { record } = issue(surroundings)
  surroundings.advanceSeconds(88 * DAY)
  assert.equal(rotated(record, surroundings).retired.expiresAtMs, record.expiresAtMs)
})

test('refuses to rotate a key younger than a day, and says when it may be; the old key stays as it was', async () => {
  const surroundings = createSurroundings()
  const old = issue(surroundings)
  const before = JSON.stringify(old.record)
  surroundings.advanceSeconds(DAY - 1)
  assert.deepEqual(rotate(old.record, surroundings), {
    rotated: false,
    reason: 'too-soon',
    notBeforeMs: old.record.createdAtMs + DAY_MS,
  })
  assert.equal(JSON.stringify(old.record), before)
  assert.equal(await statusOf(createApiKeyVerifier(optionsFor([old.record]), surroundings), keyed(old.text)), 'ok')
  surroundings.advanceSeconds(1)
  assert.equal(rotate(old.record, surroundings).rotated, true)
})

test('rotates at once in an emergency, with an overlap of one hour, or of none', async () => {
  for (const [more, seconds] of [
    [{}, 3600],
    [{ emergencyOverlapSeconds: 0 }, 0],
  ] as const) {
    const surroundings = createSurroundings()
    const old = issue(surroundings)
    const { issued, retired } = rotated(old.record, surroundings, { emergency: true, ...more })
    const verifier = createApiKeyVerifier(optionsFor([issued.record, retired]), surroundings)
    if (seconds > 0) {
      surroundings.advanceSeconds(seconds - 1)
      assert.equal(await statusOf(verifier, keyed(old.text)), 'ok')
      surroundings.advanceSeconds(1)
    }
    assert.equal(await statusOf(verifier, keyed(old.text)), 'ERR_API_KEY_EXPIRED')
    assert.equal(await statusOf(verifier, keyed(issued.text)), 'ok')
  }
})

test('rotates only the newest of a line of keys, and none that was revoked', () => {
  const surroundings = createSurroundings()
  const { record } = issue(surroundings)
  surroundings.advanceSeconds(2 * DAY)
  const { retired, issued } = rotated(record, surroundings)
  assert.equal(retired.replacedBy, issued.record.id)
  assert.deepEqual(rotate(retired, surroundings, { emergency: true }), { rotated: false, reason: 'replaced' })
  assert.deepEqual(rotate({ ...issued.record, status: 'revoked' }, surroundings, { emergency: true }), {
    rotated: false,
    reason: 'revoked',
  })
})

test('names the last five keys before it, and as many as it is told', () => {
  const surroundings = createSurroundings()
  let { record } = issue(surroundings)
  const ids = [record.id]
  for (let round = 0; round < 8; round++) {
    surroundings.advanceSeconds(2 * DAY)
    record = rotated(record, surroundings).issued.record
    ids.unshift(record.id)
  }
  assert.deepEqual(
    record.history.map(({ id }) => id),
    ids.slice(1, 6),
  )
  surroundings.advanceSeconds(2 * DAY)
  assert.equal(rotated(record, surroundings, { history: 0 }).issued.record.history.length, 0)
})

for (const [option, value] of [
  ['overlapSeconds', 31 * DAY],
  ['overlapSeconds', -1],
  ['minIntervalSeconds', 91 * DAY],
  ['emergencyOverlapSeconds', DAY + 1],
  ['maxAgeSeconds', 59],
  ['history', 101],
  ['emergency', 'yes'],
  ['hashKey', new Uint8Array(32)],
  ['overlap', 1],
] as const)
  test(`refuses to rotate with ${option} ${String(value).slice(0, 12)}`, () => {
    const surroundings = createSurroundings()
    const { record } = issue(surroundings)
    assert.throws(() => rotate(record, surroundings, { [option]: value } as unknown as Partial<RotateApiKeyOptions>), {
      name: 'MisuseError',
      option,
    })
  })
