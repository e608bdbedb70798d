import assert from 'node:assert/strict'
import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { type CreateApiKeyOptions, createApiKey, readKeyRecord } from '@countersign/token'
import { createSurroundings, NOW } from '../surroundings.js'
import { checksum, HASH_KEY, issue, OWNER } from './bench.js'

const surroundings = createSurroundings()
const DAY_MS = 86_400_000

test('makes a key of a prefix, an id, 256 random bits and a checksum, and no two alike', () => {
  const texts = new Set<string>()
  const ids = new Set<string>()
  for (let round = 0; round < 2000; round++) {
    const { text, record } = issue(surroundings)
    assert.match(text, /^csk_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/)
    assert.equal(text.split('_')[1], record.id)
    assert.equal(checksum(text.slice(0, -6)), text.slice(-6))
    texts.add(text.slice(0, -6).slice(-43))
    ids.add(record.id)
  }
  assert.equal(texts.size, 2000)
  assert.equal(ids.size, 2000)
})

test('draws every character of the secret as often as any other', () => {
  const counts = new Map<string, number>()
  const rounds = 3000
  for (let round = 0; round < rounds; round++)
    for (const character of issue(surroundings).text.split('_')[2]?.slice(0, 43) ?? '')
      counts.set(character, (counts.get(character) ?? 0) + 1)
  const expected = (rounds * 43) / 62
  assert.equal(counts.size, 62)
  // Chi-square with 61 degrees of freedom: above 130 once in a million.
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  assert.ok(chiSquare < 130, `${chiSquare}`)
})

test('keeps the keyed hash of the whole key and never the key', () => {
  const { text, record } = issue(surroundings)
  assert.equal(record.hash, createHmac('sha256', HASH_KEY).update(text).digest('base64url'))
  assert.ok(!JSON.stringify(record).includes(text.split('_')[2] ?? ''))
  assert.deepEqual(record, {
    id: record.id,
    owner: OWNER,
    scopes: ['invoices:read'],
    hash: record.hash,
    createdAtMs: NOW * 1000,
    expiresAtMs: NOW * 1000 + 90 * DAY_MS,
    status: 'active',
    replacedBy: null,
    history: [],
  })
  assert.deepEqual(readKeyRecord(JSON.parse(JSON.stringify(record))), record)
  assert.ok(Object.isFrozen(record) && Object.isFrozen(record.scopes))
})

test('prints [redacted] for the text of a key, however it is printed', () => {
  const issued = issue(surroundings)
  const { text } = issued
  assert.ok(text.length > 60)
  const printed = [
    JSON.stringify(issued),
    JSON.stringify({ nested: [issued] }),
    inspect(issued, { depth: null, showHidden: false }),
    inspect([[issued]], { depth: 9 }),
    JSON.stringify({ ...issued }),
    String(issued),
    JSON.stringify(Object.entries(issued)),
  ]
  for (const shown of printed) assert.ok(!shown.includes(text), shown)
  assert.match(JSON.stringify(issued), /"text":"\[redacted\]"/)
  assert.match(inspect(issued), /text: '\[redacted\]'/)
})

const options: CreateApiKeyOptions = { owner: OWNER, hashKey: HASH_KEY }

for (const [claim, changes, option] of [
  ['an owner that is missing', { owner: undefined }, 'owner'],
  ['an owner that is empty', { owner: ' ' }, 'owner'],
  ['an owner that is almost a SPIFFE ID', { owner: 'spiffe://prod.example/' }, 'owner'],
  ['a scope with a space', { scopes: ['a b'] }, 'scopes'],
  ['scopes as a text', { scopes: 'a' }, 'scopes'],
  ['a prefix in upper case', { prefix: 'CSK' }, 'prefix'],
  ['a prefix with an underscore', { prefix: 'c_k' }, 'prefix'],
  ['a prefix that is too long', { prefix: 'c'.repeat(17) }, 'prefix'],
  ['a lifetime of a second', { expiresInSeconds: 1 }, 'expiresInSeconds'],
  ['a lifetime of two years', { expiresInSeconds: 2 * 366 * 86_400 }, 'expiresInSeconds'],
  ['a hash key that is missing', { hashKey: undefined }, 'hashKey'],
  ['a hash key of 31 bytes', { hashKey: randomBytes(31) }, 'hashKey'],
  ['a hash key of zeros', { hashKey: new Uint8Array(32) }, 'hashKey'],
  ['a hash key from an example', { hashKey: Buffer.from('changeme-changeme-or-be-sorry-later') }, 'hashKey'],
  ['an unknown option', { secret: 'x' }, 'secret'],
] as const)
  test(`refuses to make a key with ${claim}`, () => {
    assert.throws(() => createApiKey({ ...options, ...changes } as unknown as CreateApiKeyOptions), { name: 'MisuseError', option })
  })

test('takes the hash key as a KeyObject too, with the same hash', () => {
  const { text, record } = createApiKey({ owner: OWNER, hashKey: createSecretKey(HASH_KEY) })
  assert.equal(record.hash, createHmac('sha256', HASH_KEY).update(text).digest('base64url'))
})

test('reads no record that has a member too many, one too few, or one of another kind', () => {
  const { record } = issue(surroundings)
  for (const wrong of [
    null,
    [],
    'text',
    { ...record, extra: 1 },
    { ...record, id: 'short' },
    { ...record, id: `${record.id.slice(1)}-` },
    { ...record, owner: '' },
    { ...record, scopes: 'a' },
    { ...record, scopes: ['a b'] },
    { ...record, hash: record.hash.slice(1) },
    { ...record, hash: '' },
    { ...record, createdAtMs: '0' },
    { ...record, expiresAtMs: Number.NaN },
    { ...record, status: 'ACTIVE' },
    { ...record, replacedBy: undefined },
    { ...record, history: [{ id: record.id }] },
    { ...record, history: null },
  ])
    assert.equal(typeof readKeyRecord(wrong), 'string', JSON.stringify(wrong))
})
