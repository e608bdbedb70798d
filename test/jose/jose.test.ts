import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSigners } from './issuers.js'
import { createJudges } from './judge.js'
import { goodDraft } from './mutate-signed.js'
import { RULES } from './rules.js'
import { compareWithJose, textOf } from './run.js'

// A million takes minutes: `node test/dist/jose/main.js 1000000`.
const TOKENS = 100_000
const SEED = 20_261_127

test('both accept a good token of every algorithm', async () => {
  const signers = createSigners()
  const judges = createJudges(signers)
  for (const signer of signers) {
    const { header, claims } = goodDraft(signer)
    const token = signer.sign(JSON.stringify(header), JSON.stringify(claims))
    assert.deepEqual([await judges.own(token), await judges.jose(token)], [null, null], signer.algorithm)
  }
})

test('gives a hundred thousand mutated tokens the verdict of jose, but for differences that have a rule each', async () => {
  const outcome = await compareWithJose(TOKENS, SEED)
  console.log(textOf(outcome))
  assert.deepEqual(outcome.unexplained, [])
  assert(outcome.acceptedByBoth > TOKENS / 100, `${outcome.acceptedByBoth} accepted`)
  assert(outcome.refusedByBoth > TOKENS / 2, `${outcome.refusedByBoth} refused`)
  for (const rule of RULES) assert((outcome.explained.get(rule) ?? 0) > 0, `${rule.name}: explains nothing`)
  // Each refusal is one of ours on purpose; a fault is none.
  assert.equal(outcome.codes.get('ERR_GUARD_FAULT'), undefined)
  assert.equal(outcome.codes.get('ERR_KEYS_UNAVAILABLE'), undefined)
})
