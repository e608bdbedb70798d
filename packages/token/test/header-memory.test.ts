import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJsonObject } from '@countersign/core'
import { createHeaderMemory } from '../dist/header-memory.js'
import { createSigner } from './signer.js'
import { claims, createBench, statusOf } from './surroundings.js'

test('keeps a bounded number of headers of bounded length, by their text', () => {
  const memory = createHeaderMemory()
  const header = (kid: string) => parseJsonObject(JSON.stringify({ alg: 'ES256', kid })) ?? assert.fail(kid)
  const first = header('first')
  memory.remember('first.payload', first)
  assert.equal(memory.recall('first'), first)
  assert.equal(memory.recall('firs'), undefined)
  memory.remember(`${'x'.repeat(1025)}.payload`, header('long'))
  assert.equal(memory.recall('x'.repeat(1025)), undefined)
  let kept = 0
  for (let index = 0; index < 1000; index++) {
    memory.remember(`${index}.payload`, header(String(index)))
    assert.notEqual(memory.recall(String(index)), undefined)
  }
  for (let index = 0; index < 1000; index++) if (memory.recall(String(index)) !== undefined) kept++
  assert(kept <= 64, `${kept} kept`)
})

test('judges the header of a token by itself, however often another with the same claims was seen', async () => {
  const { signer, verifier } = createBench()
  assert.equal(await statusOf(verifier, signer.sign(claims())), 'ok')
  const impostor = createSigner('ES256', signer.kid)
  assert.equal(await statusOf(verifier, impostor.sign(claims())), 'ERR_TOKEN_SIGNATURE')
  assert.equal(await statusOf(verifier, signer.sign(claims(), { typ: 'JWT' })), 'ERR_TOKEN_TYPE')
  assert.equal(await statusOf(verifier, signer.sign(claims(), { crit: ['exp'] })), 'ERR_TOKEN_CRITICAL')
  assert.equal(await statusOf(verifier, signer.sign(claims({ jti: 'j-2' }))), 'ok')
})
