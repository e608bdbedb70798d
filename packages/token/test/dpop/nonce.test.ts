import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Inbound } from '@countersign/core'
import { createTokenVerifier, type NonceOptions } from '@countersign/token'
import { countVerifications } from '../count-verifications.js'
import { dpopProof, dpopRequest, ORIGIN } from '../requests.js'
import { NOW, optionsFor, settledStatus } from '../surroundings.js'
import { createDpopBench, type DpopBench } from './bench.js'

const SECRET = 'a secret of thirty-two bytes, or more'

function ask({ key, token, verifier }: DpopBench, iat: number, nonce?: string, from = verifier) {
  const inbound = dpopRequest(token, dpopProof(key, token, { iat, nonce }))
  return settledStatus(from, inbound).then((status) => ({ status, nonce: nonceFor(from, inbound) }))
}

function nonceFor({ fieldsFor }: DpopBench['verifier'], inbound: Inbound): string | undefined {
  return fieldsFor?.(inbound)?.['DPoP-Nonce']
}

test('demands its nonce, tells it, and takes a proof that holds it', async () => {
  const bench = createDpopBench({ nonce: {} })
  const first = await ask(bench, NOW)
  assert.equal(first.status, 'ERR_PROOF_NONCE')
  // RFC 9449 §8.1: 1*NQCHAR.
  assert.match(first.nonce ?? '', /^[\w-]{43}$/)
  assert.deepEqual(await ask(bench, NOW, first.nonce), { status: 'ok', nonce: undefined })
  const wrong = await ask(bench, NOW, 'x'.repeat(43))
  assert.deepEqual(wrong, { status: 'ERR_PROOF_NONCE', nonce: first.nonce })
})

test('takes the nonce before the last, and tells the new one with its answer', async () => {
  const bench = createDpopBench({ nonce: { rotateSeconds: 60 } })
  const { nonce: old } = await ask(bench, NOW)
  bench.surroundings.advanceSeconds(60)
  const due = await ask(bench, NOW + 60, old)
  assert.equal(due.status, 'ok')
  assert.notEqual(due.nonce, old)
  assert.deepEqual(await ask(bench, NOW + 60, due.nonce), { status: 'ok', nonce: undefined })
  bench.surroundings.advanceSeconds(60)
  assert.equal((await ask(bench, NOW + 120, old)).status, 'ERR_PROOF_NONCE')
})

test('tells a nonce in an answer that no cache may keep', async () => {
  const { key, token, verifier } = createDpopBench({ nonce: {} })
  const inbound = dpopRequest(token, dpopProof(key, token))
  await settledStatus(verifier, inbound)
  assert.equal(verifier.fieldsFor?.(inbound)?.['Cache-Control'], 'no-store')
})

test('tells a nonce only to whoever names the key of a token', async () => {
  const bench = createDpopBench({ nonce: {} })
  const { key: other } = createDpopBench()
  const inbound = dpopRequest(bench.token, dpopProof(other, bench.token))
  assert.equal(await settledStatus(bench.verifier, inbound), 'ERR_PROOF_BINDING')
  assert.equal(nonceFor(bench.verifier, inbound), undefined)
})

test('verifies no signature of a proof without the nonce of now, however often it comes', async (t) => {
  const bench = createDpopBench({ nonce: {} })
  const { nonce } = await ask(bench, NOW)
  const captured = dpopRequest(bench.token, dpopProof(bench.key, bench.token, { nonce: 'x'.repeat(43) }))
  const verifications = countVerifications(t)
  for (let round = 0; round < 10; round++) assert.equal(await settledStatus(bench.verifier, captured), 'ERR_PROOF_NONCE')
  assert.equal(verifications.callCount(), 0)
  assert.equal((await ask(bench, NOW, nonce)).status, 'ok')
  assert.equal(verifications.callCount(), 1)
})

test('processes that share a secret take each other’s nonces, and others do not', async () => {
  const bench = createDpopBench({ nonce: { secret: SECRET } })
  const { nonce } = await ask(bench, NOW)
  const verifierWith = (options: NonceOptions) =>
    createTokenVerifier(optionsFor([bench.issuer], { binding: 'dpop', dpop: { origins: ORIGIN, nonce: options } }), bench.surroundings)
  assert.equal((await ask(bench, NOW, nonce, verifierWith({ secret: Buffer.from(SECRET) }))).status, 'ok')
  for (const options of [{ secret: `${SECRET}!` }, {}, { secret: SECRET, rotateSeconds: 60 }])
    assert.equal((await ask(bench, NOW, nonce, verifierWith(options))).status, 'ERR_PROOF_NONCE')
})

test('two processes that were told no secret have none in common', async () => {
  const nonces = await Promise.all([createDpopBench({ nonce: {} }), createDpopBench({ nonce: {} })].map((bench) => ask(bench, NOW)))
  assert.notEqual(nonces[0]?.nonce, nonces[1]?.nonce)
})

test('keeps no nonce, and has no fields to tell, where none is demanded', async () => {
  const { key, token, verifier } = createDpopBench()
  assert.equal(verifier.fieldsFor, undefined)
  assert.equal(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token, { nonce: 'of another server' }))), 'ok')
})
