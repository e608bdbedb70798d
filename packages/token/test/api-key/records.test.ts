import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type ApiKeyDirectory, type ApiKeyRecord, createApiKeyVerifier } from '@countersign/token'
import { createSurroundings, type TestSurroundings } from '../surroundings.js'
import { guessOf, issue, keyed, keyFor, optionsFor, statusOf, wordOf } from './bench.js'

const folder = mkdtempSync(join(tmpdir(), 'cs-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, keys: unknown): string {
  const path = join(folder, name)
  writeFileSync(`${path}.new`, typeof keys === 'string' ? keys : JSON.stringify({ keys }))
  renameSync(`${path}.new`, path)
  return path
}

async function until(surroundings: TestSurroundings, kind: string, count = 1): Promise<void> {
  for (let round = 0; round < 400; round++) {
    if (surroundings.events.filter((event) => event.kind === kind).length >= count) return
    await delay(25)
  }
  assert.fail(`no ${kind}`)
}

test('reads records from a file, and again when it changes: a new key works, a removed one does not', async () => {
  const surroundings = createSurroundings()
  const [one, two] = [issue(surroundings), issue(surroundings)]
  const file = write('changing.json', [one.record])
  const verifier = createApiKeyVerifier({ ...optionsFor([]), keys: { file } }, surroundings)
  try {
    const key = await keyFor(verifier, keyed(one.text))
    assert.equal(await statusOf(verifier, keyed(two.text)), 'ERR_API_KEY_UNKNOWN')
    write('changing.json', [two.record])
    await until(surroundings, 'trust.reloaded')
    assert.equal(await statusOf(verifier, keyed(two.text)), 'ok')
    assert.equal(verifier.judge(key)?.code, 'ERR_API_KEY_UNKNOWN')
    assert.equal(await statusOf(verifier, keyed(one.text)), 'ERR_API_KEY_UNKNOWN')

    write('changing.json', '{ "keys": [ { "id": ')
    await until(surroundings, 'trust.reload-failed')
    assert.equal(await statusOf(verifier, keyed(two.text)), 'ok', 'a file that cannot be read leaves them as they were')
  } finally {
    await verifier.close()
  }
})

for (const [name, content] of [
  ['is no JSON', 'keys'],
  ['is a list', '[]'],
  ['has no keys', '{}'],
  ['has a record that is none', '{"keys":[{"id":"x"}]}'],
  ['names a member twice', '{"keys":[],"keys":[]}'],
] as const)
  test(`refuses to start with a file that ${name}`, () => {
    const file = write('bad.json', content)
    assert.throws(() => createApiKeyVerifier({ ...optionsFor([]), keys: { file } }, createSurroundings()), {
      code: 'ERR_TRUST_UNREADABLE',
      option: 'apiKeys.keys.file',
    })
  })

interface Shelf extends ApiKeyDirectory {
  epoch: number
  readonly records: Map<string, ApiKeyRecord>
  asked: number
  fails: boolean
}

function createShelf(records: readonly ApiKeyRecord[], isAsync = true): Shelf {
  const shelf: Shelf = {
    epoch: 1,
    records: new Map(records.map((record) => [record.id, record])),
    asked: 0,
    fails: false,
    find(id) {
      shelf.asked++
      if (shelf.fails) {
        if (!isAsync) throw new Error('down')
        return Promise.reject(new Error('down'))
      }
      const found = shelf.records.get(id) ?? null
      return isAsync ? Promise.resolve(found) : found
    },
  }
  return shelf
}

for (const isAsync of [true, false]) {
  const words = isAsync ? 'that answers later' : 'that answers at once'

  test(`asks a directory ${words} once a key, and again in a new epoch`, async () => {
    const surroundings = createSurroundings()
    const { text, record } = issue(surroundings)
    const shelf = createShelf([record], isAsync)
    const verifier = createApiKeyVerifier({ ...optionsFor([]), keys: shelf }, surroundings)
    for (let round = 0; round < 5; round++) assert.equal(await statusOf(verifier, keyed(text)), 'ok')
    assert.equal(shelf.asked, 1)
    shelf.records.set(record.id, { ...record, scopes: ['admin'] })
    assert.equal(await statusOf(verifier, keyed(text)), 'ok')
    assert.equal(shelf.asked, 1)
    shelf.epoch++
    assert.deepEqual([...(await keyFor(verifier, keyed(text))).scopes], ['admin'])
    assert.equal(shelf.asked, 2)
    shelf.records.set(record.id, { ...record, status: 'revoked' })
    shelf.epoch++
    assert.equal(await statusOf(verifier, keyed(text)), 'ERR_API_KEY_REVOKED')
  })

  test(`believes a directory ${words} for 30 seconds, and refuses with 503 what it does not answer`, async () => {
    const surroundings = createSurroundings()
    const [known, other] = [issue(surroundings), issue(surroundings)]
    const shelf = createShelf([known.record, other.record], isAsync)
    const verifier = createApiKeyVerifier({ ...optionsFor([]), keys: shelf }, surroundings)
    assert.equal(await statusOf(verifier, keyed(known.text)), 'ok')
    shelf.fails = true
    assert.equal(await statusOf(verifier, keyed(other.text)), 'ERR_API_KEYS_UNAVAILABLE')
    assert.equal(await statusOf(verifier, keyed(guessOf(known, surroundings))), 'ERR_API_KEYS_UNAVAILABLE')
    surroundings.advanceSeconds(29)
    assert.equal(await statusOf(verifier, keyed(known.text)), 'ok')
    surroundings.advanceSeconds(1)
    assert.equal(await statusOf(verifier, keyed(known.text)), 'ERR_API_KEYS_UNAVAILABLE')
    shelf.fails = false
    assert.equal(await statusOf(verifier, keyed(known.text)), 'ok')
  })
}

test('forgets a key whose record has the hash of another secret', async () => {
  const surroundings = createSurroundings()
  const [one, two] = [issue(surroundings), issue(surroundings)]
  const shelf = createShelf([one.record], false)
  const verifier = createApiKeyVerifier({ ...optionsFor([]), keys: shelf }, surroundings)
  assert.equal(await statusOf(verifier, keyed(one.text)), 'ok')
  shelf.records.set(one.record.id, { ...one.record, hash: two.record.hash })
  shelf.epoch++
  assert.equal(await statusOf(verifier, keyed(one.text)), 'ERR_API_KEY_INVALID')
})

test('asks one question for many requests that bring the same new key at once', async () => {
  const surroundings = createSurroundings()
  const { text, record } = issue(surroundings)
  const shelf = createShelf([record])
  const verifier = createApiKeyVerifier({ ...optionsFor([]), keys: shelf }, surroundings)
  const statuses = await Promise.all(Array.from({ length: 100 }, () => statusOf(verifier, keyed(text))))
  assert.deepEqual(new Set(statuses), new Set(['ok']))
  assert.equal(shelf.asked, 1)
})

test('has so many questions of one source open at once, and room for others meanwhile', async () => {
  const surroundings = createSurroundings()
  const { text, record } = issue(surroundings)
  let asked = 0
  let answer = (): void => {}
  const silence = new Promise<null>((resolve) => {
    answer = () => resolve(null)
  })
  const keys = {
    epoch: 1,
    find(id: string) {
      asked++
      return id === record.id ? Promise.resolve(record) : silence
    },
  }
  const verifier = createApiKeyVerifier({ ...optionsFor([]), keys }, surroundings)
  const guesses = Array.from({ length: 300 }, () => statusOf(verifier, keyed(issue(surroundings).text, '203.0.113.7')))
  await delay(0)
  assert.equal(asked, 128)
  assert.equal(await statusOf(verifier, keyed(issue(surroundings).text, '203.0.113.7')), 'ERR_API_KEYS_UNAVAILABLE')
  assert.equal(await statusOf(verifier, keyed(text, '203.0.113.7')), 'ERR_API_KEYS_UNAVAILABLE')
  assert.equal(await statusOf(verifier, keyed(text, '198.51.100.9')), 'ok')
  answer()
  const counted = await Promise.all(guesses)
  assert.equal(counted.filter((status) => status === 'ERR_API_KEYS_UNAVAILABLE').length, 300 - 128)
  assert.equal(counted.filter((status) => status === 'ERR_API_KEY_UNKNOWN').length, 5)
  const before = asked
  assert.equal(await statusOf(verifier, keyed(issue(surroundings).text, '203.0.113.7')), 'ERR_API_KEY_LOCKED')
  assert.equal(asked, before, 'whoever is locked has nothing looked up')
})

test('whoever has used a key before has it looked up, however many strangers ask from there', async () => {
  const surroundings = createSurroundings()
  const { text, record } = issue(surroundings)
  const keys = { epoch: 1, find: (id: string) => (id === record.id ? Promise.resolve(record) : new Promise<null>(() => {})) }
  const verifier = createApiKeyVerifier({ ...optionsFor([]), keys }, surroundings)
  assert.equal(await statusOf(verifier, keyed(text)), 'ok')
  for (let round = 0; round < 300; round++) void verifier.verify(keyed(issue(surroundings).text))
  surroundings.advanceSeconds(30)
  assert.equal(await statusOf(verifier, keyed(text)), 'ok')
  await verifier.close()
})

test('judges a grant by what the directory says later, and for no longer than twice its age', async () => {
  const surroundings = createSurroundings()
  const { text, record } = issue(surroundings)
  const shelf = createShelf([record])
  const verifier = createApiKeyVerifier({ ...optionsFor([]), keys: shelf }, surroundings)
  const key = await keyFor(verifier, keyed(text))
  shelf.records.delete(record.id)
  shelf.epoch++
  assert.equal(verifier.judge(key), null, 'it is being asked')
  await delay(0)
  assert.equal(verifier.judge(key)?.code, 'ERR_API_KEY_UNKNOWN')

  const second = issue(surroundings)
  shelf.records.set(second.record.id, second.record)
  const grant = await keyFor(verifier, keyed(second.text))
  shelf.fails = true
  surroundings.advanceSeconds(59)
  assert.equal(verifier.judge(grant), null)
  await delay(0)
  surroundings.advanceSeconds(1)
  assert.equal(verifier.judge(grant)?.code, 'ERR_API_KEYS_UNAVAILABLE')
})

test('refuses with 503 a record that cannot be used, or is of another key', async () => {
  const surroundings = createSurroundings()
  const [one, two] = [issue(surroundings), issue(surroundings)]
  for (const answer of [two.record, { ...one.record, hash: '' }, undefined, 'text'] as readonly unknown[]) {
    const keys = { epoch: 1, find: async () => answer as ApiKeyRecord | null }
    const verifier = createApiKeyVerifier({ ...optionsFor([]), keys }, surroundings)
    assert.equal(await statusOf(verifier, keyed(one.text)), 'ERR_API_KEYS_UNAVAILABLE')
  }
})

test('waits for a directory until it is ready, and closes nobody else’s', async () => {
  const surroundings = createSurroundings()
  const { text, record } = issue(surroundings)
  let isReady = false
  const keys = {
    ...createShelf([record]),
    async ready() {
      isReady = true
    },
  }
  const verifier = createApiKeyVerifier({ ...optionsFor([]), keys }, surroundings)
  await verifier.ready()
  assert.equal(isReady, true)
  assert.equal(wordOf(verifier.recall(keyed(text))), 'open')
  await verifier.close()
  assert.equal(await statusOf(verifier, keyed(text)), 'ERR_API_KEYS_UNAVAILABLE')
})
