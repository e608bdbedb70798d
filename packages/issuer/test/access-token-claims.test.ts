import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { type AccessTokenRequest, type ActorClaim, accessTokenClaims, createDevAuthority, createTokenSigner } from '@countersign/issuer'

const NOW_MS = 1_800_000_000_500
const THUMBPRINT = createHash('sha256').update('certificate').digest('base64url')

function requestWith(more: Partial<AccessTokenRequest> = {}): AccessTokenRequest {
  return {
    issuer: 'https://mesh.prod.example',
    subject: 'spiffe://prod.example/orders',
    audience: 'spiffe://prod.example/billing',
    expiresInSeconds: 3600,
    maxExpiresInSeconds: 3600,
    nowMs: NOW_MS,
    randomBytes,
    ...more,
  }
}

const invalid = (option: string) => ({ code: 'ERR_OPTION_INVALID', option })

test('has every claim that RFC 9068 asks for, and no other', () => {
  const { jti, ...claims } = accessTokenClaims(requestWith())
  assert.match(jti, /^[\w-]{22}$/, '128 bits')
  assert.deepEqual(claims, {
    iss: 'https://mesh.prod.example',
    sub: 'spiffe://prod.example/orders',
    aud: 'spiffe://prod.example/billing',
    client_id: 'spiffe://prod.example/orders',
    iat: 1_800_000_000,
    nbf: 1_800_000_000,
    exp: 1_800_003_600,
  })
})

test('100,000 tokens have 100,000 ids', () => {
  const ids = new Set<string>()
  for (let count = 0; count < 100_000; count++) ids.add(accessTokenClaims(requestWith()).jti)
  assert.equal(ids.size, 100_000)
})

test('refuses a lifetime above the maximum, and one that is none', () => {
  for (const expiresInSeconds of [3601, 0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => accessTokenClaims(requestWith({ expiresInSeconds })), invalid('request.expiresInSeconds'))
})

test('data of a caller becomes no claim: only what is allowed by name gets in', () => {
  assert.throws(() => accessTokenClaims(requestWith({ claims: { role: 'admin' } })), invalid('request.claims.role'))
  assert.throws(() => accessTokenClaims(requestWith({ claims: { tenant: 'a', role: 'admin' }, allowedClaims: ['tenant'] })), {
    ...invalid('request.claims.role'),
    message: /allowedClaims/,
  })
  const claims = accessTokenClaims(requestWith({ claims: { tenant: 'acme' }, allowedClaims: ['tenant', 'role'] }))
  assert.equal(claims['tenant'], 'acme')
  assert.equal('role' in claims, false)
})

test('what is not a name is not repeated in an error', () => {
  assert.throws(() => accessTokenClaims(requestWith({ claims: { '\u001b[31m\n': 1 } })), invalid('request.claims.…'))
})

test('claims of the issuer are never replaced, even where they are allowed', () => {
  for (const name of ['iss', 'sub', 'aud', 'iat', 'nbf', 'exp', 'jti', 'client_id', 'scope', 'cnf', 'act', 'may_act'])
    assert.throws(
      () => accessTokenClaims(requestWith({ claims: { [name]: 'x' }, allowedClaims: [name] })),
      invalid(`request.claims.${name}`),
    )
})

test('an unknown part of a request is refused, not left out', () => {
  const request = JSON.parse(JSON.stringify(requestWith()))
  assert.throws(() => accessTokenClaims({ ...request, randomBytes, role: 'admin' }), { code: 'ERR_OPTION_UNKNOWN' })
})

test('binds a token to a certificate, by its DER or its thumbprint, to a key, or to both', () => {
  const { certificateDer } = createDevAuthority().issue({ dns: ['orders'] })
  const x5t = createHash('sha256').update(certificateDer).digest('base64url')
  assert.deepEqual(accessTokenClaims(requestWith({ boundTo: { certificateDer } }))['cnf'], { 'x5t#S256': x5t })
  assert.deepEqual(accessTokenClaims(requestWith({ boundTo: { thumbprint: THUMBPRINT } }))['cnf'], { 'x5t#S256': THUMBPRINT })
  assert.deepEqual(accessTokenClaims(requestWith({ boundTo: { jkt: THUMBPRINT } }))['cnf'], { jkt: THUMBPRINT })
  const both = { thumbprint: x5t, jkt: THUMBPRINT }
  assert.deepEqual(accessTokenClaims(requestWith({ boundTo: both }))['cnf'], { 'x5t#S256': x5t, jkt: THUMBPRINT })
})

test('a binding that binds to nothing is refused', () => {
  for (const boundTo of [{}, { thumbprint: '' }, { thumbprint: 'ab'.repeat(32) }, { jkt: `${THUMBPRINT}=` }, { jkt: null }])
    assert.throws(() => accessTokenClaims(requestWith({ boundTo: JSON.parse(JSON.stringify(boundTo)) })), { code: 'ERR_OPTION_INVALID' })
})

function chainOf(length: number): ActorClaim {
  let actor: ActorClaim = { sub: 'service-1' }
  for (let at = 2; at <= length; at++) actor = { sub: `service-${at}`, act: actor }
  return actor
}

test('writes the chain of actors as it was given, the one that acts now outermost', () => {
  const actor = { sub: 'b', iss: 'https://other.example', act: { sub: 'a' } }
  assert.deepEqual(accessTokenClaims(requestWith({ actor }))['act'], actor)
  assert.deepEqual(accessTokenClaims(requestWith({ actor: chainOf(10) }))['act'], chainOf(10))
})

test('a chain of more than ten actors is refused, and so is one that holds more than names', () => {
  assert.throws(() => accessTokenClaims(requestWith({ actor: chainOf(11) })), invalid('request.actor'))
  const loop: { sub: string; act?: ActorClaim } = { sub: 'a' }
  loop.act = loop
  assert.throws(() => accessTokenClaims(requestWith({ actor: loop })), invalid('request.actor'))
  for (const actor of [{}, { sub: '' }, { sub: 1 }, { sub: 'a', act: null }, { sub: 'a', act: {} }])
    assert.throws(() => accessTokenClaims(requestWith({ actor: JSON.parse(JSON.stringify(actor)) })), { code: 'ERR_OPTION_INVALID' })
  const admin: object = { sub: 'a', admin: true }
  assert.throws(() => accessTokenClaims(requestWith({ actor: JSON.parse(JSON.stringify(admin)) })), { code: 'ERR_OPTION_UNKNOWN' })
})

test('a token of the second in which its service was revoked is issued in the next one', () => {
  const { iat, nbf, exp } = accessTokenClaims(requestWith({ notBeforeMs: NOW_MS - 100 }))
  assert.deepEqual([iat, nbf, exp], [1_800_000_001, 1_800_000_000, 1_800_003_601])
  assert.ok(iat * 1000 >= NOW_MS - 100, 'what was issued before is revoked')
  assert.equal(accessTokenClaims(requestWith({ notBeforeMs: 1_800_000_000_000 })).iat, 1_800_000_000)
  assert.equal(accessTokenClaims(requestWith({ notBeforeMs: 0 })).iat, 1_800_000_000)
})

test('nothing is issued for somebody who is revoked for ever', () => {
  for (const notBeforeMs of [Number.POSITIVE_INFINITY, NOW_MS + 31_000])
    assert.throws(() => accessTokenClaims(requestWith({ notBeforeMs })), invalid('request.notBeforeMs'))
})

test('a token begins no further ahead than clocks may differ', () => {
  const at = (clockSkewSeconds: number, aheadMs: number) =>
    accessTokenClaims(requestWith({ clockSkewSeconds, notBeforeMs: NOW_MS + aheadMs }))
  for (const seconds of [0, 30, 60]) {
    assert.ok(at(seconds, 1000 * seconds).iat * 1000 >= NOW_MS + 1000 * seconds)
    assert.throws(() => at(seconds, 1000 * seconds + 1), invalid('request.notBeforeMs'))
  }
  for (const wrong of [-1, 61, 0.5]) assert.throws(() => at(wrong, 0), invalid('request.clockSkewSeconds'))
})

test('refuses what no scope or audience can be', () => {
  for (const scope of ['', ' a', 'a  b', 'a"b', 'a\\b', 'ä'])
    assert.throws(() => accessTokenClaims(requestWith({ scope })), invalid('request.scope'))
  assert.equal(accessTokenClaims(requestWith({ scope: 'invoices:read invoices:write' }))['scope'], 'invoices:read invoices:write')
  for (const audience of ['', [], ['billing', '']])
    assert.throws(() => accessTokenClaims(requestWith({ audience })), { code: 'ERR_OPTION_INVALID' })
})

test('a signer takes the same bindings, actors and allowed claims', () => {
  const signer = createTokenSigner({ issuer: 'https://mesh.prod.example', allowedClaims: ['tenant'] })
  const request = {
    subject: 'alice',
    audience: 'billing',
    boundTo: { jkt: THUMBPRINT },
    actor: { sub: 'orders' },
    claims: { tenant: 'acme' },
  }
  const claims = JSON.parse(Buffer.from(signer.sign(request).split('.')[1] ?? '', 'base64url').toString())
  assert.deepEqual([claims.cnf, claims.act, claims.tenant], [{ jkt: THUMBPRINT }, { sub: 'orders' }, 'acme'])
  assert.throws(() => signer.sign({ ...request, claims: { role: 'admin' } }), invalid('request.claims.role'))
  assert.throws(() => createTokenSigner({ issuer: 'x', allowedClaims: [] }), { option: 'options.allowedClaims' })
})
