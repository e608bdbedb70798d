import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Claim, createMemoryReplayStore, type ReplayStore } from '@countersign/core'
import { dpopProof, dpopRequest, ORIGIN, thumbprintOf } from '../requests.js'
import { createSurroundings, judge, NOW, settledStatus } from '../surroundings.js'
import { createDpopBench } from './bench.js'

test('lets one of a hundred requests with the same proof in, that come at once', async () => {
  const { key, token, verifier } = createDpopBench()
  const proof = dpopProof(key, token)
  const found = await Promise.all(Array.from({ length: 100 }, () => settledStatus(verifier, dpopRequest(token, proof))))
  assert.equal(found.filter((status) => status === 'ok').length, 1)
  assert.equal(found.filter((status) => status === 'ERR_PROOF_REPLAYED').length, 99)
})

test('remembers a proof for as long as it would be accepted, to the last moment', async () => {
  const { key, token, surroundings, verifier } = createDpopBench()
  const proof = dpopProof(key, token, { iat: NOW + 5 })
  assert.equal(await settledStatus(verifier, dpopRequest(token, proof)), 'ok')
  surroundings.advanceSeconds(64.999)
  assert.equal(await settledStatus(verifier, dpopRequest(token, proof)), 'ERR_PROOF_REPLAYED')
  surroundings.advanceSeconds(0.001)
  assert.equal(await settledStatus(verifier, dpopRequest(token, proof)), 'ERR_PROOF_EXPIRED')
})

test('what is bound to a revoked key of its caller does not count, proven or not', async () => {
  const revoked = new Set<string>()
  const list = { ageMs: 0, has: (kind: string, id: string) => revoked.has(`${kind} ${id}`) }
  const { key, token, verifier } = createDpopBench({}, { revocation: { list } })
  assert.equal(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token))), 'ok')
  revoked.add(`key ${thumbprintOf(key)}`)
  assert.equal(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token))), 'ERR_TOKEN_REVOKED')
})

test('uses a proof up only once all of it was found right', async () => {
  const claimed: string[] = []
  const replay: ReplayStore = {
    claim(id, untilMs) {
      claimed.push(`${id} ${untilMs}`)
      return 'first'
    },
  }
  const { key, token, verifier } = createDpopBench({ replay })
  const { key: thief } = createDpopBench()
  await judge(verifier, dpopRequest(token, dpopProof(key, token, { jti: 'one', htm: 'POST' })))
  await judge(verifier, dpopRequest(token, dpopProof(thief, token, { jti: 'one' })))
  assert.deepEqual(claimed, [])
  assert.equal(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token, { jti: 'one' }))), 'ok')
  assert.equal(claimed.length, 1)
  assert.match(claimed[0] ?? '', new RegExp(`^dpop:[\\w-]{43} ${(NOW + 125) * 1000}$`))
})

test('claims the same id for another target or another key anew', async () => {
  const { key, token, verifier, issuer } = createDpopBench()
  const other = createDpopBench()
  assert.equal(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token, { jti: 'x' }))), 'ok')
  const elsewhere = dpopProof(key, token, { jti: 'x', htu: `${ORIGIN}/other` })
  assert.equal(await settledStatus(verifier, dpopRequest(token, elsewhere, { target: '/other' })), 'ok')
  assert.equal(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token, { jti: 'x' }))), 'ERR_PROOF_REPLAYED')
  assert.equal(await settledStatus(other.verifier, dpopRequest(other.token, dpopProof(other.key, other.token, { jti: 'x' }))), 'ok')
  assert.notEqual(issuer, other.issuer)
})

test('keeps a hash of an id, however long it is', async () => {
  let length = 0
  const replay: ReplayStore = {
    claim(id) {
      length = id.length
      return 'first'
    },
  }
  const { key, token, verifier } = createDpopBench({ replay })
  await judge(verifier, dpopRequest(token, dpopProof(key, token, { jti: 'j'.repeat(256) })))
  assert.equal(length, 48)
})

test('refuses while the store is full, cannot be reached or says something else, and never lets anybody in then', async () => {
  const { clock } = createSurroundings()
  const full = createMemoryReplayStore({ clock, maxEntries: 1 })
  full.claim('another', Number.POSITIVE_INFINITY)
  const stores: readonly ReplayStore[] = [
    full,
    { claim: () => Promise.reject(new Error('connection refused')) },
    {
      claim() {
        throw new Error('closed')
      },
    },
    { claim: () => undefined as unknown as Claim },
    { claim: () => Promise.resolve('yes' as Claim) },
  ]
  for (const replay of stores) {
    const { key, token, verifier } = createDpopBench({ replay })
    assert.equal(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token))), 'ERR_REPLAY_UNAVAILABLE')
  }
})

test('waits for a store outside this process, and takes its word', async () => {
  const answers: Claim[] = ['first', 'again', 'full']
  const { key, token, verifier } = createDpopBench({ replay: { claim: () => Promise.resolve(answers.shift() ?? 'full') } })
  const met = []
  for (let count = 0; count < 3; count++) met.push(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token))))
  assert.deepEqual(met, ['ok', 'ERR_PROOF_REPLAYED', 'ERR_REPLAY_UNAVAILABLE'])
})

test('does not wait for ever for a store that never answers', async () => {
  const { key, token, verifier } = createDpopBench({ replay: { claim: () => new Promise(() => {}) } })
  assert.equal(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token))), 'ERR_REPLAY_UNAVAILABLE')
})

test('what has run out while the store took its time does not count', async () => {
  const bench = createDpopBench({
    replay: {
      async claim(): Promise<Claim> {
        bench.surroundings.advanceSeconds(400)
        return 'first'
      },
    },
  })
  const { key, token, verifier } = bench
  assert.equal(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token))), 'ERR_PROOF_EXPIRED')
})
