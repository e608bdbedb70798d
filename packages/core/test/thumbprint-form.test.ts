import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { isSha256Thumbprint } from '@countersign/core'

test('takes every SHA-256 as base64url writes it', () => {
  for (let n = 0; n < 200; n++) assert.ok(isSha256Thumbprint(createHash('sha256').update(`${n}`).digest('base64url')))
})

test('takes no other spelling of the same bytes, and nothing else', () => {
  const thumbprint = createHash('sha256').update('a').digest('base64url')
  const last = String.fromCharCode(thumbprint.charCodeAt(42) + 1)
  const respelt = thumbprint.slice(0, 42) + last
  assert.ok(Buffer.from(respelt, 'base64url').equals(Buffer.from(thumbprint, 'base64url')))
  const others = [
    respelt,
    `${thumbprint}=`,
    `${thumbprint}\n`,
    thumbprint.slice(1),
    `A${thumbprint}`,
    thumbprint.replace(/.$/, '+'),
    '',
    null,
    43,
    [thumbprint],
  ]
  for (const other of others) assert.equal(isSha256Thumbprint(other), false, String(other))
})
