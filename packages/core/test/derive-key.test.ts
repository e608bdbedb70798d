import assert from 'node:assert/strict'
import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { deriveKey, hkdfSha256 } from '@countersign/core'

/** RFC 5869 Appendix A.1 to A.3: SHA-256. */
const VECTORS = [
  {
    ikm: '0b'.repeat(22),
    salt: '000102030405060708090a0b0c',
    info: 'f0f1f2f3f4f5f6f7f8f9',
    length: 42,
    okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  },
  {
    ikm: range(0x00, 0x4f),
    salt: range(0x60, 0xaf),
    info: range(0xb0, 0xff),
    length: 82,
    okm:
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c' +
      '59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71' +
      'cc30c58179ec3e87c14c01d5c1f3434f1d87',
  },
  {
    ikm: '0b'.repeat(22),
    salt: '',
    info: '',
    length: 42,
    okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  },
]

function range(first: number, last: number): string {
  return Buffer.from(Array.from({ length: last - first + 1 }, (_, index) => first + index)).toString('hex')
}

for (const [index, { ikm, salt, info, length, okm }] of VECTORS.entries()) {
  test(`gives the key of RFC 5869 appendix A.${index + 1}`, () => {
    const key = hkdfSha256(Buffer.from(ikm, 'hex'), Buffer.from(salt, 'hex'), Buffer.from(info, 'hex'), length)
    assert.equal(Buffer.from(key).toString('hex'), okm)
  })
}

const master = randomBytes(32)
const hexOf = (key: Uint8Array): string => Buffer.from(key).toString('hex')

test('gives the same key for the same use, and another for any other', () => {
  const uses = [
    { purpose: 'state-records' },
    { purpose: 'dpop-nonces' },
    { purpose: 'state-records', service: 'orders' },
    { purpose: 'state-records', service: 'billing' },
    // What a plain joining of the parts would confuse.
    { purpose: 'state-record', service: 'sorders' },
    { purpose: 'state-recordsorders' },
    { purpose: 'state-records\0orders' },
    { purpose: 'orders', service: 'state-records' },
  ]
  const keys = uses.map((use) => hexOf(deriveKey(master, use)).slice(0, 32))
  assert.equal(new Set(keys).size, uses.length)
  for (const use of uses) assert.deepEqual(deriveKey(master, use), deriveKey(createSecretKey(master), use))
  assert.notEqual(hexOf(deriveKey(randomBytes(32), { purpose: 'state-records' })), hexOf(deriveKey(master, { purpose: 'state-records' })))
})

test('a MAC under the key of one purpose does not verify under that of another', () => {
  const macUnder = (purpose: string): string => createHmac('sha256', deriveKey(master, { purpose })).update('record').digest('hex')
  assert.equal(macUnder('state-records'), macUnder('state-records'))
  assert.notEqual(macUnder('state-records'), macUnder('dpop-nonces'))
})

test('derives nothing from a weak master, and nothing without a purpose', () => {
  const use = { purpose: 'state-records' }
  for (const weak of [Buffer.alloc(0), randomBytes(31), Buffer.alloc(32), Buffer.from('changeme-changeme-now-changeme-please')])
    assert.throws(() => deriveKey(weak, use), { code: 'ERR_OPTION_INVALID', option: 'master' })
  assert.throws(() => deriveKey(master, { purpose: '' }), { code: 'ERR_OPTION_INVALID', option: 'use.purpose' })
  assert.throws(() => deriveKey(master, { purpose: 'x', service: '' }), { option: 'use.service' })
})
