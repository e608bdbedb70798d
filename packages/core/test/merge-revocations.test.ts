import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeRevocations } from '@countersign/core'

test('of two revocations of one id the later moments count, and what adds nothing changes nothing', () => {
  const first = { kind: 'token', id: 'jti', issuedBeforeMs: 10, untilMs: 100, revokedAtMs: 1, reason: 'first' } as const
  const second = { ...first, issuedBeforeMs: 20, untilMs: 50, reason: 'second' }
  assert.deepEqual(mergeRevocations(first, second), { ...first, issuedBeforeMs: 20 })
  assert.deepEqual(mergeRevocations(second, first), { ...second, untilMs: 100 })
  assert.equal(mergeRevocations(first, { ...first, untilMs: 99 }), first)
})
