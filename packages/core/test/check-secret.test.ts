import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { checkSecret, flawOfSecret, MisuseError } from '@countersign/core'

function messageOf(secret: unknown): string {
  try {
    checkSecret('hashKey', secret)
  } catch (error) {
    assert.ok(error instanceof MisuseError)
    assert.equal(error.option, 'hashKey')
    return `${error.code} ${error.message}`
  }
  return 'taken'
}

test('takes 32 random bytes, and more, as bytes or as a secret key', () => {
  for (let round = 0; round < 200; round++) {
    const bytes = randomBytes(32 + (round % 33))
    assert.deepEqual(checkSecret('hashKey', bytes), Uint8Array.from(bytes))
  }
  const bytes = randomBytes(48)
  assert.deepEqual(checkSecret('hashKey', createSecretKey(bytes)), Uint8Array.from(bytes))
  assert.equal(flawOfSecret(Buffer.from(randomBytes(32).toString('hex'))), null)
  assert.equal(flawOfSecret(Buffer.from(randomBytes(32).toString('base64url'))), null)
})

test('copies the bytes, so that whoever changes theirs does not change the secret', () => {
  const bytes = randomBytes(32)
  const kept = checkSecret('hashKey', bytes)
  const before = Uint8Array.from(kept)
  bytes.fill(0)
  assert.deepEqual(kept, before)
})

test('refuses a secret that is missing, empty or shorter than 32 bytes', () => {
  assert.match(messageOf(undefined), /^ERR_OPTION_MISSING /)
  assert.match(messageOf(null), /^ERR_OPTION_MISSING /)
  assert.match(messageOf(new Uint8Array()), /^ERR_OPTION_INVALID .*it is empty/)
  assert.match(messageOf(randomBytes(31)), /^ERR_OPTION_INVALID .*it has 31 bytes/)
})

test('refuses a text and whatever else is no bytes', () => {
  for (const secret of ['a text that is long enough to be thirty-two bytes', 7, {}, [1, 2, 3], { type: 'secret', export: () => 'text' }])
    assert.match(messageOf(secret), /^ERR_OPTION_INVALID .*takes a secret as a Uint8Array/)
})

test('refuses bytes that repeat, are few, or are counted', () => {
  assert.match(messageOf(new Uint8Array(32)), /it repeats itself/)
  assert.match(messageOf(new Uint8Array(64).fill(0xaa)), /it repeats itself/)
  assert.match(messageOf(Buffer.from('s3cr3t-k'.repeat(8))), /it repeats itself/)
  assert.match(messageOf(Buffer.from('abbacabaabcacbabcabcabbcacbaccabacbab')), /a few values alone/)
  assert.match(messageOf(Uint8Array.from({ length: 32 }, (_, at) => at)), /counted/)
})

test('refuses what stands in examples and defaults, however it is dressed', () => {
  for (const text of [
    'changeme-changeme-changeme-now-please',
    'CHANGE_ME_before_you_deploy_this_thing!',
    'your-256-bit-secret-goes-in-this-place',
    'keyboard cat keyboard cat keyboard dog',
    'my super Pass-Word for the whole cluster',
    '0123456789abcdef0123456789abcdefXYZW',
  ])
    assert.match(messageOf(Buffer.from(text)), /examples and defaults|repeats itself/)
})

test('never repeats the secret in its message', () => {
  const message = messageOf(Buffer.from('changeme-zebra-zebra-zebra-zebra-x'))
  assert.doesNotMatch(message, /zebra|changeme/)
})
