import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal, REPEATED } from '@countersign/core'
import { createTokenVerifier } from '@countersign/token'
import { countVerifications } from './count-verifications.js'
import { createSigner, encode, type Signer } from './signer.js'
import {
  AUDIENCE,
  bearer,
  claims,
  createBench,
  createConnection,
  createSurroundings,
  ISSUER,
  inboundWith,
  judge,
  NOW,
  optionsFor,
  peerWith,
  recalledStatus,
  settledStatus,
  statusOf,
  THUMBPRINT,
  verified,
} from './surroundings.js'

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA'] as const

for (const algorithm of ALGORITHMS) {
  test(`accepts ${algorithm} where it is configured, and refuses it with one bit of the signature turned`, async () => {
    const { signer, verifier } = createBench({ algorithms: [algorithm] }, algorithm)
    const token = signer.sign(claims())
    assert.equal(await statusOf(verifier, token), 'ok')
    const [header, payload, signature = ''] = token.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    bytes[10] = (bytes[10] ?? 0) ^ 1
    assert.equal(await statusOf(verifier, `${header}.${payload}.${encode(bytes)}`), 'ERR_TOKEN_SIGNATURE')
    assert.equal(
      await statusOf(verifier, `${header}.${encode(JSON.stringify(claims({ sub: 'mallory' })))}.${signature}`),
      'ERR_TOKEN_SIGNATURE',
    )
  })
}

test('answers null without an Authorization field', () => {
  const { verifier } = createBench()
  assert.equal(verifier.recall(inboundWith(null)), null)
})

test('verifies a token once and recalls it afterwards, on the same connection and on others', async () => {
  const { signer, verifier } = createBench()
  const token = signer.sign(claims())
  const connection = createConnection()
  assert.equal(verifier.recall(bearer(token, connection)), undefined)
  const first = await verified(verifier, bearer(token, connection))
  assert.equal(verifier.recall(bearer(token, connection)), first)
  assert.equal(verifier.recall(bearer(token)), first)
  assert.equal(verifier.recall(inboundWith(`bEARER   ${token}`)), first)
})

test('shows what the token says, frozen to the last member', async () => {
  const { signer, verifier } = createBench()
  const payload = JSON.stringify(
    claims({
      scope: 'read write',
      scp: ['admin'],
      aud: ['other', AUDIENCE],
      roles: ['a'],
      nested: { deep: { deeper: 1 } },
      cnf: { 'x5t#S256': THUMBPRINT },
    }),
  ).replace('"roles"', '"__proto__":{"polluted":true},"roles"')
  const token = await verified(verifier, bearer(signer.signText(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: signer.kid }), payload)))
  assert.deepEqual(
    { ...token, claims: null, scopes: [...token.scopes] },
    {
      issuer: ISSUER,
      subject: 'alice',
      identity: { kind: 'subject', authority: ISSUER, value: 'alice' },
      audience: ['other', AUDIENCE],
      scopes: ['read', 'write', 'admin'],
      claims: null,
      boundTo: THUMBPRINT,
      boundToKey: null,
      id: 'j-1',
      issuedAtMs: NOW * 1000,
      expiresAtMs: (NOW + 330) * 1000,
    },
  )
  assert.equal(Reflect.get({}, 'polluted'), undefined)
  assert.equal(Reflect.get(token.claims, 'polluted'), undefined)
  assertFrozen(token)
  assert.throws(() => Set.prototype.add.call(token.scopes, 'root'), TypeError)
  assert.equal(token.scopes.has('root'), false)
  assert.equal(token.scopes.size, 3)
})

function assertFrozen(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  assert(Object.isFrozen(value))
  for (const inner of Object.values(value)) assertFrozen(inner)
}

test('refuses each token that is not what it should be with its own code, without cryptography', async (t) => {
  const { signer, verifier } = createBench()
  const verify = countVerifications(t)
  const tampered = (header: Record<string, unknown>, more: Record<string, unknown> = {}): string => signer.sign(claims(more), header)
  const raw = (payload: string): string => signer.signText(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: signer.kid }), payload)
  const good = signer.sign(claims())
  const [goodHeader = '', goodPayload = '', goodSignature = ''] = good.split('.')
  const withHeader = (text: string): string => `${encode(text)}.${goodPayload}.${goodSignature}`
  const deep = `${'[1,'.repeat(200)}1${']'.repeat(200)}`

  const rows: readonly (readonly [name: string, token: string, code: string])[] = [
    // shape
    ['no token', '', 'ERR_TOKEN_MALFORMED'],
    ['garbage', 'garbage', 'ERR_TOKEN_MALFORMED'],
    ['claims in base64 that nobody signed', encode(JSON.stringify(claims())), 'ERR_TOKEN_MALFORMED'],
    ['claims with an empty header and no signature', `${encode('{}')}.${goodPayload}.`, 'ERR_TOKEN_MALFORMED'],
    ['two segments', `${goodHeader}.${goodPayload}`, 'ERR_TOKEN_MALFORMED'],
    ['four segments', `${good}.AAAA`, 'ERR_TOKEN_MALFORMED'],
    ['five segments, a JWE', 'a.b.c.d.e', 'ERR_TOKEN_MALFORMED'],
    ['many segments', '.'.repeat(4000), 'ERR_TOKEN_MALFORMED'],
    [
      'JSON serialization',
      JSON.stringify({ payload: goodPayload, protected: goodHeader, signature: goodSignature }),
      'ERR_TOKEN_MALFORMED',
    ],
    ['padding', `${good}=`, 'ERR_TOKEN_MALFORMED'],
    ['a space at the end', `${good} `, 'ERR_TOKEN_MALFORMED'],
    ['a line break in it', `${goodHeader}\n.${goodPayload}.${goodSignature}`, 'ERR_TOKEN_MALFORMED'],
    ['base64 instead of base64url', `${goodHeader}.${goodPayload}+/.${goodSignature}`, 'ERR_TOKEN_MALFORMED'],
    ['a second token after a comma', `${good},${good}`, 'ERR_TOKEN_MALFORMED'],
    ['no payload', `${goodHeader}..${goodSignature}`, 'ERR_TOKEN_MALFORMED'],
    ['no header', `.${goodPayload}.${goodSignature}`, 'ERR_TOKEN_MALFORMED'],
    // header
    ['a header that is an array', withHeader('["alg","ES256"]'), 'ERR_TOKEN_MALFORMED'],
    ['a header that is null', withHeader('null'), 'ERR_TOKEN_MALFORMED'],
    ['a header with a member twice', withHeader('{"alg":"ES256","typ":"at+jwt","alg":"none"}'), 'ERR_TOKEN_MALFORMED'],
    ['a header with a member twice, once escaped', withHeader('{"alg":"ES256","typ":"at+jwt","\\u0061lg":"none"}'), 'ERR_TOKEN_MALFORMED'],
    ['a header behind a byte order mark', withHeader('\uFEFF{"alg":"ES256"}'), 'ERR_TOKEN_MALFORMED'],
    [
      'a header that is not UTF-8',
      `${encode(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))}.${goodPayload}.${goodSignature}`,
      'ERR_TOKEN_MALFORMED',
    ],
    ['a header without alg', tampered({ alg: undefined }), 'ERR_TOKEN_MALFORMED'],
    ['alg that is no text', tampered({ alg: ['ES256'] }), 'ERR_TOKEN_MALFORMED'],
    ['alg that is empty', tampered({ alg: '' }), 'ERR_TOKEN_MALFORMED'],
    ['kid that is no text', tampered({ kid: 7 }), 'ERR_TOKEN_MALFORMED'],
    ['kid that is an object', tampered({ kid: { toString: 'x' } }), 'ERR_TOKEN_MALFORMED'],
    ['kid without end', tampered({ kid: 'k'.repeat(600) }), 'ERR_TOKEN_MALFORMED'],
    ['alg none', `${encode('{"alg":"none","typ":"at+jwt"}')}.${goodPayload}.`, 'ERR_TOKEN_UNSIGNED'],
    ['alg nOnE with a signature', withHeader('{"alg":"nOnE","typ":"at+jwt"}'), 'ERR_TOKEN_UNSIGNED'],
    ['no signature under a good alg', `${goodHeader}.${goodPayload}.`, 'ERR_TOKEN_UNSIGNED'],
    [
      'HS256, with the public key as its secret',
      withHeader(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: signer.kid })),
      'ERR_TOKEN_ALGORITHM',
    ],
    ['an algorithm that is not configured', tampered({ alg: 'ES384' }), 'ERR_TOKEN_ALGORITHM'],
    ['an algorithm in other letters', tampered({ alg: 'es256' }), 'ERR_TOKEN_ALGORITHM'],
    ['an algorithm that is a name of Object.prototype', tampered({ alg: 'constructor' }), 'ERR_TOKEN_ALGORITHM'],
    ['crit with an unknown extension', tampered({ crit: ['exp'], exp: 1 }), 'ERR_TOKEN_CRITICAL'],
    ['crit that is empty', tampered({ crit: [] }), 'ERR_TOKEN_CRITICAL'],
    ['crit with a registered name', tampered({ crit: ['alg'] }), 'ERR_TOKEN_CRITICAL'],
    ['crit with a name twice', tampered({ crit: ['b64', 'b64'], b64: true }), 'ERR_TOKEN_CRITICAL'],
    ['crit that is null', tampered({ crit: null }), 'ERR_TOKEN_CRITICAL'],
    ['b64 false', tampered({ crit: ['b64'], b64: false }), 'ERR_TOKEN_CRITICAL'],
    ['b64 false without crit', tampered({ b64: false }), 'ERR_TOKEN_CRITICAL'],
    ['an embedded key', tampered({ jwk: signer.jwk }), 'ERR_TOKEN_KEY_EMBEDDED'],
    ['an embedded key that is null', tampered({ jwk: null }), 'ERR_TOKEN_KEY_EMBEDDED'],
    ['no typ', tampered({ typ: undefined }), 'ERR_TOKEN_TYPE'],
    ['typ JWT', tampered({ typ: 'JWT' }), 'ERR_TOKEN_TYPE'],
    ['typ of a logout token', tampered({ typ: 'logout+jwt' }), 'ERR_TOKEN_TYPE'],
    ['typ that is no text', tampered({ typ: ['at+jwt'] }), 'ERR_TOKEN_TYPE'],
    ['typ with another prefix', tampered({ typ: 'text/at+jwt' }), 'ERR_TOKEN_TYPE'],
    ['an unknown kid', tampered({ kid: 'other' }), 'ERR_TOKEN_KEY_UNKNOWN'],
    ['kid __proto__', tampered({ kid: '__proto__' }), 'ERR_TOKEN_KEY_UNKNOWN'],
    ['kid that is a path', tampered({ kid: '../../dev/null' }), 'ERR_TOKEN_KEY_UNKNOWN'],
    ['kid that is SQL', tampered({ kid: "' UNION SELECT 'x" }), 'ERR_TOKEN_KEY_UNKNOWN'],
    // claims
    ['claims that are an array', raw('[{"iss":"x"}]'), 'ERR_TOKEN_MALFORMED'],
    ['claims that are a text', raw('"alice"'), 'ERR_TOKEN_MALFORMED'],
    ['claims with a member twice', raw(JSON.stringify(claims()).replace('{', '{"sub":"root",')), 'ERR_TOKEN_MALFORMED'],
    [
      'claims with a member twice, deeper',
      raw(JSON.stringify(claims({ a: 0 })).replace('"a":0', '"a":{"b":1,"b":2}')),
      'ERR_TOKEN_MALFORMED',
    ],
    ['claims with NaN', raw(JSON.stringify(claims({ exp: 0 })).replace('"exp":0', '"exp":NaN')), 'ERR_TOKEN_MALFORMED'],
    ['claims with a comment', raw(JSON.stringify(claims()).replace('{', '{/**/')), 'ERR_TOKEN_MALFORMED'],
    ['claims with a comma at the end', raw(JSON.stringify(claims()).replace(/\}$/, ',}')), 'ERR_TOKEN_MALFORMED'],
    ['claims with text behind them', raw(`${JSON.stringify(claims())}{}`), 'ERR_TOKEN_MALFORMED'],
    ['claims with half a surrogate', raw(JSON.stringify(claims({ sub: 'x' })).replace('"x"', '"\\ud800"')), 'ERR_TOKEN_MALFORMED'],
    ['claims nested too deep', raw(JSON.stringify(claims({ x: 0 })).replace('"x":0', `"x":${deep}`)), 'ERR_TOKEN_MALFORMED'],
    ['no iss', signer.sign(claims({ iss: undefined })), 'ERR_TOKEN_CLAIM_MISSING'],
    ['iss that is an array', signer.sign(claims({ iss: [ISSUER] })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['another iss', signer.sign(claims({ iss: 'https://other.example' })), 'ERR_TOKEN_ISSUER'],
    ['iss with a slash more', signer.sign(claims({ iss: `${ISSUER}/` })), 'ERR_TOKEN_ISSUER'],
    ['iss in other letters', signer.sign(claims({ iss: 'https://ISSUER.example' })), 'ERR_TOKEN_ISSUER'],
    ['iss __proto__', signer.sign(claims({ iss: '__proto__' })), 'ERR_TOKEN_ISSUER'],
    ['no aud', signer.sign(claims({ aud: undefined })), 'ERR_TOKEN_CLAIM_MISSING'],
    ['another aud', signer.sign(claims({ aud: 'orders' })), 'ERR_TOKEN_AUDIENCE'],
    ['aud that only begins like ours', signer.sign(claims({ aud: `${AUDIENCE}-test` })), 'ERR_TOKEN_AUDIENCE'],
    ['an empty list of aud', signer.sign(claims({ aud: [] })), 'ERR_TOKEN_AUDIENCE'],
    ['a list of aud within a list', signer.sign(claims({ aud: [[AUDIENCE]] })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['a list of aud with a number in it', signer.sign(claims({ aud: [AUDIENCE, 7] })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['aud that is an object', signer.sign(claims({ aud: { [AUDIENCE]: true } })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['no exp', signer.sign(claims({ exp: undefined })), 'ERR_TOKEN_CLAIM_MISSING'],
    ['exp that is null', signer.sign(claims({ exp: null })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['exp that is a text', signer.sign(claims({ exp: String(NOW + 300) })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['exp that is infinite', raw(JSON.stringify(claims({ exp: 0 })).replace('"exp":0', '"exp":1e999')), 'ERR_TOKEN_CLAIM_INVALID'],
    ['exp in the past', signer.sign(claims({ exp: NOW - 31 })), 'ERR_TOKEN_EXPIRED'],
    ['a negative exp', signer.sign(claims({ exp: -1 })), 'ERR_TOKEN_EXPIRED'],
    ['nbf that is a text', signer.sign(claims({ nbf: '0' })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['nbf in the future', signer.sign(claims({ nbf: NOW + 31 })), 'ERR_TOKEN_NOT_YET_VALID'],
    ['iat that is true', signer.sign(claims({ iat: true })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['iat that is null', signer.sign(claims({ iat: null })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['iat in the future', signer.sign(claims({ iat: NOW + 31 })), 'ERR_TOKEN_ISSUED_IN_FUTURE'],
    ['no sub', signer.sign(claims({ sub: undefined })), 'ERR_TOKEN_CLAIM_MISSING'],
    ['an empty sub', signer.sign(claims({ sub: '' })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['sub that is a number', signer.sign(claims({ sub: 7 })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['jti that is a number', signer.sign(claims({ jti: 7 })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['scope that is a list', signer.sign(claims({ scope: ['a'] })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['scp that is an object', signer.sign(claims({ scp: {} })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['cnf that is a text', signer.sign(claims({ cnf: 'x' })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['cnf that is null', signer.sign(claims({ cnf: null })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['cnf that is empty', signer.sign(claims({ cnf: {} })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['cnf whose thumbprint is too short', signer.sign(claims({ cnf: { 'x5t#S256': 'AAAA' } })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['cnf whose thumbprint is no text', signer.sign(claims({ cnf: { 'x5t#S256': null } })), 'ERR_TOKEN_CLAIM_INVALID'],
    ['cnf with a method that is not understood', signer.sign(claims({ cnf: { jkt: THUMBPRINT } })), 'ERR_TOKEN_BINDING'],
  ]
  for (const [name, token, code] of rows) assert.equal(await settledStatus(verifier, bearer(token)), code, name)
  assert.equal(verify.callCount(), 0)
  assert.equal(await statusOf(verifier, good), 'ok')
  assert.equal(verify.callCount(), 1)
})

test('takes the token from one Authorization field of the scheme Bearer, and from nowhere else', () => {
  const { signer, verifier } = createBench()
  const token = signer.sign(claims())
  assert.equal(recalledStatus(verifier, inboundWith(REPEATED)), 'ERR_TOKEN_REPEATED')
  for (const field of [`Basic ${token}`, `DPoP ${token}`, `Bearer\t${token}`, `Bearer${token}`, ` Bearer ${token}`, token, '']) {
    assert.equal(recalledStatus(verifier, inboundWith(field)), 'ERR_TOKEN_SCHEME', JSON.stringify(field.slice(0, 8)))
  }
  for (const field of ['Bearer', 'Bearer ', 'bearer   ']) assert.equal(recalledStatus(verifier, inboundWith(field)), 'ERR_TOKEN_MALFORMED')
  for (const field of [`Bearer ${token}`, `bearer ${token}`, `BEARER  ${token}`])
    assert.equal(recalledStatus(verifier, inboundWith(field)), 'open')
})

test('refuses a token of 1 MiB by its length alone', (t) => {
  const { signer, verifier } = createBench({ maxBytes: 8192 })
  const verify = countVerifications(t)
  for (const field of [`Bearer ${'a'.repeat(2 ** 20)}`, `Bearer ${' '.repeat(2 ** 20)}a.b.c`, `bearer ${'.'.repeat(2 ** 20)}`]) {
    const found = verifier.recall(inboundWith(field))
    assert(isRefusal(found))
    assert.equal(found.code, 'ERR_TOKEN_TOO_LARGE')
    assert.deepEqual(found.facts, { bytes: field.length - 7, maxBytes: 8192 })
  }
  const padded = signer.sign(claims({ pad: 'x'.repeat(8192) }))
  assert.equal(recalledStatus(verifier, bearer(padded)), 'ERR_TOKEN_TOO_LARGE')
  assert.equal(verify.callCount(), 0)
})

test('never looks at keys that the header points to', async () => {
  const { signer, verifier, surroundings } = createBench()
  const attacker = createSigner('ES256', signer.kid)
  const header = { jku: 'https://attacker.example/jwks', x5u: 'https://attacker.example/x5u', x5c: ['AAAA'] }
  assert.equal(await statusOf(verifier, attacker.sign(claims(), header)), 'ERR_TOKEN_SIGNATURE')
  assert.equal(await statusOf(verifier, signer.sign(claims(), header)), 'ok')
  assert.deepEqual(surroundings.events, [])
})

test('refuses a key used with an algorithm of another kind, or with another than it names', async () => {
  const rsa = createSigner('RS256', 'k')
  const surroundings = createSurroundings()
  const options = optionsFor([rsa], { algorithms: ['RS256', 'PS256', 'ES256'] })
  const verifier = createTokenVerifier(options, surroundings)
  assert.equal(await settledStatus(verifier, bearer(rsa.sign(claims(), { alg: 'ES256' }))), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(await settledStatus(verifier, bearer(rsa.sign(claims(), { alg: 'PS256' }))), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(await statusOf(verifier, rsa.sign(claims())), 'ok')
})

test('spends no cryptography on a signature of the wrong length', async (t) => {
  const { signer, verifier } = createBench({}, 'RS256')
  const verify = countVerifications(t)
  const token = signer.sign(claims())
  const [header, payload, signature = ''] = token.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  for (const cut of [bytes.subarray(1), Buffer.concat([bytes, Buffer.from([0])]), Buffer.concat([Buffer.from([0]), bytes])]) {
    assert.equal(await statusOf(verifier, `${header}.${payload}.${encode(cut)}`), 'ERR_TOKEN_SIGNATURE')
  }
  assert.equal(verify.callCount(), 0)
})

test('accepts a token without kid only where the issuer has exactly one key for it', async () => {
  const one = createSigner('ES256', 'one')
  const two = createSigner('ES256', 'two')
  const rsa = createSigner('RS256', 'rsa')
  const token = one.sign(claims(), { kid: undefined })
  assert.equal(await statusOf(createTokenVerifier(optionsFor([one, rsa]), createSurroundings()), token), 'ok')
  assert.equal(await statusOf(createTokenVerifier(optionsFor([one, two]), createSurroundings()), token), 'ERR_TOKEN_KEY_UNKNOWN')
})

test('tries at most four keys that share a kid', async (t) => {
  const signers = Array.from({ length: 6 }, () => createSigner('ES256', 'same'))
  const verifier = createTokenVerifier(optionsFor(signers), createSurroundings())
  const verify = countVerifications(t)
  const [first, , , fourth, fifth] = signers as [Signer, Signer, Signer, Signer, Signer]
  assert.equal(await statusOf(verifier, first.sign(claims())), 'ok')
  assert.equal(await statusOf(verifier, fourth.sign(claims())), 'ok')
  assert.equal(verify.callCount(), 5)
  assert.equal(await statusOf(verifier, fifth.sign(claims())), 'ERR_TOKEN_SIGNATURE')
  assert.equal(verify.callCount(), 9)
})

test('takes typ with and without its prefix, in any letters, and for JWT also none', async () => {
  const status = (type: 'at+jwt' | 'JWT', typ: string | undefined): Promise<string> => {
    const { signer, verifier } = createBench({ type })
    return statusOf(verifier, signer.sign(claims(), { typ }))
  }
  for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/At+Jwt']) assert.equal(await status('at+jwt', typ), 'ok', typ)
  for (const typ of ['JWT', 'jwt', 'application/jwt', undefined]) assert.equal(await status('JWT', typ), 'ok', typ)
  assert.equal(await status('JWT', 'at+jwt'), 'ERR_TOKEN_TYPE')
})

for (const zone of ['UTC', 'America/New_York', 'Pacific/Kiritimati']) {
  test(`judges exp, nbf and iat with 30 seconds of skew, to the second, in the time zone ${zone}`, async (t) => {
    const before = process.env['TZ']
    process.env['TZ'] = zone
    t.after(() => {
      if (before === undefined) delete process.env['TZ']
      else process.env['TZ'] = before
    })
    const { signer, verifier, surroundings } = createBench()
    const at = async (seconds: number, more: Record<string, unknown>): Promise<string> => {
      surroundings.setSeconds(seconds)
      return statusOf(verifier, signer.sign(claims({ exp: NOW + 1000, ...more })))
    }
    const exp = NOW + 100
    for (const seconds of [exp - 1, exp, exp + 29, exp + 29.999]) assert.equal(await at(seconds, { exp }), 'ok', `exp ${seconds - exp}`)
    for (const seconds of [exp + 30, exp + 31]) assert.equal(await at(seconds, { exp }), 'ERR_TOKEN_EXPIRED', `exp ${seconds - exp}`)
    const nbf = NOW + 100
    for (const seconds of [nbf - 30, nbf - 29, nbf]) assert.equal(await at(seconds, { nbf }), 'ok', `nbf ${seconds - nbf}`)
    for (const seconds of [nbf - 31, nbf - 30.001])
      assert.equal(await at(seconds, { nbf }), 'ERR_TOKEN_NOT_YET_VALID', `nbf ${seconds - nbf}`)
    const iat = NOW + 100
    for (const seconds of [iat - 30, iat - 29, iat]) assert.equal(await at(seconds, { iat }), 'ok', `iat ${seconds - iat}`)
    assert.equal(await at(iat - 31, { iat }), 'ERR_TOKEN_ISSUED_IN_FUTURE')
  })
}

test('judges a recalled token by the time of each request, with and without iat', async () => {
  for (const more of [{}, { iat: undefined }]) {
    const { signer, verifier, surroundings } = createBench({ clockSkewSeconds: 0 })
    const connection = createConnection()
    const token = signer.sign(claims({ nbf: NOW - 10, exp: NOW + 60, ...more }))
    const found = await verified(verifier, bearer(token, connection))
    for (const [seconds, status] of [
      [NOW + 59, 'ok'],
      [NOW + 60, 'ERR_TOKEN_EXPIRED'],
      [NOW - 11, 'ERR_TOKEN_NOT_YET_VALID'],
      [NOW, 'ok'],
    ] as const) {
      surroundings.setSeconds(seconds)
      assert.equal(recalledStatus(verifier, bearer(token, connection)), status)
      assert.equal(recalledStatus(verifier, bearer(token)), status)
      assert.equal(verifier.judge(found)?.code ?? 'ok', status)
    }
  }
})

test('accepts an exp as large as a number can be without leaving the range of a date', async () => {
  const { signer, verifier } = createBench()
  const found = await verified(verifier, bearer(signer.sign(claims({ exp: 1e300 }))))
  assert.equal(found.expiresAtMs, 8.64e15 + 30_000)
})

test('limits the age of a token where it is asked to', async () => {
  const { signer, verifier, surroundings } = createBench({ maxAgeSeconds: 60 })
  const token = signer.sign(claims({ iat: NOW, exp: NOW + 3600 }))
  assert.equal(await statusOf(verifier, token), 'ok')
  surroundings.setSeconds(NOW + 89)
  assert.equal(await settledStatus(verifier, bearer(token)), 'ok')
  surroundings.setSeconds(NOW + 90)
  assert.equal(await settledStatus(verifier, bearer(token)), 'ERR_TOKEN_EXPIRED')
  surroundings.setSeconds(NOW)
  assert.equal(await settledStatus(verifier, bearer(signer.sign(claims({ iat: undefined })))), 'ERR_TOKEN_CLAIM_MISSING')
})

test('demands the claims that are configured', async () => {
  const { signer, verifier } = createBench({ requiredClaims: ['client_id', 'toString'] })
  const status = (more: Record<string, unknown>): Promise<string> => settledStatus(verifier, bearer(signer.sign(claims(more))))
  assert.equal(await status({ client_id: 'c' }), 'ERR_TOKEN_CLAIM_MISSING')
  assert.equal(await status({ client_id: null, toString: 1 }), 'ERR_TOKEN_CLAIM_MISSING')
  assert.equal(await status({ client_id: 'c', toString: 1 }), 'ok')
})

test('lets an issuer speak only for the subjects it is named for', async () => {
  const { signer, verifier } = createBench({ subjects: [{ under: 'spiffe://prod.example/shop' }, 'alice'] })
  const shop = await verified(verifier, bearer(signer.sign(claims({ sub: 'spiffe://prod.example/shop/orders' }))))
  assert.deepEqual(shop.identity, { kind: 'spiffe', authority: 'prod.example', value: 'spiffe://prod.example/shop/orders' })
  const alice = await verified(verifier, bearer(signer.sign(claims({ sub: 'alice' }))))
  assert.deepEqual(alice.identity, { kind: 'subject', authority: ISSUER, value: 'alice' })
  for (const sub of ['bob', 'spiffe://prod.example/shop', 'spiffe://prod.example/shopping/x', 'spiffe://other.example/shop/orders']) {
    assert.equal(await settledStatus(verifier, bearer(signer.sign(claims({ sub })))), 'ERR_TOKEN_SUBJECT', sub)
  }
})

test('names a subject that its issuer may not speak for in the log, once the signature is verified and not before', async () => {
  const { signer, verifier } = createBench()
  for (const sub of ['spiffe://prod.example/orders', 'SPIFFE://prod.example/orders']) {
    const found = await judge(verifier, bearer(signer.sign(claims({ sub }))))
    assert(isRefusal(found))
    assert.deepEqual([found.code, found.facts, found.evidence], ['ERR_TOKEN_SUBJECT', {}, { subject: sub, issuer: ISSUER, tokenId: 'j-1' }])
    const forged = await judge(verifier, bearer(createSigner().sign(claims({ sub }))))
    assert(isRefusal(forged))
    assert.deepEqual([forged.code, forged.evidence], ['ERR_TOKEN_SIGNATURE', undefined])
  }
  const long = await judge(verifier, bearer(signer.sign(claims({ sub: `spiffe://${'x'.repeat(3000)}`, jti: 'j'.repeat(200) }))))
  assert(isRefusal(long))
  assert.deepEqual([String(long.evidence?.['subject']).length, long.evidence?.['tokenId']], [2048, undefined])
})

test('names the token that somebody else brings in the log', async () => {
  const { signer, verifier } = createBench({ binding: 'mtls' })
  const bound = await verified(verifier, bearer(signer.sign(claims({ cnf: { 'x5t#S256': THUMBPRINT } }))))
  for (const refusal of [verifier.bind(bound, null), verifier.bind(bound, peerWith('other'))]) {
    assert.equal(refusal?.code, 'ERR_TOKEN_BINDING')
    assert.deepEqual(refusal.evidence, { subject: 'alice', issuer: ISSUER, tokenId: 'j-1' })
  }
})

test('binds a token to the certificate of its cnf, whatever else cnf holds', async () => {
  const other = 'B4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0'
  for (const binding of ['mtls', 'if-bound'] as const) {
    const { signer, verifier } = createBench({ binding })
    const bound = await verified(verifier, bearer(signer.sign(claims({ cnf: { 'x5t#S256': THUMBPRINT, kid: 'x', other: {} } }))))
    assert.equal(verifier.bind(bound, peerWith(THUMBPRINT)), null)
    assert.equal(verifier.bind(bound, peerWith(other))?.code, 'ERR_TOKEN_BINDING')
    assert.equal(verifier.bind(bound, peerWith(`${THUMBPRINT}=`))?.code, 'ERR_TOKEN_BINDING')
    assert.equal(verifier.bind(bound, peerWith(''))?.code, 'ERR_TOKEN_BINDING')
    assert.equal(verifier.bind(bound, null)?.code, 'ERR_TOKEN_BINDING')
  }
})

test('refuses a token that is not bound, unless bearer tokens were chosen', async () => {
  const strict = createBench({ binding: 'mtls' })
  const unbound = await verified(strict.verifier, bearer(strict.signer.sign(claims())))
  assert.equal(strict.verifier.bind(unbound, peerWith(THUMBPRINT))?.code, 'ERR_TOKEN_UNBOUND')
  assert.equal(strict.verifier.bind(unbound, null)?.code, 'ERR_TOKEN_UNBOUND')
  const open = createBench({ binding: 'if-bound' })
  const bearerToken = await verified(open.verifier, bearer(open.signer.sign(claims())))
  assert.equal(open.verifier.bind(bearerToken, peerWith(THUMBPRINT)), null)
  assert.equal(open.verifier.bind(bearerToken, null), null)
})

test('needs the binding by default', async () => {
  const signer = createSigner()
  const { binding: _, ...options } = optionsFor([signer])
  const verifier = createTokenVerifier(options, createSurroundings())
  const unbound = await verified(verifier, bearer(signer.sign(claims())))
  assert.equal(verifier.bind(unbound, null)?.code, 'ERR_TOKEN_UNBOUND')
})

test('refuses in judge and bind a token it did not verify itself', async () => {
  const one = createBench()
  const other = createBench({ binding: 'mtls' })
  const token = await verified(one.verifier, bearer(one.signer.sign(claims())))
  assert.equal(other.verifier.judge(token)?.code, 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(other.verifier.judge({ ...token })?.code, 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(one.verifier.bind({ ...token, issuer: 'https://nobody.example' }, null)?.code, 'ERR_TOKEN_UNBOUND')
})

test('keeps issuers apart: each has its keys, its rules and its subjects', async () => {
  const one = createSigner('ES256', 'same')
  const two = createSigner('RS256', 'same')
  const verifier = createTokenVerifier(
    [
      optionsFor([one], { algorithms: ['ES256'] }),
      { ...optionsFor([two], { algorithms: ['RS256'], type: 'JWT', maxBytes: 1024 }), issuer: 'https://two.example', audience: null },
    ],
    createSurroundings(),
  )
  assert.equal(await statusOf(verifier, one.sign(claims())), 'ok')
  const foreign = { iss: 'https://two.example', aud: 'anything' }
  const found = await verified(verifier, bearer(two.sign(claims(foreign), { typ: 'JWT' })))
  assert.deepEqual(found.identity, { kind: 'subject', authority: 'https://two.example', value: 'alice' })
  // Signed by one, in the name of two, and the other way round.
  assert.equal(await statusOf(verifier, one.sign(claims(foreign), { typ: 'JWT' })), 'ERR_TOKEN_ALGORITHM')
  assert.equal(await statusOf(verifier, two.sign(claims())), 'ERR_TOKEN_ALGORITHM')
  assert.equal(await statusOf(verifier, two.sign(claims(foreign))), 'ERR_TOKEN_TYPE')
  assert.equal(await statusOf(verifier, two.sign(claims({ ...foreign, pad: 'x'.repeat(1024) }), { typ: 'JWT' })), 'ERR_TOKEN_TOO_LARGE')
  const impostor = createSigner('ES256', 'same')
  assert.equal(await statusOf(verifier, impostor.sign(claims())), 'ERR_TOKEN_SIGNATURE')
  assert.equal(String(verifier), `tokens of ${ISSUER} for ${AUDIENCE}, tokens of https://two.example for any audience`)
})

test('never answers for one token with what it knows of another', async () => {
  const { signer, verifier } = createBench()
  const connection = createConnection()
  const alice = signer.sign(claims())
  const bob = signer.sign(claims({ sub: 'bob' }))
  assert.equal((await verified(verifier, bearer(alice, connection))).subject, 'alice')
  assert.equal((await verified(verifier, bearer(bob, connection))).subject, 'bob')
  assert.equal((await verified(verifier, bearer(alice, connection))).subject, 'alice')
  const [header, payload] = bob.split('.')
  const mixed = `${header}.${payload}.${alice.split('.')[2]}`
  assert.equal(((await judge(verifier, bearer(mixed, connection))) as { code?: string }).code, 'ERR_TOKEN_SIGNATURE')
  assert.equal(recalledStatus(verifier, bearer(mixed, connection)), 'open')
})

test('answers many requests with a new token by one verification', async (t) => {
  const verify = countVerifications(t)
  // At once, and in the background.
  for (const [index, algorithm] of (['ES256', 'ES384'] as const).entries()) {
    const { signer, verifier } = createBench({ algorithms: [algorithm] }, algorithm)
    const token = signer.sign(claims())
    const found = await Promise.all(Array.from({ length: 50 }, () => statusOf(verifier, token)))
    assert(found.every((status) => status === 'ok'))
    assert.equal(verify.callCount(), index + 1)
  }
})

test('accepts a JWT-SVID by the trust domain of its subject', async () => {
  const signer = createSigner('ES256')
  const { use: _, alg: __, ...jwk } = signer.jwk
  const verifier = createTokenVerifier(
    {
      issuer: 'spiffe://prod.example',
      audience: 'spiffe://prod.example/billing',
      keys: { jwks: [{ ...jwk, use: 'jwt-svid' }] },
      type: 'jwt-svid',
      subjects: [{ trustDomain: 'prod.example' }],
      binding: 'if-bound',
    },
    createSurroundings(),
  )
  const svid = { iss: undefined, aud: ['spiffe://prod.example/billing'], sub: 'spiffe://prod.example/orders', jti: undefined }
  for (const typ of ['JWT', 'JOSE', undefined]) {
    const found = await verified(verifier, bearer(signer.sign(claims(svid), { typ })))
    assert.deepEqual(found.identity, { kind: 'spiffe', authority: 'prod.example', value: 'spiffe://prod.example/orders' })
    assert.equal(found.issuer, 'spiffe://prod.example')
  }
  const status = (more: Record<string, unknown>, header: Record<string, unknown> = { typ: 'JWT' }): Promise<string> =>
    settledStatus(verifier, bearer(signer.sign(claims({ ...svid, ...more }), header)))
  assert.equal(await status({ sub: 'spiffe://other.example/orders' }), 'ERR_TOKEN_CLAIM_MISSING')
  assert.equal(await status({ iss: 'spiffe://prod.example', sub: 'spiffe://other.example/orders' }), 'ERR_TOKEN_SUBJECT')
  assert.equal(await status({ sub: 'alice' }), 'ERR_TOKEN_CLAIM_MISSING')
  assert.equal(await status({ aud: 'spiffe://prod.example/orders' }), 'ERR_TOKEN_AUDIENCE')
  assert.equal(await status({ aud: undefined }), 'ERR_TOKEN_CLAIM_MISSING')
  assert.equal(await status({ exp: undefined }), 'ERR_TOKEN_CLAIM_MISSING')
  assert.equal(await status({}, { typ: 'at+jwt' }), 'ERR_TOKEN_TYPE')
})

test('counts what became of tokens under a fixed set of statuses', async () => {
  const { signer, verifier, surroundings } = createBench()
  const good = signer.sign(claims())
  await statusOf(verifier, good)
  await statusOf(verifier, good)
  for (let index = 0; index < 100; index++) await statusOf(verifier, signer.sign(claims(), { kid: `random-${index}` }))
  await statusOf(verifier, signer.sign(claims({ exp: NOW - 100 })))
  await statusOf(verifier, signer.sign(claims({ iss: 'https://unknown.example' })))
  await statusOf(verifier, createSigner('ES256').sign(claims()))
  assert.deepEqual(Object.fromEntries(surroundings.counts), {
    ok: 2,
    ERR_TOKEN_KEY_UNKNOWN: 100,
    ERR_TOKEN_EXPIRED: 1,
    ERR_TOKEN_ISSUER: 1,
    ERR_TOKEN_SIGNATURE: 1,
  })
})

test('puts neither the token nor a text of the caller into what is logged', async () => {
  const { signer, verifier } = createBench()
  const secret = 'sEcReT-tExT'
  const tokens = [
    `${secret}.x.y`,
    signer.sign(claims({ [secret]: 1 }), { kid: secret }),
    signer.sign(claims({ iss: secret })),
    signer.sign(claims({ aud: secret })),
    createSigner('ES256').sign(claims({ sub: `spiffe://${secret}` })),
    signer.sign(claims({ exp: secret })),
    signer.sign(claims(), { alg: secret }),
    signer.sign(claims(), { typ: secret }),
    createSigner('ES256').sign(claims({ sub: secret })),
    `${secret}${'x'.repeat(9000)}`,
  ]
  for (const token of tokens) {
    const found = await judge(verifier, bearer(token))
    assert(isRefusal(found))
    assert(!JSON.stringify(found).includes(secret), found.code)
  }
})

test('answers a fault of its surroundings with a code', async () => {
  const { signer } = createBench()
  const surroundings = createSurroundings()
  const verifier = createTokenVerifier(optionsFor([signer]), {
    ...surroundings,
    clock: {
      nowMs: () => {
        throw new Error('no time')
      },
    },
  })
  const found = await verifier.verify(bearer(signer.sign(claims())))
  assert(isRefusal(found))
  assert.equal(found.code, 'ERR_GUARD_FAULT')
})
