import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isRefusal } from '@countersign/core'
import { createTokenVerifier } from '@countersign/token'
import { countVerifications } from './count-verifications.js'
import { createSigner, encode } from './signer.js'
import { bearer, claims, createBench, createSurroundings, inboundWith, judge, NOW, optionsFor, statusOf } from './surroundings.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapUsed(): number {
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

test('keeps nothing of a million distinct tokens that are refused', async () => {
  const { signer, verifier } = createBench()
  const header = encode(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: signer.kid }))
  const shapes: readonly ((index: number) => string)[] = [
    (index) => `garbage-${index}`,
    (index) => `${index}.${index}.${index}`,
    (index) => `${header}.${encode(JSON.stringify(claims({ sub: `s${index}`, exp: NOW - 100 })))}.AAAA`,
    (index) => `${encode(JSON.stringify({ alg: 'none', kid: String(index) }))}.e30.AAAA`,
    (index) => `${encode(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: `k${index}` }))}.${encode(JSON.stringify(claims()))}.AAAA`,
  ]
  const run = async (from: number, to: number): Promise<void> => {
    for (let index = from; index < to; index++) {
      const found = await judge(verifier, bearer(shapes[index % shapes.length]?.(index) ?? ''))
      if (!isRefusal(found)) assert.fail(`not refused: ${index}`)
    }
  }
  await run(0, 20_000)
  const before = heapUsed()
  await run(20_000, 1_020_000)
  const grown = heapUsed() - before
  assert(grown < 2 * 1024 * 1024, `${grown} bytes more`)
})

test('keeps nothing of tokens whose signature is wrong', async () => {
  const { signer, verifier } = createBench()
  const impostor = createSigner('ES256', signer.kid)
  const signature = impostor.sign(claims()).split('.')[2]
  const header = encode(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: signer.kid }))
  const run = async (from: number, to: number): Promise<void> => {
    for (let index = from; index < to; index++) {
      const token = `${header}.${encode(JSON.stringify(claims({ sub: `s${index}`, pad: 'x'.repeat(1000) })))}.${signature}`
      assert.equal(await statusOf(verifier, token), 'ERR_TOKEN_SIGNATURE')
    }
  }
  await run(0, 500)
  const before = heapUsed()
  await run(500, 12_500)
  // Ends the turn, so that what the verifications hold is given back.
  await new Promise(setImmediate)
  const grown = heapUsed() - before
  // Kept, they would take 20 MiB.
  assert(grown < 4 * 1024 * 1024, `${grown} bytes more`)
})

test('gives one token one place among those it remembers, however its scheme is spelled', async (t) => {
  const { signer, verifier } = createBench()
  const verify = countVerifications(t)
  const token = signer.sign(claims())
  await statusOf(verifier, token)
  for (let spaces = 1; spaces < 50; spaces++) {
    for (const scheme of ['Bearer', 'bearer', 'BeArEr']) {
      const found = verifier.recall(inboundWith(`${scheme}${' '.repeat(spaces)}${token}`))
      assert(found !== undefined && found !== null && !isRefusal(found))
    }
  }
  assert.equal(verify.callCount(), 1)
})

test('accepts none of ten thousand tokens that were changed at random, and throws for none', async () => {
  const signer = createSigner('Ed25519')
  const verifier = createTokenVerifier(optionsFor([signer]), createSurroundings())
  const good = signer.sign(claims({ cnf: { 'x5t#S256': 'A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0' }, scope: 'a b' }))
  let state = 7
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \u0000\u00ff,"{'
  const codes = new Set<string>()
  for (let run = 0; run < 10_000; run++) {
    let token = good
    for (let change = random(3); change >= 0; change--) {
      const at = random(token.length)
      token = token.slice(0, at) + alphabet.slice(random(alphabet.length)).slice(0, random(3)) + token.slice(at + random(3))
    }
    if (token === good) continue
    const status = await statusOf(verifier, token)
    assert.notEqual(status, 'ok', token)
    codes.add(status)
  }
  assert(codes.has('ERR_TOKEN_MALFORMED') && codes.has('ERR_TOKEN_SIGNATURE') && !codes.has('ERR_GUARD_FAULT'), [...codes].join())
})
