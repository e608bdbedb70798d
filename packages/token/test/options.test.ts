import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError } from '@countersign/core'
import { createTokenVerifier, type JwtOptions } from '@countersign/token'
import { createSigner, generatePrivateKey } from './signer.js'
import { createSurroundings, optionsFor } from './surroundings.js'

const signer = createSigner()
const create = (options: unknown): unknown => createTokenVerifier(options as JwtOptions, createSurroundings())

test('names the option that is wrong', () => {
  const good = optionsFor([signer])
  const { audience: _, ...withoutAudience } = good
  const { keys: __, ...withoutKeys } = good
  const { issuer: ___, ...withoutIssuer } = good
  const list = { has: () => false, ageMs: 0 }
  const origins = 'https://billing.example'
  const wit = { issuer: 'wimse://prod.example', audience: null, keys: good.keys, type: 'wit+jwt' }
  const rows: readonly (readonly [option: string, code: string, options: unknown])[] = [
    ['jwt', 'ERR_OPTION_INVALID', null],
    ['jwt', 'ERR_OPTION_INVALID', []],
    ['jwt', 'ERR_OPTION_INVALID', 'https://issuer.example'],
    ['jwt.issuer', 'ERR_OPTION_MISSING', withoutIssuer],
    ['jwt.issuer', 'ERR_OPTION_INVALID', { ...good, issuer: '' }],
    ['jwt.audience', 'ERR_OPTION_MISSING', withoutAudience],
    ['jwt.audience', 'ERR_OPTION_INVALID', { ...good, audience: '' }],
    ['jwt.audience', 'ERR_OPTION_INVALID', { ...good, audience: [] }],
    ['jwt.audience[1]', 'ERR_OPTION_INVALID', { ...good, audience: ['a', ''] }],
    ['jwt.keys', 'ERR_OPTION_MISSING', withoutKeys],
    ['jwt.keys', 'ERR_OPTION_INVALID', { ...good, keys: 'https://issuer.example/jwks' }],
    ['jwt.keys', 'ERR_OPTION_INVALID', { ...good, keys: {} }],
    ['jwt.keys', 'ERR_OPTION_INVALID', { ...good, keys: { jwks: [signer.jwk], file: 'x' } }],
    ['jwt.keys.timeoutMs', 'ERR_OPTION_UNKNOWN', { ...good, keys: { jwks: [signer.jwk], timeoutMs: 5 } }],
    ['jwt.keys.jwksUri', 'ERR_OPTION_INVALID', { ...good, keys: { jwksUri: 'http://issuer.example/jwks' } }],
    ['jwt.keys.jwksUri', 'ERR_OPTION_INVALID', { ...good, keys: { jwksUri: 'http://127.0.0.1.attacker.example/jwks' } }],
    ['jwt.keys.jwksUri', 'ERR_OPTION_INVALID', { ...good, keys: { jwksUri: 'https://user:secret@issuer.example/jwks' } }],
    ['jwt.keys.jwksUri', 'ERR_OPTION_INVALID', { ...good, keys: { jwksUri: 'file:///etc/jwks' } }],
    ['jwt.keys.jwksUri', 'ERR_OPTION_INVALID', { ...good, keys: { jwksUri: '/jwks' } }],
    ['jwt.keys.timeoutMs', 'ERR_OPTION_INVALID', { ...good, keys: { jwksUri: 'https://issuer.example/jwks', timeoutMs: 0 } }],
    ['jwt.keys.maxAgeSeconds', 'ERR_OPTION_INVALID', { ...good, keys: { jwksUri: 'https://issuer.example/jwks', maxAgeSeconds: 1e9 } }],
    ['jwt.keys.jwks', 'ERR_OPTION_INVALID', { ...good, keys: { jwks: { keys: [signer.jwk] } } }],
    ['jwt.keys.jwks', 'ERR_OPTION_INVALID', { ...good, keys: { jwks: [] } }],
    ['jwt.keys.jwks', 'ERR_OPTION_INVALID', { ...good, keys: { jwks: ['secret'] } }],
    ['jwt.keys.jwks', 'ERR_OPTION_INVALID', { ...good, keys: { jwks: [{ kty: 'oct', k: 'c2VjcmV0' }] } }],
    ['jwt.keys.jwks', 'ERR_OPTION_INVALID', { ...good, keys: { jwks: [generatePrivateKey('ES256').export({ format: 'jwk' })] } }],
    ['jwt.algorithms', 'ERR_OPTION_INVALID', { ...good, algorithms: [] }],
    ['jwt.algorithms[0]', 'ERR_OPTION_INVALID', { ...good, algorithms: ['none'] }],
    ['jwt.algorithms[1]', 'ERR_OPTION_INVALID', { ...good, algorithms: ['ES256', 'HS256'] }],
    ['jwt.algorithms[0]', 'ERR_OPTION_INVALID', { ...good, algorithms: [/.*/] }],
    ['jwt.type', 'ERR_OPTION_INVALID', { ...good, type: 'id+jwt' }],
    ['jwt.audience', 'ERR_OPTION_CONTRADICTION', { ...good, type: 'jwt-svid', audience: null }],
    ['jwt.algorithms[0]', 'ERR_OPTION_INVALID', { ...good, type: 'jwt-svid', algorithms: ['Ed25519'] }],
    ['jwt.subjects', 'ERR_OPTION_MISSING', { ...good, type: 'jwt-svid' }],
    ['jwt.subjects', 'ERR_OPTION_INVALID', { ...good, subjects: [] }],
    ['jwt.subjects[0]', 'ERR_OPTION_INVALID', { ...good, subjects: ['spiffe://prod.example/*'] }],
    ['jwt.requiredClaims[0]', 'ERR_OPTION_INVALID', { ...good, requiredClaims: [7] }],
    ['jwt.binding', 'ERR_OPTION_INVALID', { ...good, binding: 'none' }],
    ['jwt.binding', 'ERR_OPTION_CONTRADICTION', { ...good, binding: 'dpop' }],
    ['jwt.binding', 'ERR_OPTION_CONTRADICTION', { ...good, binding: 'sender-constrained', dpop: null }],
    ['jwt.binding', 'ERR_OPTION_MISSING', { ...good, binding: undefined, dpop: { origins } }],
    ['jwt.dpop', 'ERR_OPTION_INVALID', { ...good, dpop: true }],
    ['jwt.dpop.origins', 'ERR_OPTION_MISSING', { ...good, dpop: {} }],
    ['jwt.dpop.origins', 'ERR_OPTION_INVALID', { ...good, dpop: { origins: [] } }],
    ['jwt.dpop.origins', 'ERR_OPTION_INVALID', { ...good, dpop: { origins: 'billing.example' } }],
    ['jwt.dpop.origins', 'ERR_OPTION_INVALID', { ...good, dpop: { origins: 'https://billing.example/v1' } }],
    ['jwt.dpop.origins', 'ERR_OPTION_INVALID', { ...good, dpop: { origins: 'https://billing.example?' } }],
    ['jwt.dpop.origins', 'ERR_OPTION_INVALID', { ...good, dpop: { origins: 'https://user@billing.example' } }],
    ['jwt.dpop.origins', 'ERR_OPTION_INVALID', { ...good, dpop: { origins: 'ftp://billing.example' } }],
    ['jwt.dpop.origins', 'ERR_OPTION_INVALID', { ...good, dpop: { origins: 'https://billing.example:99999' } }],
    ['jwt.dpop.origins[1]', 'ERR_OPTION_INVALID', { ...good, dpop: { origins: [origins, 7] } }],
    ['jwt.dpop.audience', 'ERR_OPTION_UNKNOWN', { ...good, dpop: { origins, audience: 'x' } }],
    ['jwt.dpop.replay', 'ERR_OPTION_INVALID', { ...good, dpop: { origins, replay: {} } }],
    ['jwt.dpop.replay', 'ERR_OPTION_INVALID', { ...good, dpop: { origins, replay: null } }],
    ['jwt.dpop.maxAgeSeconds', 'ERR_OPTION_INVALID', { ...good, dpop: { origins, maxAgeSeconds: 601 } }],
    ['jwt.dpop.maxAgeSeconds', 'ERR_OPTION_INVALID', { ...good, dpop: { origins, maxAgeSeconds: 0 } }],
    ['jwt.dpop.futureSeconds', 'ERR_OPTION_INVALID', { ...good, dpop: { origins, futureSeconds: Number.NaN } }],
    ['jwt.dpop.algorithms', 'ERR_OPTION_INVALID', { ...good, dpop: { origins, algorithms: [] } }],
    ['jwt.dpop.algorithms[0]', 'ERR_OPTION_INVALID', { ...good, dpop: { origins, algorithms: ['HS256'] } }],
    ['jwt.dpop.algorithms[0]', 'ERR_OPTION_INVALID', { ...good, dpop: { origins, algorithms: ['none'] } }],
    ['jwt.dpop.nonce', 'ERR_OPTION_INVALID', { ...good, dpop: { origins, nonce: true } }],
    ['jwt.dpop.nonce.secret', 'ERR_OPTION_INVALID', { ...good, dpop: { origins, nonce: { secret: 'x'.repeat(31) } } }],
    ['jwt.dpop.nonce.secret', 'ERR_OPTION_INVALID', { ...good, dpop: { origins, nonce: { secret: 7 } } }],
    ['jwt.dpop.nonce.rotateSeconds', 'ERR_OPTION_INVALID', { ...good, dpop: { origins, nonce: { rotateSeconds: 9 } } }],
    ['jwt.proof', 'ERR_OPTION_CONTRADICTION', { ...good, proof: { origins } }],
    ['jwt.proof', 'ERR_OPTION_MISSING', wit],
    ['jwt.proof.origins', 'ERR_OPTION_MISSING', { ...wit, proof: {} }],
    ['jwt.proof.audiences', 'ERR_OPTION_INVALID', { ...wit, proof: { origins, audiences: [] } }],
    ['jwt.proof.replay', 'ERR_OPTION_INVALID', { ...wit, proof: { origins, replay: 7 } }],
    ['jwt.proof.maxLifetimeSeconds', 'ERR_OPTION_INVALID', { ...wit, proof: { origins, maxLifetimeSeconds: 601 } }],
    ['jwt.proof.algorithms[0]', 'ERR_OPTION_INVALID', { ...wit, proof: { origins, algorithms: ['HS256'] } }],
    ['jwt.proof.contextFields[0]', 'ERR_OPTION_INVALID', { ...wit, proof: { origins, contextFields: ['a field'] } }],
    ['jwt.issuer', 'ERR_OPTION_INVALID', { ...wit, issuer: 'https://issuer.example', proof: { origins } }],
    ['jwt.audience', 'ERR_OPTION_CONTRADICTION', { ...wit, audience: 'billing', proof: { origins } }],
    ['jwt.binding', 'ERR_OPTION_CONTRADICTION', { ...wit, binding: 'mtls', proof: { origins } }],
    ['jwt.dpop', 'ERR_OPTION_CONTRADICTION', { ...wit, dpop: { origins }, proof: { origins } }],
    ['jwt.revocation.list', 'ERR_OPTION_INVALID', { ...good, revocation: { list: { has: true, ageMs: 0 } } }],
    ['jwt.revocation', 'ERR_OPTION_INVALID', { ...good, revocation: list }],
    ['jwt.revocation.whenUnavailable', 'ERR_OPTION_INVALID', { ...good, revocation: { list, whenUnavailable: 'allow' } }],
    [
      'jwt.revocation.whenUnavailable.staleSeconds',
      'ERR_OPTION_INVALID',
      { ...good, revocation: { list, whenUnavailable: { staleSeconds: 0 } } },
    ],
    ['jwt.whenKeysUnavailable', 'ERR_OPTION_INVALID', { ...good, whenKeysUnavailable: 'allow' }],
    ['jwt.whenKeysUnavailable.staleSeconds', 'ERR_OPTION_INVALID', { ...good, whenKeysUnavailable: { staleSeconds: Number.NaN } }],
    ['jwt.maxBytes', 'ERR_OPTION_INVALID', { ...good, maxBytes: 2 ** 20 }],
    ['jwt.clockSkewSeconds', 'ERR_OPTION_INVALID', { ...good, clockSkewSeconds: 61 }],
    ['jwt.clockSkewSeconds', 'ERR_OPTION_INVALID', { ...good, clockSkewSeconds: Number.NaN }],
    ['jwt.clockSkewSeconds', 'ERR_OPTION_INVALID', { ...good, clockSkewSeconds: -1 }],
    ['jwt.maxAgeSeconds', 'ERR_OPTION_INVALID', { ...good, maxAgeSeconds: Number.POSITIVE_INFINITY }],
    ['jwt.audiences', 'ERR_OPTION_UNKNOWN', { ...good, audiences: 'billing' }],
    ['jwt.ignoreExpiration', 'ERR_OPTION_UNKNOWN', { ...good, ignoreExpiration: true }],
    ['jwt[1].audience', 'ERR_OPTION_MISSING', [good, { ...withoutAudience, issuer: 'https://two.example' }]],
    ['jwt[1].issuer', 'ERR_OPTION_CONTRADICTION', [good, { ...good, audience: null }]],
  ]
  for (const [option, code, options] of rows) {
    assert.throws(
      () => create(options),
      (error: unknown) => {
        assert(error instanceof MisuseError, String(error))
        assert.deepEqual([error.option, error.code], [option, code], error.message)
        assert(!error.message.replaceAll('.secret', '').includes('secret'), error.message)
        return true
      },
    )
  }
})

test('accepts a JWKS over plain http on loopback alone', () => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]']) {
    assert.ok(create({ ...optionsFor([signer]), keys: { jwksUri: `http://${host}:8080/jwks` } }), host)
  }
})

test('reads its options once and leaves them as they are', () => {
  const options = Object.freeze({
    ...optionsFor([signer]),
    audience: Object.freeze(['a', 'b']),
    algorithms: Object.freeze(['ES256'] as const),
  })
  assert.equal(String(create(options)), 'tokens of https://issuer.example for a or b')
})

test('says why HMAC is not taken, rather than what else is', () => {
  assert.throws(() => create({ ...optionsFor([signer]), algorithms: ['HS256'] }), {
    code: 'ERR_OPTION_INVALID',
    option: 'jwt.algorithms[0]',
    message: /HMAC is never accepted: the issuer must sign with a key pair/,
  })
})

test('says what to write where a revocation list is given without its braces', () => {
  const list = { has: () => false, ageMs: 0, leaseMs: 1_000, epoch: 1 }
  assert.throws(() => create({ ...optionsFor([signer]), revocation: list }), {
    option: 'jwt.revocation',
    message: /takes \{ list: … \}, not the list itself: write revocation: \{ list: mesh\.revocations \}/,
  })
})
