import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { createDevAuthority, createTokenSigner } from '@countersign/issuer'
import { calculateJwkThumbprint, createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'

const issuer = 'https://issuer.prod.example'
const clock = { nowMs: () => 1_800_000_000_500 }
const currentDate = new Date(clock.nowMs())

for (const algorithm of ['ES256', 'ES384', 'RS256', 'PS256', 'Ed25519', 'EdDSA'] as const) {
  test(`jose verifies a token signed with ${algorithm}`, async () => {
    const signer = createTokenSigner({ issuer, algorithm, clock })
    const token = signer.sign({ subject: 'spiffe://prod.example/orders', audience: 'billing', scope: 'a b' })
    const options = { issuer, audience: 'billing', typ: 'at+jwt', algorithms: [algorithm], currentDate }
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet({ keys: [...signer.jwks().keys] }), options)
    const [iat, { jti }] = [1_800_000_000, payload]
    const sub = 'spiffe://prod.example/orders'
    assert.match(String(jti), /^[\w-]{22}$/)
    assert.deepEqual(payload, { iss: issuer, sub, aud: 'billing', client_id: sub, scope: 'a b', iat, nbf: iat, exp: iat + 3600, jti })
    assert.equal(protectedHeader.kid, signer.jwks().keys[0]?.kid)
  })
}

test('the key identifier is the RFC 7638 thumbprint', async () => {
  for (const algorithm of ['ES256', 'RS256', 'Ed25519'] as const) {
    const [jwk] = createTokenSigner({ issuer, algorithm }).jwks().keys
    assert.ok(jwk)
    assert.equal(jwk.kid, await calculateJwkThumbprint(jwk))
  }
})

test('the published keys hold nothing private', () => {
  for (const algorithm of ['ES256', 'RS256', 'Ed25519'] as const) {
    const [jwk = {}] = createTokenSigner({ issuer, algorithm }).jwks().keys
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) assert.equal(Object.hasOwn(jwk, member), false, member)
  }
})

test('binds a token to a certificate by the SHA-256 of its DER', () => {
  const orders = createDevAuthority().issue({ dns: ['orders'] })
  const claims = claimsOf(createTokenSigner({ issuer }).sign({ subject: 'orders', audience: 'billing', boundTo: orders }))
  assert.deepEqual(claims['cnf'], { 'x5t#S256': createHash('sha256').update(orders.certificateDer).digest('base64url') })
})

test('refuses a lifetime above the maximum', () => {
  const signer = createTokenSigner({ issuer, maxExpiresInSeconds: 600 })
  const request = { subject: 'orders', audience: 'billing' }
  assert.throws(() => signer.sign({ ...request, expiresInSeconds: 601 }), {
    code: 'ERR_OPTION_INVALID',
    option: 'request.expiresInSeconds',
  })
  const claims = claimsOf(signer.sign(request))
  assert.equal(Number(claims['exp']) - Number(claims['iat']), 600)
  assert.throws(() => createTokenSigner({ issuer, maxExpiresInSeconds: 86_401 }), { option: 'options.maxExpiresInSeconds' })
})

test('further claims never replace those of the signer', () => {
  const signer = createTokenSigner({ issuer })
  for (const name of ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'cnf', 'scope', 'client_id']) {
    const request = { subject: 'orders', audience: 'billing', claims: { [name]: 'x' } }
    assert.throws(() => signer.sign(request), { code: 'ERR_OPTION_INVALID', option: `request.claims.${name}` })
  }
  const lenient = createTokenSigner({ issuer, allowedClaims: ['tenant'] })
  assert.equal(claimsOf(lenient.sign({ subject: 'a', audience: 'b', claims: { tenant: 'acme' } }))['tenant'], 'acme')
})

test('publishes a retired key until the last token under it has expired', () => {
  let nowMs = 0
  const signer = createTokenSigner({ issuer, clock: { nowMs: () => nowMs }, maxExpiresInSeconds: 60 })
  const [first] = signer.jwks().keys
  signer.rotate()
  const [second, kept] = signer.jwks().keys
  assert.notEqual(second?.kid, first?.kid)
  assert.equal(kept?.kid, first?.kid)
  assert.equal(decodeProtectedHeader(signer.sign({ subject: 'a', audience: 'b' })).kid, second?.kid)
  nowMs = 59_999
  assert.equal(signer.jwks().keys.length, 2)
  nowMs = 60_000
  assert.deepEqual(
    signer.jwks().keys.map(({ kid }) => kid),
    [second?.kid],
  )
})

test('signs exactly what a test asks for, header included', () => {
  const token = createTokenSigner({ issuer }).signExactly({ exp: 'soon' }, { typ: undefined, kid: '__proto__', crit: ['x'] })
  assert.deepEqual(decodeProtectedHeader(token), { alg: 'ES256', kid: '__proto__', crit: ['x'] })
  assert.deepEqual(claimsOf(token), { exp: 'soon' })
})

test('refuses a key that is not one for the algorithm', () => {
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  assert.throws(() => createTokenSigner({ issuer, key: p384 }), { option: 'options.key' })
  assert.throws(() => createTokenSigner({ issuer, algorithm: 'RS256', key: privateKey }), { option: 'options.key' })
  assert.throws(() => createTokenSigner({ issuer, algorithm: 'Ed25519', key: publicKey }), { option: 'options.key' })
})

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}
