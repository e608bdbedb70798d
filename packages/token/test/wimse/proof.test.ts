import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal, type ReplayStore } from '@countersign/core'
import { createTokenVerifier } from '@countersign/token'
import { hashOf, ORIGIN, publicJwk, request, thumbprintOf, withOtherSignature } from '../requests.js'
import { createSigner } from '../signer.js'
import {
  claims,
  createSurroundings,
  ISSUER,
  NOW,
  optionsFor,
  peerWith,
  settledStatus,
  statusOf,
  THUMBPRINT,
  verified,
} from '../surroundings.js'
import { createWimseBench, TRUST_DOMAIN, wimseRequest, wptOf } from './bench.js'

for (const algorithm of ['ES256', 'PS256', 'RS256', 'Ed25519', 'EdDSA']) {
  test(`accepts a token with a ${algorithm} proof of the key in it, and refuses it under another signature`, async () => {
    const { key, wit, verifier } = createWimseBench({}, {}, algorithm)
    const token = wit()
    const wpt = wptOf(key, token)
    assert.equal(await settledStatus(verifier, wimseRequest(token, withOtherSignature(wpt))), 'ERR_PROOF_SIGNATURE')
    const found = await verified(verifier, wimseRequest(token, wpt))
    assert.deepEqual(found.identity, { kind: 'subject', authority: TRUST_DOMAIN, value: `${TRUST_DOMAIN}/orders` })
    assert.equal(found.boundToKey, thumbprintOf(key))
    assert.equal(found.issuer, TRUST_DOMAIN)
    assert.equal(verifier.bind(found, null), null)
  })
}

test('knows a SPIFFE ID in a token of its trust domain', async () => {
  const { key, wit, verifier } = createWimseBench({}, { issuer: 'spiffe://prod.example' })
  const token = wit({ sub: 'spiffe://prod.example/orders' })
  const found = await verified(verifier, wimseRequest(token, wptOf(key, token)))
  assert.deepEqual(found.identity, { kind: 'spiffe', authority: 'prod.example', value: 'spiffe://prod.example/orders' })
  // WIT-SVID §2.1
  const nameless = wit({ sub: 'spiffe://prod.example/orders' }, { kid: undefined })
  assert.equal(await settledStatus(verifier, wimseRequest(nameless, wptOf(key, nameless))), 'ERR_TOKEN_MALFORMED')
})

test('says that a token is presented in its own field, whatever stands in Authorization', () => {
  const { wit, verifier } = createWimseBench()
  for (const value of [wit(), '', ['a', 'b']])
    assert.equal(verifier.takesOwnField?.(request({ 'workload-identity-token': value, authorization: 'ApiKey x' })), true)
  assert.equal(verifier.takesOwnField?.(request({ authorization: 'ApiKey x' })), false)
  const introspected = createTokenVerifier(
    [
      { issuer: TRUST_DOMAIN, audience: null, type: 'wit+jwt', keys: { jwks: [createSigner().jwk] }, proof: { origins: ORIGIN } },
      {
        issuer: ISSUER,
        audience: null,
        introspection: {
          endpoint: 'https://issuer.example/introspect',
          clientAuthentication: { method: 'client_secret_basic', clientId: 'billing', clientSecret: 'secret' },
        },
      },
    ],
    createSurroundings(),
  )
  assert.equal(introspected.takesOwnField?.(request({ 'workload-identity-token': 'x' })), true)
  assert.equal(createTokenVerifier(optionsFor([createSigner()]), createSurroundings()).takesOwnField, undefined)
})

test('demands a proof on each request, though it knows the token', async () => {
  const { key, wit, verifier } = createWimseBench()
  const token = wit()
  const first = await verified(verifier, wimseRequest(token, wptOf(key, token)))
  const again = wimseRequest(token, wptOf(key, token))
  assert.equal(verifier.recall(again), undefined)
  assert.equal(await verified(verifier, again), first)
})

test('refuses half of the credential, a half that stands twice, and a bearer token beside it', async () => {
  const { key, wit, verifier } = createWimseBench()
  const token = wit()
  const wpt = wptOf(key, token)
  const rows: readonly (readonly [fields: Readonly<Record<string, string | readonly string[]>>, code: string])[] = [
    [{}, 'none'],
    [{ 'workload-identity-token': token }, 'ERR_PROOF_MISSING'],
    [{ 'workload-identity-token': token, authorization: `Bearer ${token}` }, 'ERR_PROOF_MISSING'],
    [{ 'workload-identity-token': token, authorization: `DPoP ${token}`, dpop: wpt }, 'ERR_PROOF_MISSING'],
    [{ 'workload-identity-token': token, authorization: `WPT\t${wpt}` }, 'ERR_PROOF_MISSING'],
    [{ 'workload-identity-token': token, authorization: wpt }, 'ERR_PROOF_MISSING'],
    [{ authorization: `WPT ${wpt}` }, 'ERR_TOKEN_MISSING'],
    [{ authorization: `Bearer ${token}` }, 'ERR_TOKEN_SCHEME'],
    [{ authorization: `WPT\n${token}` }, 'ERR_TOKEN_SCHEME'],
    [{ 'workload-identity-token': token, authorization: [`WPT ${wpt}`, 'Bearer x'] }, 'ERR_TOKEN_REPEATED'],
    [{ 'workload-identity-token': [token, token], authorization: `WPT ${wpt}` }, 'ERR_TOKEN_REPEATED'],
    [{ 'workload-identity-token': `${token}, ${token}`, authorization: `WPT ${wpt}` }, 'ERR_TOKEN_MALFORMED'],
    [{ 'workload-identity-token': token, authorization: `WPT ${wpt}, WPT ${wpt}` }, 'ERR_PROOF_MALFORMED'],
    [{ 'workload-identity-token': token, authorization: 'WPT' }, 'ERR_PROOF_MALFORMED'],
    [{ 'workload-identity-token': 'x'.repeat(1_048_576), authorization: `WPT ${wpt}` }, 'ERR_TOKEN_TOO_LARGE'],
    // -01 of the draft.
    [{ 'workload-identity-token': token, 'workload-proof-token': wpt }, 'ERR_PROOF_MISSING'],
    [{ 'workload-identity-token': token, authorization: `wpt   ${wpt}` }, 'ok'],
  ]
  for (const [fields, code] of rows) assert.equal(await settledStatus(verifier, request(fields)), code, Object.keys(fields).join())
})

test('refuses each proof that is not what it should be with its own code', async (t) => {
  const { key, wit, verifier } = createWimseBench()
  const token = wit()
  const other = createSigner('ES256')
  const ed = createSigner('Ed25519')
  const proof = (more: Record<string, unknown> = {}, header: Record<string, unknown> = {}): string => wptOf(key, token, more, header)
  const rows: readonly (readonly [name: string, proof: string, code: string])[] = [
    ['1 MiB', `${'x'.repeat(1_048_576)}.y.z`, 'ERR_PROOF_TOO_LARGE'],
    ['garbage', 'garbage', 'ERR_PROOF_MALFORMED'],
    ['no typ', proof({}, { typ: undefined }), 'ERR_PROOF_TYPE'],
    ['typ of a DPoP proof', proof({}, { typ: 'dpop+jwt' }), 'ERR_PROOF_TYPE'],
    ['typ of the token', proof({}, { typ: 'wit+jwt' }), 'ERR_PROOF_TYPE'],
    ['alg none', proof({}, { alg: 'none' }), 'ERR_PROOF_ALGORITHM'],
    ['a MAC', proof({}, { alg: 'HS256' }), 'ERR_PROOF_ALGORITHM'],
    ['another algorithm than the token names', wptOf(ed, token), 'ERR_PROOF_ALGORITHM'],
    ['a critical extension', proof({}, { crit: ['exp'] }), 'ERR_PROOF_MALFORMED'],
    ['another key', wptOf(other, token), 'ERR_PROOF_SIGNATURE'],
    ['another key, in its header', wptOf(other, token, {}, { jwk: publicJwk(other) }), 'ERR_PROOF_SIGNATURE'],
    ['no jti', proof({ jti: undefined }), 'ERR_PROOF_CLAIM'],
    ['an oversized jti', proof({ jti: 'j'.repeat(257) }), 'ERR_PROOF_CLAIM'],
    ['no aud', proof({ aud: undefined }), 'ERR_PROOF_CLAIM'],
    ['an aud of numbers', proof({ aud: [7] }), 'ERR_PROOF_CLAIM'],
    ['an empty aud', proof({ aud: [] }), 'ERR_PROOF_CLAIM'],
    ['another path', proof({ aud: `${ORIGIN}/invoices/8` }), 'ERR_PROOF_TARGET'],
    ['another host', proof({ aud: 'https://evil.example/invoices/7' }), 'ERR_PROOF_TARGET'],
    ['the origin alone', proof({ aud: ORIGIN }), 'ERR_PROOF_TARGET'],
    ['no exp', proof({ exp: undefined }), 'ERR_PROOF_CLAIM'],
    ['an exp that is a text', proof({ exp: String(NOW + 60) }), 'ERR_PROOF_CLAIM'],
    ['expired', proof({ exp: NOW - 30 }), 'ERR_PROOF_EXPIRED'],
    ['far in the future', proof({ exp: NOW + 331 }), 'ERR_PROOF_CLAIM'],
    ['no wth', proof({ wth: undefined }), 'ERR_PROOF_CLAIM'],
    ['another token', proof({ wth: hashOf('other') }), 'ERR_PROOF_TOKEN'],
  ]
  for (const [name, sent, code] of rows)
    await t.test(name, async () => assert.equal(await settledStatus(verifier, wimseRequest(token, sent)), code))
  for (const good of [
    { exp: NOW - 29 },
    { exp: NOW + 330 },
    { aud: ['other', `${ORIGIN}/invoices/7`] },
    { ath: 'of -01', 'x.example/y': 1 },
  ])
    assert.equal(await settledStatus(verifier, wimseRequest(token, proof(good))), 'ok')
})

test('refuses each token that is not what it should be with its own code, before it looks at the proof', async (t) => {
  const { issuer, key, wit, verifier } = createWimseBench()
  const jwk = { ...publicJwk(key), alg: 'ES256' }
  const { alg: _, ...nameless } = jwk
  const rows: readonly (readonly [name: string, wit: string, code: string])[] = [
    ['typ of an access token', wit({}, { typ: 'at+jwt' }), 'ERR_TOKEN_TYPE'],
    ['no typ', wit({}, { typ: undefined }), 'ERR_TOKEN_TYPE'],
    ['another signature', withOtherSignature(wit()), 'ERR_TOKEN_SIGNATURE'],
    ['an unknown key', wit({}, { kid: 'other' }), 'ERR_TOKEN_KEY_UNKNOWN'],
    ['expired', wit({ exp: NOW - 31 }), 'ERR_TOKEN_EXPIRED'],
    ['no exp', wit({ exp: undefined }), 'ERR_TOKEN_CLAIM_MISSING'],
    ['no sub', wit({ sub: undefined }), 'ERR_TOKEN_CLAIM_MISSING'],
    ['a sub that identifies nobody', wit({ sub: 'alice' }), 'ERR_TOKEN_SUBJECT'],
    ['the trust domain itself', wit({ sub: TRUST_DOMAIN }), 'ERR_TOKEN_SUBJECT'],
    ['a sub with a query', wit({ sub: `${TRUST_DOMAIN}/orders?a` }), 'ERR_TOKEN_SUBJECT'],
    ['a sub with dot segments', wit({ sub: `${TRUST_DOMAIN}/a/../orders` }), 'ERR_TOKEN_SUBJECT'],
    ['another trust domain', wit({ sub: 'wimse://other.example/orders' }), 'ERR_TOKEN_ISSUER'],
    ['another scheme', wit({ sub: 'spiffe://prod.example/orders' }), 'ERR_TOKEN_ISSUER'],
    ['a trust domain that begins like ours', wit({ sub: 'wimse://prod.example.evil/orders' }), 'ERR_TOKEN_ISSUER'],
    ['an iss that is a number', wit({ iss: 7 }), 'ERR_TOKEN_CLAIM_INVALID'],
    ['an audience', wit({ aud: 'billing' }), 'ERR_TOKEN_AUDIENCE'],
    ['no cnf', wit({ cnf: undefined }), 'ERR_TOKEN_CLAIM_MISSING'],
    ['a thumbprint for a key', wit({ cnf: { jkt: thumbprintOf(key) } }), 'ERR_TOKEN_CLAIM_INVALID'],
    ['a key without alg', wit({ cnf: { jwk: nameless } }), 'ERR_TOKEN_CLAIM_INVALID'],
    ['a key for a MAC', wit({ cnf: { jwk: { kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' } } }), 'ERR_TOKEN_CLAIM_INVALID'],
    ['a key for encryption', wit({ cnf: { jwk: { ...jwk, alg: 'ECDH-ES' } } }), 'ERR_TOKEN_CLAIM_INVALID'],
    ['a private key', wit({ cnf: { jwk: { ...jwk, d: jwk['x' as 'alg'] } } }), 'ERR_TOKEN_CLAIM_INVALID'],
    ['a key of another kind than its alg', wit({ cnf: { jwk: { ...jwk, alg: 'RS256' } } }), 'ERR_TOKEN_CLAIM_INVALID'],
  ]
  for (const [name, token, code] of rows)
    await t.test(name, async () => assert.equal(await settledStatus(verifier, wimseRequest(token, wptOf(key, token))), code))
  // Whatever `iss` says, the keys are those of the trust domain.
  const named = wit({ iss: 'https://evil.example' })
  assert.equal(await settledStatus(verifier, wimseRequest(named, wptOf(key, named))), 'ok')
  assert.notEqual(issuer.kid, 'other')
})

test('demands that the proof covers the other tokens of the request, and knows all that it covers', async () => {
  const { key, wit, verifier } = createWimseBench()
  const token = wit()
  const txn = 'transaction.token.x'
  const status = (more: Record<string, unknown>, fields: Record<string, string | readonly string[]>): Promise<string> =>
    settledStatus(verifier, wimseRequest(token, wptOf(key, token, more), fields))
  const session = { 'propagated-session': 'session.token.x' }
  const rows: readonly (readonly [more: Record<string, unknown>, fields: Record<string, string | readonly string[]>, code: string])[] = [
    [{ tth: hashOf(txn) }, { 'txn-token': txn }, 'ok'],
    [{}, { 'txn-token': txn }, 'ERR_PROOF_TOKEN'],
    [{ tth: hashOf('other') }, { 'txn-token': txn }, 'ERR_PROOF_TOKEN'],
    [{ tth: hashOf(txn) }, {}, 'ERR_PROOF_TOKEN'],
    [{ tth: hashOf(txn) }, { 'txn-token': [txn, txn] }, 'ERR_PROOF_TOKEN'],
    [{ tth: 7 }, { 'txn-token': txn }, 'ERR_PROOF_CLAIM'],
    [{ oth: { 'propagated-session': hashOf('session.token.x') } }, session, 'ok'],
    [{}, session, 'ERR_PROOF_TOKEN'],
    [{ oth: { 'propagated-session': hashOf('other') } }, session, 'ERR_PROOF_TOKEN'],
    [{ oth: { 'x-context': hashOf('a') } }, { 'x-context': 'a' }, 'ok'],
    [{ oth: { 'x-context': hashOf('a') } }, {}, 'ERR_PROOF_TOKEN'],
    [{ oth: { 'x-context': hashOf('a') } }, { 'x-context': ['a', 'a'] }, 'ERR_PROOF_TOKEN'],
    [{ oth: { 'X-Context': hashOf('a') } }, { 'x-context': 'a' }, 'ERR_PROOF_CLAIM'],
    [{ oth: { 'x-context': { alg: 'sha-512', hash: 'x' } } }, { 'x-context': 'a' }, 'ERR_PROOF_CLAIM'],
    [{ oth: 'x' }, {}, 'ERR_PROOF_CLAIM'],
    [{ oth: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`x-${at}`, ''])) }, {}, 'ERR_PROOF_CLAIM'],
  ]
  for (const [more, fields, code] of rows) assert.equal(await status(more, fields), code, JSON.stringify([more, fields]))
})

test('takes an audience that the options name, and fields that they name must be covered', async () => {
  const { key, wit, verifier } = createWimseBench({ audiences: ['urn:billing'], contextFields: ['X-Context'] })
  const token = wit()
  assert.equal(await settledStatus(verifier, wimseRequest(token, wptOf(key, token, { aud: 'urn:billing' }))), 'ok')
  assert.equal(await settledStatus(verifier, wimseRequest(token, wptOf(key, token, { aud: 'URN:billing' }))), 'ERR_PROOF_TARGET')
  assert.equal(await settledStatus(verifier, wimseRequest(token, wptOf(key, token), { 'x-context': 'a' })), 'ERR_PROOF_TOKEN')
  assert.equal(await settledStatus(verifier, wimseRequest(token, wptOf(key, token), { 'propagated-session': 'a' })), 'ok')
})

test('takes nothing that the request says of its host for its audience', async () => {
  const { key, wit, verifier } = createWimseBench()
  const token = wit()
  const fields = { host: 'evil.example', 'x-forwarded-host': 'evil.example' }
  const evil = wptOf(key, token, { aud: 'https://evil.example/invoices/7' })
  assert.equal(await settledStatus(verifier, wimseRequest(token, evil, fields, { authority: 'evil.example' })), 'ERR_PROOF_TARGET')
})

test('lets one of a hundred requests with the same proof in, and remembers it for as long as it would be accepted', async () => {
  const { key, wit, surroundings, verifier } = createWimseBench()
  const token = wit()
  const wpt = wptOf(key, token, { exp: NOW + 100 })
  const found = await Promise.all(Array.from({ length: 100 }, () => settledStatus(verifier, wimseRequest(token, wpt))))
  assert.equal(found.filter((status) => status === 'ok').length, 1)
  surroundings.advanceSeconds(129.999)
  assert.equal(await settledStatus(verifier, wimseRequest(token, wpt)), 'ERR_PROOF_REPLAYED')
  surroundings.advanceSeconds(0.001)
  assert.equal(await settledStatus(verifier, wimseRequest(token, wpt)), 'ERR_PROOF_EXPIRED')
})

test('refuses while it cannot be told whether a proof was used', async () => {
  const replay: ReplayStore = { claim: () => 'full' }
  const { key, wit, verifier } = createWimseBench({ replay })
  const token = wit()
  assert.equal(await settledStatus(verifier, wimseRequest(token, wptOf(key, token))), 'ERR_REPLAY_UNAVAILABLE')
})

test('holds a token to its certificate too, where it names one', async () => {
  const { key, wit, verifier } = createWimseBench()
  const token = wit({ cnf: { jwk: { ...publicJwk(key), alg: 'ES256' }, 'x5t#S256': THUMBPRINT } })
  const found = await verified(verifier, wimseRequest(token, wptOf(key, token)))
  assert.equal(verifier.bind(found, peerWith(THUMBPRINT)), null)
  const refusal = verifier.bind(found, null)
  assert(isRefusal(refusal) && refusal.code === 'ERR_TOKEN_BINDING')
})

test('stands beside access tokens of another issuer, and neither passes for the other', async () => {
  const { issuer, key, wit, surroundings } = createWimseBench()
  const other = createSigner('ES256', 'other')
  const verifier = createTokenVerifier(
    [
      optionsFor([other]),
      { issuer: TRUST_DOMAIN, audience: null, type: 'wit+jwt', keys: { jwks: [issuer.jwk] }, proof: { origins: ORIGIN } },
    ],
    surroundings,
  )
  const token = wit({ iss: ISSUER, aud: undefined })
  const access = other.sign(claims({ sub: `${TRUST_DOMAIN}/orders` }))
  assert.equal(await statusOf(verifier, access), 'ok')
  assert.equal(await settledStatus(verifier, wimseRequest(token, wptOf(key, token))), 'ok')
  assert.equal(await statusOf(verifier, token), 'ERR_TOKEN_TYPE')
  assert.equal(await settledStatus(verifier, wimseRequest(access, wptOf(key, access))), 'ERR_TOKEN_TYPE')
  assert.deepEqual(
    verifier.challenges?.map(({ scheme }) => scheme),
    ['Bearer', 'WPT'],
  )
})
