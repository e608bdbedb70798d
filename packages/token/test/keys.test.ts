import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { parseJsonObject } from '@countersign/core'
import { type createKeySet, readKeys } from '../dist/key-set.js'
import { keyFromJwk, keyFromKeyObject, SIGNING_USES, SVID_USES } from '../dist/verification-key.js'
import { createSigner } from './signer.js'

function flawOf(jwk: Record<string, unknown>, uses: ReadonlySet<unknown> = SIGNING_USES): string {
  const parsed = parseJsonObject(Buffer.from(JSON.stringify(jwk)))
  assert(parsed !== null)
  const verdict = keyFromJwk(parsed, uses)
  return typeof verdict === 'string' ? verdict : 'none'
}

const ec = createSigner('ES256').jwk
const rsa = createSigner('RS256').jwk
const ed = createSigner('Ed25519').jwk
const number = (value: bigint): string =>
  Buffer.from(value.toString(16).padStart(value.toString(16).length + (value.toString(16).length % 2), '0'), 'hex').toString('base64url')

test('uses sound public keys of RSA, P-256, P-384, P-521 and Ed25519', () => {
  for (const algorithm of ['RS256', 'PS512', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA']) {
    const { jwk } = createSigner(algorithm)
    assert.equal(flawOf(jwk), 'none', algorithm)
    const { alg: _, use: __, kid: ___, ...bare } = jwk
    assert.equal(flawOf(bare), 'none', algorithm)
    assert.equal(flawOf({ ...bare, key_ops: ['verify'], ext: true, x5c: ['AAAA'], future: {} }), 'none', algorithm)
  }
})

test('leaves out each key that must not verify, with its own word', () => {
  const rows: readonly (readonly [flaw: string, jwk: Record<string, unknown>])[] = [
    ['kind', { kty: 'oct', k: Buffer.alloc(32).toString('base64url'), alg: 'HS256' }],
    ['kind', { ...ec, kty: 'ec' }],
    ['kind', { ...ec, kty: undefined }],
    ['kind', { ...ec, crv: 'secp256k1' }],
    ['kind', { ...ec, crv: 'P-192' }],
    ['kind', { ...ed, crv: 'X25519' }],
    ['kind', { ...ed, crv: 'Ed448' }],
    ['kind', { ...ed, kty: 'EC' }],
    ['private', { ...ec, d: 'AAAA' }],
    ['private', { ...rsa, p: 'AAAA' }],
    ['private', { ...rsa, k: 'AAAA' }],
    ['use', { ...ec, use: 'enc' }],
    ['use', { ...ec, use: '' }],
    ['use', { ...ec, use: 'jwt-svid' }],
    ['use', { ...ec, key_ops: ['sign'] }],
    ['use', { ...ec, key_ops: [] }],
    ['use', { ...ec, key_ops: 'verify' }],
    ['use', { ...ec, key_ops: ['verify', 'verify'] }],
    ['algorithm', { ...ec, alg: 'RS256' }],
    ['algorithm', { ...ec, alg: 'ES384' }],
    ['algorithm', { ...ec, alg: 'HS256' }],
    ['algorithm', { ...ec, alg: 'none' }],
    ['algorithm', { ...ec, alg: 7 }],
    ['algorithm', { ...rsa, alg: 'RSA-OAEP' }],
    ['kid', { ...ec, kid: 7 }],
    ['kid', { ...ec, kid: '' }],
    ['kid', { ...ec, kid: 'k'.repeat(513) }],
    ['malformed', { ...ec, x: undefined }],
    ['malformed', { ...ec, x: `${ec['x']}=` }],
    ['malformed', { ...ec, x: 'AAAA' }],
    ['malformed', { ...ec, y: ec['x'] }],
    ['malformed', { ...ed, x: 'AAAA' }],
    ['malformed', { ...rsa, n: '' }],
    ['malformed', { ...rsa, e: 65537 }],
    ['exponent', { ...rsa, e: 'AQ' }],
    ['exponent', { ...rsa, e: number(65536n) }],
    ['exponent', { ...rsa, e: number(2n ** 32n + 1n) }],
    ['exponent', { ...rsa, e: number(2n ** 2047n + 1n) }],
    ['size', { ...rsa, n: number(2n ** 1023n + 1n) }],
    ['size', { ...rsa, n: number(2n ** 9000n + 1n) }],
    ['weak', { ...rsa, n: number(2n ** 2048n - 2n) }],
  ]
  for (const [flaw, jwk] of rows) assert.equal(flawOf(jwk), flaw, JSON.stringify(jwk).slice(0, 120))
  assert.equal(flawOf({ ...ec, use: 'jwt-svid' }, SVID_USES), 'none')
  assert.equal(flawOf({ ...ec, use: 'x509-svid' }, SVID_USES), 'use')
})

test('uses a key object only if it is public, sound and of a known kind', () => {
  const flaw = (key: unknown): string => {
    const verdict = keyFromKeyObject(key, 'k')
    return typeof verdict === 'string' ? verdict : 'none'
  }
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  assert.equal(flaw(publicKey), 'none')
  assert.equal(flaw(privateKey), 'private')
  assert.equal(flaw(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey), 'kind')
  assert.equal(flaw(generateKeyPairSync('ed448').publicKey), 'kind')
  assert.equal(flaw(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey), 'size')
  assert.equal(flaw(publicKey.export({ type: 'spki', format: 'pem' })), 'malformed')
})

// RFC 7638 §3.1 and RFC 8037 §A.3 print the thumbprints of these keys.
test('names keys by the thumbprints that the RFCs print', () => {
  const thumbprintOf = (jwk: Record<string, string>): string => {
    const verdict = keyFromJwk(jwk, SIGNING_USES)
    return typeof verdict === 'string' ? verdict : verdict.thumbprint
  }
  assert.equal(
    thumbprintOf({
      kty: 'RSA',
      n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
      e: 'AQAB',
      alg: 'RS256',
      kid: '2011-04-29',
    }),
    'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
  )
  assert.equal(
    thumbprintOf({ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }),
    'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  )
})

test('tells two key sets apart by what they hold, and not by its order', () => {
  const set = (...jwks: Record<string, unknown>[]): ReturnType<typeof createKeySet> => {
    const found = readKeys(
      jwks.map((jwk) => parseJsonObject(Buffer.from(JSON.stringify(jwk)))),
      SIGNING_USES,
    )
    assert(found !== null)
    return found.keys
  }
  assert.equal(set(ec, rsa).fingerprint, set(rsa, ec).fingerprint)
  assert.notEqual(set(ec, rsa).fingerprint, set(ec).fingerprint)
  assert.notEqual(set(ec).fingerprint, set({ ...ec, kid: 'other' }).fingerprint)
  assert.notEqual(set(rsa).fingerprint, set({ ...rsa, alg: 'PS256' }).fingerprint)
  assert.equal(set({ ...ec, kid: '__proto__' }).find('__proto__', 'ES256').length, 1)
  assert.equal(set(ec).find('__proto__', 'ES256').length, 0)
  assert.equal(set(ec).find('constructor', 'ES256').length, 0)
})
