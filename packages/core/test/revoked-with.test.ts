import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinRevokedWith, type RevocableId, readRevokedWith, revokedWithClaim } from '@countersign/core'

const IDS: readonly RevocableId[] = [
  ['certificate', 'c-1'],
  ['token', 't-1'],
  ['certificate', 'c-2'],
  ['session', 'period 1 of s'],
]

test('what is written is what is read, whatever its order', () => {
  const claim = revokedWithClaim(IDS)
  assert.deepEqual(claim, { certificate: ['c-1', 'c-2'], token: ['t-1'], session: ['period 1 of s'] })
  const read = readRevokedWith({ revoked_with: JSON.parse(JSON.stringify(claim)) })
  assert.deepEqual(new Set(read.map(String)), new Set(IDS.map(String)))
})

test('nothing to name is no claim, and no claim names nothing', () => {
  assert.equal(revokedWithClaim([]), undefined)
  assert.deepEqual(readRevokedWith({}), [])
})

test('joins what it is given, each once, and no more than a token may name', () => {
  assert.deepEqual(joinRevokedWith(IDS, [['token', 't-1']], []), IDS)
  const many = Array.from({ length: 64 }, (_, at) => ['token', String(at)] as const)
  assert.equal(joinRevokedWith(many, many.slice(3))?.length, 64)
  assert.equal(joinRevokedWith(many, [['token', '64']]), null)
})
