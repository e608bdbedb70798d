import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '@countersign/core'
import { createApiKeyVerifier } from '@countersign/token'
import { createSurroundings, type TestSurroundings } from '../surroundings.js'
import { createKeyBench, guessOf, issue, type KeyBench, keyed, optionsFor, peerOf, statusOf } from './bench.js'

const HERE = '203.0.113.7'
const ELSEWHERE = '198.51.100.9'

/** So many wrong secrets for the key of the bench, all of them different. */
async function guess({ verifier, issued, surroundings }: KeyBench, count: number, address = HERE): Promise<string[]> {
  const statuses: string[] = []
  for (let round = 0; round < count; round++) statuses.push(await statusOf(verifier, keyed(guessOf(issued, surroundings), address)))
  return statuses
}

function locks({ events }: TestSurroundings) {
  return events.filter(({ kind }) => kind === 'api-key.locked').map(({ facts }) => [facts['scope'], facts['keyId'], facts['source']])
}

test('locks a key for an address after 5 failures in 300 seconds, for 30 minutes', async () => {
  const bench = createKeyBench()
  const { verifier, issued, surroundings } = bench
  assert.deepEqual(await guess(bench, 6), [...Array<string>(5).fill('ERR_API_KEY_INVALID'), 'ERR_API_KEY_LOCKED'])
  assert.equal(await statusOf(verifier, keyed(issued.text, HERE)), 'ERR_API_KEY_LOCKED', 'the right secret too')
  surroundings.advanceSeconds(1799)
  assert.equal(await statusOf(verifier, keyed(issued.text, HERE)), 'ERR_API_KEY_LOCKED')
  surroundings.advanceSeconds(1)
  assert.equal(await statusOf(verifier, keyed(issued.text, HERE)), 'ok')
})

test('says when to come again, and whoever waits as long is let in', async () => {
  const bench = createKeyBench()
  await guess(bench, 5)
  bench.surroundings.advanceSeconds(100.5)
  const refusal = await bench.verifier.verify(keyed(bench.issued.text, HERE))
  assert.ok(isRefusal(refusal) && refusal.code === 'ERR_API_KEY_LOCKED')
  assert.equal(refusal.facts['retryAfterSeconds'], 1700)
  bench.surroundings.advanceSeconds(1700)
  assert.equal(await statusOf(bench.verifier, keyed(bench.issued.text, HERE)), 'ok')
})

test('forgets failures that are older than 300 seconds', async () => {
  const bench = createKeyBench()
  await guess(bench, 4)
  bench.surroundings.advanceSeconds(300)
  assert.deepEqual(await guess(bench, 4), Array<string>(4).fill('ERR_API_KEY_INVALID'))
  assert.equal(await statusOf(bench.verifier, keyed(bench.issued.text, HERE)), 'ok')
})

test('a clock that is set back makes failures old, and no count endless', async () => {
  const bench = createKeyBench()
  await guess(bench, 4)
  bench.surroundings.advanceSeconds(-3600)
  assert.deepEqual(await guess(bench, 4), Array<string>(4).fill('ERR_API_KEY_INVALID'))
  assert.equal(await statusOf(bench.verifier, keyed(bench.issued.text, HERE)), 'ok')
})

test('a clock that is set back makes no lock longer than 30 minutes, and none shorter', async () => {
  const bench = createKeyBench()
  await guess(bench, 5)
  bench.surroundings.advanceSeconds(-86_400)
  assert.deepEqual(await guess(bench, 1), ['ERR_API_KEY_LOCKED'])
  bench.surroundings.advanceSeconds(1799)
  assert.deepEqual(await guess(bench, 1), ['ERR_API_KEY_LOCKED'])
  bench.surroundings.advanceSeconds(1)
  assert.deepEqual(await guess(bench, 1), ['ERR_API_KEY_INVALID'])
})

test('counts within any 300 seconds, not from one full minute to the next', async () => {
  const bench = createKeyBench()
  await guess(bench, 1)
  bench.surroundings.advanceSeconds(299)
  await guess(bench, 3)
  bench.surroundings.advanceSeconds(2)
  await guess(bench, 1)
  assert.equal(await statusOf(bench.verifier, keyed(bench.issued.text, HERE)), 'ok', 'the first has run out')
  const other = createKeyBench()
  await guess(other, 1)
  other.surroundings.advanceSeconds(200)
  await guess(other, 4)
  assert.equal(await statusOf(other.verifier, keyed(other.issued.text, HERE)), 'ERR_API_KEY_LOCKED')
})

test('leaves the other keys of a locked address and the other addresses of a locked key alone', async () => {
  const surroundings = createSurroundings()
  const [mine, other] = [issue(surroundings), issue(surroundings)]
  const verifier = createApiKeyVerifier(optionsFor([mine.record, other.record]), surroundings)
  await guess({ verifier, surroundings, issued: mine }, 6)
  assert.equal(await statusOf(verifier, keyed(other.text, HERE)), 'ok')
  assert.equal(await statusOf(verifier, keyed(mine.text, ELSEWHERE)), 'ok')
  assert.equal(await statusOf(verifier, keyed(mine.text, HERE)), 'ERR_API_KEY_LOCKED')
})

test('never locks out whoever has called from the same address before, and still answers wrong secrets from there as locked', async () => {
  const bench = createKeyBench()
  const { verifier, issued } = bench
  assert.equal(await statusOf(verifier, keyed(issued.text, HERE)), 'ok')
  assert.deepEqual(await guess(bench, 7), [...Array<string>(5).fill('ERR_API_KEY_INVALID'), 'ERR_API_KEY_LOCKED', 'ERR_API_KEY_LOCKED'])
  assert.equal(await statusOf(verifier, keyed(issued.text, HERE)), 'ok')
})

test('counts a verified peer by itself: its address can be locked, and it cannot, and the other way round', async () => {
  const bench = createKeyBench()
  const { verifier, issued, surroundings } = bench
  const peer = peerOf('spiffe://prod.example/orders')
  await guess(bench, 6)
  assert.equal(await statusOf(verifier, keyed(issued.text, HERE), peer), 'ok')

  const other = createKeyBench()
  for (let round = 0; round < 6; round++)
    await statusOf(other.verifier, keyed(guessOf(other.issued, surroundings), HERE), peerOf('spiffe://prod.example/mallory'))
  assert.equal(await statusOf(other.verifier, keyed(other.issued.text, HERE)), 'ok')
  assert.equal(
    await statusOf(other.verifier, keyed(other.issued.text, ELSEWHERE), peerOf('spiffe://prod.example/mallory')),
    'ERR_API_KEY_LOCKED',
  )
})

test('says nothing of a lock to whoever presents no key', async () => {
  const bench = createKeyBench()
  await guess(bench, 6)
  assert.equal(await statusOf(bench.verifier, keyed(null, HERE)), 'none')
})

test('locks an address that tries 5 ids, whether or not there are such keys', async () => {
  const surroundings = createSurroundings()
  const known = issue(surroundings)
  const verifier = createApiKeyVerifier(optionsFor([known.record]), surroundings)
  const statuses: string[] = []
  for (let round = 0; round < 6; round++) statuses.push(await statusOf(verifier, keyed(issue(surroundings).text, HERE)))
  assert.deepEqual(statuses, [...Array<string>(5).fill('ERR_API_KEY_UNKNOWN'), 'ERR_API_KEY_LOCKED'])
  assert.equal(await statusOf(verifier, keyed(known.text, HERE)), 'ERR_API_KEY_LOCKED')
  assert.equal(await statusOf(verifier, keyed(known.text, ELSEWHERE)), 'ok')
  assert.deepEqual(locks(surroundings), [['source', null, HERE]])
})

test('treats an id that does not exist as one that does', async () => {
  const [exists, not] = [createKeyBench(), createKeyBench()]
  const stranger = issue(not.surroundings)
  const one: string[] = []
  const other: string[] = []
  for (let round = 0; round < 7; round++) {
    one.push(...(await guess(exists, 1)))
    other.push(await statusOf(not.verifier, keyed(guessOf(stranger, not.surroundings), HERE)))
  }
  assert.deepEqual(
    other.map((code) => code.replace('UNKNOWN', 'INVALID')),
    one,
  )
})

test('leaves one attempt and not five to each newcomer once a key is guessed at from everywhere; its owner gets in from a new address', async () => {
  const bench = createKeyBench()
  const { verifier, issued, surroundings } = bench
  for (let host = 1; host <= 5; host++) await guess(bench, 1, `198.51.100.${host}`)
  assert.deepEqual(await guess(bench, 2, '203.0.113.50'), ['ERR_API_KEY_INVALID', 'ERR_API_KEY_LOCKED'])
  assert.equal(await statusOf(verifier, keyed(guessOf(issued, surroundings), '198.51.100.3')), 'ERR_API_KEY_LOCKED')
  assert.equal(await statusOf(verifier, keyed(issued.text, '203.0.113.99')), 'ok')
  assert.deepEqual(locks(surroundings), [['key', issued.record.id, '198.51.100.5']])
})

test('counts IPv6 by its /64, and IPv4 however it is written', async () => {
  const bench = createKeyBench()
  for (let host = 1; host <= 5; host++) await guess(bench, 1, `2001:db8:0:1::${host}`)
  assert.equal(await statusOf(bench.verifier, keyed(bench.issued.text, '2001:db8:0:1:ffff::1')), 'ERR_API_KEY_LOCKED')
  assert.equal(await statusOf(bench.verifier, keyed(bench.issued.text, '2001:db8:0:2::1')), 'ok')
  const mapped = createKeyBench()
  await guess(mapped, 3, '203.0.113.7')
  await guess(mapped, 2, '::ffff:203.0.113.7')
  assert.equal(await statusOf(mapped.verifier, keyed(mapped.issued.text, '203.0.113.7')), 'ERR_API_KEY_LOCKED')
})

test('writes a lock down once, without the id of a key that does not exist', async () => {
  const bench = createKeyBench()
  await guess(bench, 30)
  assert.deepEqual(locks(bench.surroundings), [['pair', bench.issued.record.id, HERE]])
  const stranger = issue(bench.surroundings)
  for (let round = 0; round < 30; round++) await statusOf(bench.verifier, keyed(guessOf(stranger, bench.surroundings), ELSEWHERE))
  assert.deepEqual(locks(bench.surroundings).slice(1), [['pair', null, ELSEWHERE]])
})

test('does not count slips of the pen: what cannot be a key is no guess', async () => {
  const bench = createKeyBench()
  for (let round = 0; round < 20; round++)
    assert.equal(await statusOf(bench.verifier, keyed(bench.issued.text.slice(1), HERE)), 'ERR_API_KEY_MALFORMED')
  assert.equal(await statusOf(bench.verifier, keyed(bench.issued.text, HERE)), 'ok')
})

test('does not count an expired or revoked key that is presented with its secret', async () => {
  const surroundings = createSurroundings()
  const [old, fresh] = [issue(surroundings, { expiresInSeconds: 60 }), issue(surroundings)]
  const verifier = createApiKeyVerifier(optionsFor([old.record, fresh.record]), surroundings)
  surroundings.advanceSeconds(60)
  for (let round = 0; round < 20; round++) assert.equal(await statusOf(verifier, keyed(old.text, HERE)), 'ERR_API_KEY_EXPIRED')
  assert.deepEqual(locks(surroundings), [])
})

test('lets nobody try more than five secrets who sends them all at once to a slow directory', async () => {
  const surroundings = createSurroundings()
  const issued = issue(surroundings)
  const verifier = createApiKeyVerifier({ ...optionsFor([]), keys: { epoch: 1, find: async () => issued.record } }, surroundings)
  const statuses = await Promise.all(Array.from({ length: 50 }, () => statusOf(verifier, keyed(guessOf(issued, surroundings), HERE))))
  assert.equal(statuses.filter((status) => status === 'ERR_API_KEY_INVALID').length, 5)
  assert.equal(statuses.filter((status) => status === 'ERR_API_KEY_LOCKED').length, 45)
})

test('stays bounded under a flood from everywhere, lets no lock go, and no one in uncounted', async () => {
  const bench = createKeyBench({ lock: { maxEntries: 300 } })
  const { verifier, issued, surroundings } = bench
  assert.equal(await statusOf(verifier, keyed(issued.text, ELSEWHERE)), 'ok')
  await guess(bench, 5)
  const statuses: string[] = []
  for (let round = 0; round < 2000; round++) {
    const address = `10.1.${round >> 8}.${round & 255}`
    statuses.push(await statusOf(verifier, keyed(issue(surroundings).text, address)))
  }
  assert.equal(statuses.at(-1), 'ERR_API_KEY_LOCKED', 'newcomers of the range share one count')
  assert.equal(await statusOf(verifier, keyed(issued.text, HERE)), 'ERR_API_KEY_LOCKED', 'the first lock is still there')
  assert.equal(await statusOf(verifier, keyed(issued.text, ELSEWHERE)), 'ok', 'who was known is not held up')
  assert.equal(await statusOf(verifier, keyed(issued.text, '172.16.0.1')), 'ok', 'nor another range')
  assert.ok(locks(surroundings).some(([scope]) => scope === 'everywhere'))
})

test('with the table full, neither a flood of addresses nor a peer of another trust domain locks a peer out', async () => {
  const bench = createKeyBench({ lock: { maxEntries: 300 } })
  const { verifier, issued, surroundings } = bench
  for (let round = 0; round < 2000; round++) await statusOf(verifier, keyed(issue(surroundings).text, `10.${round >> 8}.${round & 255}.1`))
  const stranger = peerOf('spiffe://evil.example/x')
  for (let round = 0; round < 5; round++) await verifier.verify(keyed(guessOf(issued, surroundings), HERE), stranger)
  const found = await verifier.verify(keyed(issued.text, HERE), peerOf('spiffe://prod.example/orders'))
  assert.ok(found !== null && !isRefusal(found), JSON.stringify(found))
})

test('can be switched off, and told other numbers', async () => {
  const off = createKeyBench({ lock: null })
  assert.deepEqual(await guess(off, 20), Array<string>(20).fill('ERR_API_KEY_INVALID'))
  const strict = createKeyBench({ lock: { failures: 1, windowSeconds: 10, lockSeconds: 60 } })
  assert.deepEqual(await guess(strict, 2), ['ERR_API_KEY_INVALID', 'ERR_API_KEY_LOCKED'])
  strict.surroundings.advanceSeconds(60)
  assert.equal(await statusOf(strict.verifier, keyed(strict.issued.text, HERE)), 'ok')
})
