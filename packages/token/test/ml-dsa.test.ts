import assert from 'node:assert/strict'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { MisuseError, parseJsonObject } from '@countersign/core'
import { createTokenVerifier } from '@countersign/token'
import { thumbprint } from '../dist/thumbprint.js'
import { keyFromJwk, keyFromKeyObject, SIGNING_USES } from '../dist/verification-key.js'
import { bearer, claims, createSurroundings, optionsFor, settledStatus, statusOf } from './surroundings.js'

interface Case {
  readonly algorithm: 'ML-DSA-44' | 'ML-DSA-65' | 'ML-DSA-87'
  readonly thumbprint: string
  readonly jwk: Readonly<Record<string, string>>
  readonly jws: string
}

// Signed by OpenSSL 3.5 with keys of the seed that RFC 9964, appendix A, uses; checked with jose.
const { cases } = JSON.parse(readFileSync(new URL('../test/ml-dsa.json', import.meta.url), 'utf8')) as { cases: readonly Case[] }
const takesKeys = Number.parseFloat(process.versions.openssl) >= 3.5

function imported(jwk: Readonly<Record<string, unknown>>): ReturnType<typeof keyFromJwk> {
  const parsed = parseJsonObject(JSON.stringify(jwk))
  assert(parsed !== null)
  return keyFromJwk(parsed, SIGNING_USES)
}

for (const { algorithm, thumbprint: printed, jwk, jws } of cases) {
  test(`verifies ${algorithm} where it is named and the runtime can, and refuses its keys where it cannot`, async () => {
    const key = imported(jwk)
    assert.equal(typeof key === 'string' ? key : 'none', takesKeys ? 'none' : 'kind')
    if (typeof key === 'string') {
      assert.throws(
        () => createTokenVerifier(optionsFor([], { keys: { jwks: [jwk] }, algorithms: [algorithm] }), createSurroundings()),
        MisuseError,
      )
      return
    }
    assert.equal(key.thumbprint, printed)
    const options = { keys: { jwks: [{ ...jwk, kid: printed }] } }
    const verifier = createTokenVerifier(optionsFor([], { ...options, algorithms: [algorithm] }), createSurroundings())
    assert.equal(await statusOf(verifier, jws), 'ok')
    const cut = jws.lastIndexOf('.') + 100
    const damaged = `${jws.slice(0, cut)}${jws[cut] === 'A' ? 'B' : 'A'}${jws.slice(cut + 1)}`
    assert.equal(await statusOf(verifier, damaged), 'ERR_TOKEN_SIGNATURE')
    const [header, , signature] = jws.split('.')
    const other = Buffer.from(JSON.stringify(claims({ sub: 'mallory' }))).toString('base64url')
    assert.equal(await statusOf(verifier, `${header}.${other}.${signature}`), 'ERR_TOKEN_SIGNATURE')
    const byDefault = createTokenVerifier(optionsFor([], options), createSurroundings())
    assert.equal(await settledStatus(byDefault, bearer(jws)), 'ERR_TOKEN_ALGORITHM')
  })

  test(`takes a key object of ${algorithm} for what it is, by its octets`, () => {
    if (!takesKeys) return
    const own = imported(jwk)
    assert(typeof own !== 'string')
    const found = keyFromKeyObject(own.key, 'k')
    assert(typeof found !== 'string')
    assert.deepEqual([...found.algorithms], [algorithm])
    assert.equal(thumbprint(nodeKey(jwk, own.key)), printed)
  })

  test(`leaves out a key of ${algorithm} that is not whole, or says what it is not`, () => {
    const { pub = '' } = jwk
    assert.equal(imported({ ...jwk, pub: undefined }), 'malformed')
    assert.equal(imported({ ...jwk, pub: `${pub.slice(0, -4)}` }), 'malformed')
    assert.equal(imported({ ...jwk, pub: `${pub}AAAA` }), 'malformed')
    assert.equal(imported({ ...jwk, pub: `${pub}=` }), 'malformed')
    assert.equal(imported({ ...jwk, priv: 'AAAA' }), 'private')
    assert.equal(imported({ ...jwk, use: 'enc' }), 'use')
    for (const alg of [undefined, 'ES256', 'none', algorithm.toLowerCase()]) assert.equal(imported({ ...jwk, alg }), 'kind')
  })
}

/** The key as Node reads it itself, where it reads such a JWK. */
function nodeKey(jwk: Readonly<Record<string, string>>, otherwise: KeyObject): KeyObject {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' })
  } catch {
    return otherwise
  }
}
