import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '@countersign/core'
import { createClientAssertionVerifier, subjectOfAssertion } from '@countersign/token'
import { createSigner, type Signer } from './signer.js'
import { createSurroundings, NOW } from './surroundings.js'

const AUDIENCE = 'https://mesh.example'
const surroundings = createSurroundings()
const claims = (changes: object = {}): object => ({ iss: 'tool', sub: 'tool', aud: AUDIENCE, exp: NOW + 60, jti: 'one', ...changes })
const assertion = (signer: Signer, changes: object = {}, header: object = {}): string =>
  signer.sign(claims(changes), { typ: undefined, ...header })

async function codeOf(answer: Promise<unknown>): Promise<string> {
  const found = await answer
  return isRefusal(found) ? found.code : 'ok'
}

for (const algorithm of ['ES256', 'RS256', 'PS256', 'Ed25519']) {
  test(`accepts what the client signed with ${algorithm}, typed or not`, async () => {
    const signer = createSigner(algorithm)
    const verifier = createClientAssertionVerifier(
      'client',
      { clientId: 'tool', audience: AUDIENCE, keys: { jwks: [signer.jwk] } },
      surroundings,
    )
    for (const typ of [undefined, 'JWT', 'client-authentication+jwt', 'Application/Client-Authentication+JWT']) {
      const answer = await verifier.verify(assertion(signer, {}, { typ }))
      assert.deepEqual(answer, { clientId: 'tool', id: 'one', expiresAtMs: (NOW + 90) * 1000 })
    }
  })
}

test('refuses each claim that is not as it must be, and says which', async () => {
  const signer = createSigner('ES256')
  const verifier = createClientAssertionVerifier(
    'client',
    { clientId: 'tool', audience: AUDIENCE, keys: { jwks: [signer.jwk] } },
    surroundings,
  )
  const now = NOW
  const wrong: readonly (readonly [object, string])[] = [
    [{ iss: 'other' }, 'ERR_TOKEN_ISSUER'],
    [{ sub: 'other' }, 'ERR_TOKEN_SUBJECT'],
    [{ aud: `${AUDIENCE}/token` }, 'ERR_TOKEN_AUDIENCE'],
    [{ aud: [AUDIENCE] }, 'ERR_TOKEN_AUDIENCE'],
    [{ aud: undefined }, 'ERR_TOKEN_AUDIENCE'],
    [{ exp: undefined }, 'ERR_TOKEN_CLAIM_MISSING'],
    [{ exp: '1' }, 'ERR_TOKEN_CLAIM_INVALID'],
    [{ exp: now - 30 }, 'ERR_TOKEN_EXPIRED'],
    [{ exp: now + 91 }, 'ERR_TOKEN_CLAIM_INVALID'],
    [{ nbf: now + 31 }, 'ERR_TOKEN_NOT_YET_VALID'],
    [{ iat: now + 31 }, 'ERR_TOKEN_ISSUED_IN_FUTURE'],
    [{ iat: 'now' }, 'ERR_TOKEN_CLAIM_INVALID'],
    [{ jti: undefined }, 'ERR_TOKEN_CLAIM_MISSING'],
    [{ jti: 7 }, 'ERR_TOKEN_CLAIM_INVALID'],
    [{ jti: 'x'.repeat(257) }, 'ERR_TOKEN_CLAIM_INVALID'],
    [{ exp: now - 29 }, 'ok'],
    [{ exp: now + 90 }, 'ok'],
    [{ nbf: now + 29, iat: now + 29 }, 'ok'],
  ]
  for (const [changes, code] of wrong)
    assert.equal(await codeOf(verifier.verify(assertion(signer, changes))), code, JSON.stringify(changes))
})

test('refuses another algorithm, type, key or form before any signature is verified', async () => {
  const [signer, other] = [createSigner('ES256'), createSigner('ES256', 'other')]
  const options = { clientId: 'tool', audience: AUDIENCE, keys: { jwks: [signer.jwk] }, algorithms: ['ES256'] } as const
  const verifier = createClientAssertionVerifier('client', options, surroundings)
  const verify = (text: string) => codeOf(verifier.verify(text))
  assert.equal(await verify(assertion(createSigner('RS256'))), 'ERR_TOKEN_ALGORITHM')
  assert.equal(await verify(assertion(signer, {}, { alg: 'none' })), 'ERR_TOKEN_UNSIGNED')
  assert.equal(await verify(assertion(signer, {}, { typ: 'at+jwt' })), 'ERR_TOKEN_TYPE')
  assert.equal(await verify(assertion(signer, {}, { typ: 7 })), 'ERR_TOKEN_TYPE')
  assert.equal(await verify(assertion(signer, {}, { crit: ['x'] })), 'ERR_TOKEN_CRITICAL')
  assert.equal(await verify(assertion(signer, {}, { jwk: signer.jwk })), 'ERR_TOKEN_KEY_EMBEDDED')
  assert.equal(await verify(assertion(other)), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(await verify(assertion(other, {}, { kid: signer.kid })), 'ERR_TOKEN_SIGNATURE')
  assert.equal(await verify(signer.sign([], { typ: 'JWT' })), 'ERR_TOKEN_MALFORMED')
  assert.equal(await verify('x.y'), 'ERR_TOKEN_MALFORMED')
  assert.equal(await verify('x'.repeat(8193)), 'ERR_TOKEN_TOO_LARGE')
})

test('asks the client’s jwks_uri for its keys, and tells a silence from a wrong key', async () => {
  const signer = createSigner('ES256')
  let asked = 0
  const answering = createSurroundings(async () => {
    asked++
    return Response.json({ keys: [signer.jwk] })
  })
  const options = { clientId: 'tool', audience: AUDIENCE, keys: { jwksUri: 'https://tool.example/jwks' } }
  const verifier = createClientAssertionVerifier('client', options, answering)
  assert.equal(await codeOf(verifier.verify(assertion(signer))), 'ok')
  assert.equal(await codeOf(verifier.verify(assertion(createSigner('ES256', 'other')))), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(asked, 1, 'an unknown kid soon after an answer is not asked for again')
  await verifier.close()
  const silent = createClientAssertionVerifier('client', options, surroundings)
  assert.equal(await codeOf(silent.verify(assertion(signer))), 'ERR_KEYS_UNAVAILABLE')
  await silent.close()
})

test('refuses an assertion that has run out while the keys were waited for', async () => {
  const signer = createSigner('ES256')
  const slow = createSurroundings(async () => {
    slow.advanceSeconds(91)
    return Response.json({ keys: [signer.jwk] })
  })
  const options = { clientId: 'tool', audience: AUDIENCE, keys: { jwksUri: 'https://tool.example/jwks' } }
  const verifier = createClientAssertionVerifier('client', options, slow)
  assert.equal(await codeOf(verifier.verify(assertion(signer))), 'ERR_TOKEN_EXPIRED')
  await verifier.close()
})

test('names the subject of an assertion without verifying it', () => {
  const signer = createSigner('ES256')
  assert.equal(subjectOfAssertion(assertion(signer)), 'tool')
  for (const text of ['', 'x', 'a.b.c', signer.sign({}), signer.sign({ sub: '' }), signer.sign({ sub: 1 }), 'x'.repeat(9000)]) {
    assert.equal(subjectOfAssertion(text), null)
  }
})

test('options that are wrong are told by their path', () => {
  const signer = createSigner('ES256')
  const usual = { clientId: 'tool', audience: AUDIENCE, keys: { jwks: [signer.jwk] } }
  const make = (changes: object) => () => createClientAssertionVerifier('client', { ...usual, ...changes } as never, surroundings)
  assert.throws(make({ clientId: '' }), { option: 'client.clientId' })
  assert.throws(make({ maxLifetimeSeconds: 0 }), { option: 'client.maxLifetimeSeconds' })
  assert.throws(make({ algorithms: ['HS256'] }), { option: 'client.algorithms[0]' })
  assert.throws(make({ keys: { jwks: [] } }), { name: 'MisuseError' })
  assert.throws(make({ secret: 'x' }), { code: 'ERR_OPTION_UNKNOWN' })
})
