import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeToken } from '@countersign/token'
import { createSigner, encode } from './signer.js'
import { claims } from './surroundings.js'

test('shows header and claims of a token without verifying it, even one that is not signed', () => {
  const token = createSigner().sign(claims({ roles: ['a'] }))
  const { header, claims: found } = decodeToken(token)
  assert.equal(header['alg'], 'ES256')
  assert.equal(found['sub'], 'alice')
  assert(Object.isFrozen(found) && Object.isFrozen(found['roles']))
  assert.deepEqual({ ...decodeToken(`${encode('{"alg":"none"}')}.${encode('{"sub":"x"}')}.`).claims }, { sub: 'x' })
})

test('throws a coded error for what is no token', () => {
  for (const text of ['', 'a.b', 'e30.e30.e30.e30', 'e30.W10.', 'W10.e30.', 'e30.e30. ', 'e31.e30.']) {
    assert.throws(() => decodeToken(text), { name: 'RefusedError', code: 'ERR_TOKEN_MALFORMED' }, text)
  }
  assert.throws(() => decodeToken('a'.repeat(100_000)), { code: 'ERR_TOKEN_TOO_LARGE' })
})
