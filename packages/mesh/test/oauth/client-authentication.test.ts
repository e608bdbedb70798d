import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { createSelfSigned } from '@countersign/issuer'
import type { OAuthClient } from '@countersign/mesh'
import { type Workload, workloadFrom } from '@countersign/testing'
import { createApiKey } from '@countersign/token'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { advance, certificateClient, createStage, ISSUER, lastCode, type Running, run, type Stage } from './stage.js'

const ORDERS = 'spiffe://prod.example/orders'
const BILLING = 'spiffe://prod.example/billing'
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const GRANT = { grant_type: 'client_credentials' }

/** The answer is that of every failed authentication, and the log says why. */
async function assertNotAuthenticated(stage: Stage, answer: ReturnType<Running['post']>, code: string): Promise<void> {
  const { status, json, headers } = await answer
  assert.equal(lastCode(stage), code)
  assert.equal(status, 401)
  assert.deepEqual(json, { error: 'invalid_client', error_description: 'Client authentication failed' })
  assert.equal(headers['www-authenticate'], 'Basic realm="oauth"')
  assert.equal(headers['cache-control'], 'no-store')
}

function selfSigned(stage: Stage, validSeconds = 3600): Workload {
  const issued = createSelfSigned({ commonName: 'tool', validFrom: new Date(stage.mesh.clock.nowMs()), validSeconds })
  return workloadFrom('tool', issued)
}

test('each name of a certificate identifies the client that is registered with it, and no other', async (t) => {
  const stage = await createStage(t)
  const issued = stage.mesh.authority.issue({
    spiffeId: ORDERS,
    dns: ['orders.prod.example'],
    ip: ['192.0.2.7', '2001:db8::7'],
    commonName: 'orders',
    validSeconds: 3600,
  })
  const caller = workloadFrom(ORDERS, issued)
  const names = [
    [{ sanUri: ORDERS }, { sanUri: BILLING }],
    [{ sanDns: 'Orders.prod.example' }, { sanDns: 'prod.example' }],
    [{ sanIp: '2001:db8:0::7' }, { sanIp: '192.0.2.8' }],
    [{ subjectDn: 'CN=orders' }, { subjectDn: 'CN=order' }],
    [{ sanIp: '192.0.2.7' }, { sanEmail: 'orders@prod.example' }],
  ] as const
  const clients = names.flatMap(([right, wrong], index): OAuthClient[] => [
    { ...certificateClient(`right-${index}`), authentication: { method: 'tls_client_auth', ...right } },
    { ...certificateClient(`wrong-${index}`), authentication: { method: 'tls_client_auth', ...wrong } },
  ])
  const { post } = await run(t, stage, { clients, limit: { perAddress: null } })
  for (const index of names.keys()) {
    assert.equal((await post('/token', { ...GRANT, client_id: `right-${index}` }, caller)).status, 200, `right-${index}`)
    await assertNotAuthenticated(stage, post('/token', { ...GRANT, client_id: `wrong-${index}` }, caller), 'ERR_CLIENT_CERTIFICATE')
  }
})

test('exactly one name identifies the certificate of a client', async (t) => {
  const stage = await createStage(t)
  const make = (authentication: object) => run(t, stage, { clients: [certificateClient('c', { authentication: authentication as never })] })
  await assert.rejects(make({ method: 'tls_client_auth' }), { code: 'ERR_OPTION_INVALID' })
  await assert.rejects(make({ method: 'tls_client_auth', sanUri: ORDERS, sanDns: 'orders' }), { code: 'ERR_OPTION_INVALID' })
  await assert.rejects(run(t, stage, { mtls: null, clients: [certificateClient(ORDERS)] }), { code: 'ERR_OPTION_CONTRADICTION' })
})

test('client_id is in every request that a certificate authenticates', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  for (const path of ['/token', '/revoke', '/introspect']) {
    await assertNotAuthenticated(stage, post(path, { ...GRANT, token: 'x' }, stage.orders), 'ERR_CLIENT_UNIDENTIFIED')
  }
})

test('a certificate of an authority that is not trusted, of another name, none, or an expired one proves nothing', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  const form = { ...GRANT, client_id: ORDERS }
  await assertNotAuthenticated(stage, post('/token', form, null), 'ERR_CLIENT_CERTIFICATE')
  await assertNotAuthenticated(stage, post('/token', form, stage.billing), 'ERR_CLIENT_CERTIFICATE')
  await assertNotAuthenticated(stage, post('/token', form, selfSigned(stage)), 'ERR_CLIENT_CERTIFICATE')
  const short = stage.mesh.workload('/orders', { validSeconds: 60 })
  assert.equal((await post('/token', form, short)).status, 200)
  await advance(stage, 120)
  await assertNotAuthenticated(stage, post('/token', form, short), 'ERR_CLIENT_CERTIFICATE')
})

test('a certificate that was revoked in the mesh proves nothing any more', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  const nowMs = stage.mesh.clock.nowMs()
  const entry = { kind: 'certificate', id: stage.orders['x5t#S256'], issuedBeforeMs: Number.POSITIVE_INFINITY } as const
  await stage.core.revocations.revoke([{ ...entry, untilMs: nowMs + 1e7, revokedAtMs: nowMs, reason: 'test' }])
  await assertNotAuthenticated(stage, post('/token', { ...GRANT, client_id: ORDERS }, stage.orders), 'ERR_CLIENT_REVOKED')
})

test('a self-signed certificate proves the client that registered this very one, by thumbprint or x5c', async (t) => {
  const stage = await createStage(t)
  const [one, other, late] = [selfSigned(stage), selfSigned(stage), selfSigned(stage, 60)]
  const method = 'self_signed_tls_client_auth'
  const x5c = [Buffer.from(one.certificateDer).toString('base64')]
  const clients = [
    certificateClient('by-thumbprint', { authentication: { method, thumbprints: [one['x5t#S256'], late['x5t#S256']] } }),
    certificateClient('by-x5c', { authentication: { method, jwks: { keys: [{ kty: 'EC', x5c }] } } }),
  ]
  const { post } = await run(t, stage, { clients, mtls: null })
  for (const client_id of ['by-thumbprint', 'by-x5c']) {
    assert.equal((await post('/token', { ...GRANT, client_id }, one)).status, 200, client_id)
    await assertNotAuthenticated(stage, post('/token', { ...GRANT, client_id }, other), 'ERR_CLIENT_CERTIFICATE')
    await assertNotAuthenticated(stage, post('/token', { ...GRANT, client_id }, null), 'ERR_CLIENT_CERTIFICATE')
  }
  assert.equal((await post('/token', { ...GRANT, client_id: 'by-thumbprint' }, late)).status, 200)
  await advance(stage, 61)
  await assertNotAuthenticated(stage, post('/token', { ...GRANT, client_id: 'by-thumbprint' }, late), 'ERR_CLIENT_CERTIFICATE')
})

interface Signer {
  readonly key: CryptoKey
  readonly client: OAuthClient
  assertion(changes?: Record<string, unknown>, header?: object): Promise<string>
}

async function signer(stage: Stage, clientId = 'signer'): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwks = [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }]
  const client: OAuthClient = {
    clientId,
    authentication: { method: 'private_key_jwt', keys: { jwks } },
    grants: ['client_credentials'],
    audiences: [BILLING],
    dangerouslyUnbound: true,
  }
  return {
    key: privateKey,
    client,
    assertion(changes = {}, header = {}) {
      const nowSeconds = Math.floor(stage.mesh.clock.nowMs() / 1000)
      const claims = { iss: clientId, sub: clientId, aud: ISSUER, exp: nowSeconds + 60, iat: nowSeconds, jti: randomUUID(), ...changes }
      return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'one', ...header }).sign(privateKey)
    },
  }
}

const asserted = (client_assertion: string, others: object = {}) => ({
  ...GRANT,
  client_assertion_type: JWT_BEARER,
  client_assertion,
  ...others,
})

test('an assertion that the client signed proves it, with and without client_id', async (t) => {
  const stage = await createStage(t)
  const { client, assertion } = await signer(stage)
  const { post } = await run(t, stage, { clients: [client] })
  assert.equal((await post('/token', asserted(await assertion()))).status, 200)
  assert.equal((await post('/token', asserted(await assertion(), { client_id: 'signer' }))).status, 200)
  for (const typ of ['JWT', 'client-authentication+jwt', 'application/client-authentication+jwt']) {
    assert.equal((await post('/token', asserted(await assertion({}, { typ })))).status, 200, typ)
  }
})

test('an assertion that says anything else than it must is refused', async (t) => {
  const stage = await createStage(t)
  const { client, assertion } = await signer(stage)
  const { post } = await run(t, stage, { clients: [client, certificateClient(ORDERS)], limit: { perAddress: null } })
  const nowSeconds = Math.floor(stage.mesh.clock.nowMs() / 1000)
  const wrong: readonly Record<string, unknown>[] = [
    { iss: 'other' },
    { aud: `${ISSUER}/token` },
    { aud: [ISSUER] },
    { aud: [ISSUER, 'https://other.example'] },
    { aud: '' },
    { exp: nowSeconds - 31 },
    { exp: nowSeconds + 91 },
    { iat: nowSeconds + 31 },
    { nbf: nowSeconds + 31 },
    { jti: '' },
    { jti: 'x'.repeat(257) },
    { exp: undefined },
    { jti: undefined },
  ]
  for (const changes of wrong) {
    const text = await assertion(changes)
    await assertNotAuthenticated(stage, post('/token', asserted(text)), 'ERR_CLIENT_ASSERTION')
  }
  await assertNotAuthenticated(stage, post('/token', asserted(await assertion({ sub: 'other' }))), 'ERR_CLIENT_UNKNOWN')
  await assertNotAuthenticated(stage, post('/token', asserted(await assertion({ sub: ORDERS }))), 'ERR_CLIENT_METHOD_MISMATCH')
  await assertNotAuthenticated(stage, post('/token', asserted(await assertion(), { client_id: ORDERS })), 'ERR_CLIENT_METHOD_MISMATCH')
  await assertNotAuthenticated(stage, post('/token', asserted(await assertion({}, { typ: 'at+jwt' }))), 'ERR_CLIENT_ASSERTION')
  await assertNotAuthenticated(stage, post('/token', asserted(await assertion({}, { kid: 'two' }))), 'ERR_CLIENT_ASSERTION')
  const [head, body] = (await assertion()).split('.')
  await assertNotAuthenticated(stage, post('/token', asserted(`${head}.${body}.${'A'.repeat(86)}`)), 'ERR_CLIENT_ASSERTION')
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`
  await assertNotAuthenticated(stage, post('/token', asserted(unsigned)), 'ERR_CLIENT_ASSERTION')
  await assertNotAuthenticated(stage, post('/token', asserted('x'.repeat(9000))), 'ERR_CLIENT_UNIDENTIFIED')
})

test('an assertion works once, in whichever order parallel requests arrive', async (t) => {
  const stage = await createStage(t)
  const { client, assertion } = await signer(stage)
  const { post } = await run(t, stage, { clients: [client], limit: { perAddress: null } })
  const text = await assertion()
  const answers = await Promise.all(Array.from({ length: 20 }, () => post('/token', asserted(text))))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.equal(answers.filter(({ status }) => status === 401).length, 19)
  assert.equal(lastCode(stage), 'ERR_CLIENT_ASSERTION_REPLAYED')
  await advance(stage, 89)
  await assertNotAuthenticated(stage, post('/token', asserted(text)), 'ERR_CLIENT_ASSERTION_REPLAYED')
})

test('the type of an assertion is the one there is, and comes with an assertion', async (t) => {
  const stage = await createStage(t)
  const { client, assertion } = await signer(stage)
  const { post } = await run(t, stage, { clients: [client] })
  const saml = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }
  await assertNotAuthenticated(stage, post('/token', { ...asserted(await assertion()), ...saml }), 'ERR_CLIENT_UNIDENTIFIED')
  await assertNotAuthenticated(stage, post('/token', { ...GRANT, client_assertion: await assertion() }), 'ERR_CLIENT_UNIDENTIFIED')
  const alone = await post('/token', { ...GRANT, client_id: 'signer', client_assertion_type: JWT_BEARER })
  assert.equal(alone.json['error'], 'invalid_request')
})

test('the keys of a client whose jwks_uri does not answer are unavailable, which is not the client’s failure', async (t) => {
  const stage = await createStage(t)
  const { client, assertion } = await signer(stage)
  const authentication = { method: 'private_key_jwt', keys: { jwksUri: 'http://127.0.0.1:9/jwks' } } as const
  const { post } = await run(t, stage, { clients: [{ ...client, authentication }] })
  const answer = await post('/token', asserted(await assertion()))
  assert.equal(answer.status, 503)
  assert.equal(lastCode(stage), 'ERR_CLIENTS_UNAVAILABLE')
})

function secretClient(stage: Stage, method: 'client_secret_basic' | 'client_secret_post') {
  const hashKey = randomBytes(32)
  const { text, record } = createApiKey({ owner: 'tool', hashKey, clock: stage.mesh.clock })
  const foreign = createApiKey({ owner: 'other', hashKey, clock: stage.mesh.clock })
  const client: OAuthClient = {
    clientId: 'tool',
    authentication: { method },
    grants: ['client_credentials'],
    audiences: [BILLING],
    dangerouslyUnbound: true,
  }
  return { client, secret: text, foreign: foreign.text, apiKeys: { keys: [record, foreign.record], hashKey } }
}

const basic = (name: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(name)}:${encodeURIComponent(secret)}`).toString('base64')}`,
})

test('an API key is the secret of its owner, by Basic or in the body as the client is registered', async (t) => {
  const stage = await createStage(t)
  const { client, secret, foreign, apiKeys } = secretClient(stage, 'client_secret_basic')
  const { post } = await run(t, stage, { clients: [client], apiKeys, limit: { perAddress: null } })
  assert.equal((await post('/token', GRANT, null, basic('tool', secret))).status, 200)
  assert.equal((await post('/token', { ...GRANT, client_id: 'tool' }, null, basic('tool', secret))).status, 200)
  await assertNotAuthenticated(stage, post('/token', GRANT, null, basic('tool', foreign)), 'ERR_CLIENT_SECRET')
  await assertNotAuthenticated(stage, post('/token', GRANT, null, basic('tool', 'wrong')), 'ERR_CLIENT_SECRET')
  await assertNotAuthenticated(stage, post('/token', GRANT, null, basic('other', secret)), 'ERR_CLIENT_UNKNOWN')
  await assertNotAuthenticated(stage, post('/token', { ...GRANT, client_id: 'tool', client_secret: secret }), 'ERR_CLIENT_METHOD_MISMATCH')
  for (const authorization of ['Basic', 'Basic x:y', 'Bearer abc', `Basic ${Buffer.from('tool').toString('base64')}`]) {
    await assertNotAuthenticated(stage, post('/token', GRANT, null, { authorization }), 'ERR_CLIENT_UNIDENTIFIED')
  }
})

test('a secret in the body needs client_id beside it', async (t) => {
  const stage = await createStage(t)
  const { client, secret, apiKeys } = secretClient(stage, 'client_secret_post')
  const { post } = await run(t, stage, { clients: [client], apiKeys })
  assert.equal((await post('/token', { ...GRANT, client_id: 'tool', client_secret: secret })).status, 200)
  await assertNotAuthenticated(stage, post('/token', { ...GRANT, client_secret: secret }), 'ERR_CLIENT_UNIDENTIFIED')
})

test('more than one authentication in a request is an invalid request', async (t) => {
  const stage = await createStage(t)
  const { client, secret, apiKeys } = secretClient(stage, 'client_secret_basic')
  const signing = await signer(stage)
  const { post } = await run(t, stage, { clients: [client, signing.client], apiKeys })
  const text = await signing.assertion()
  const both = [
    [{ ...GRANT, client_id: 'tool', client_secret: secret }, basic('tool', secret)],
    [asserted(text), basic('tool', secret)],
    [asserted(text, { client_id: 'signer', client_secret: 'x' }), {}],
    [{ ...GRANT, client_id: 'signer' }, basic('tool', secret)],
  ] as const
  for (const [form, headers] of both) {
    const answer = await post('/token', form as never, null, headers as never)
    assert.equal(answer.status, 400)
    assert.equal(answer.json['error'], 'invalid_request')
    assert.equal(lastCode(stage), 'ERR_CLIENT_METHODS')
  }
})

test('an unknown client and a wrong credential get the same answer', async (t) => {
  const stage = await createStage(t)
  const { client, secret, apiKeys } = secretClient(stage, 'client_secret_basic')
  const { post } = await run(t, stage, { clients: [client, certificateClient(ORDERS)], apiKeys })
  const strip = ({ status, text, headers }: Awaited<ReturnType<Running['post']>>) => ({ status, text, ...headers, date: null })
  const answers = [
    await post('/token', GRANT, null, basic('tool', 'wrong')),
    await post('/token', GRANT, null, basic('nobody', secret)),
    await post('/token', { ...GRANT, client_id: 'nobody' }, stage.orders),
    await post('/token', { ...GRANT, client_id: ORDERS }, stage.billing),
  ].map(strip)
  for (const answer of answers) assert.deepEqual(answer, answers[0])
})

test('failures use up the budget of their address, and then nothing is verified; a proven peer is not kept out by them', async (t) => {
  const stage = await createStage(t)
  const signing = await signer(stage)
  const limit = { perAddress: { quota: 3, windowSeconds: 60 } }
  const { post } = await run(t, stage, { clients: [signing.client, certificateClient(ORDERS)], limit })
  // Known on its connection's certificate before the flood.
  assert.equal((await post('/token', { ...GRANT, client_id: ORDERS }, stage.orders)).status, 200)
  for (let count = 0; count < 3; count++) {
    await assertNotAuthenticated(stage, post('/token', asserted(await signing.assertion({ aud: 'x' }))), 'ERR_CLIENT_ASSERTION')
  }
  const refused = await post('/token', asserted(await signing.assertion()))
  assert.equal(refused.status, 429)
  assert.equal(refused.headers['retry-after'], '20')
  assert.equal(lastCode(stage), 'ERR_ATTEMPTS_EXCEEDED')
  assert.equal((await post('/token', { ...GRANT, client_id: ORDERS }, stage.orders)).status, 200)
  await advance(stage, 20)
  assert.equal((await post('/token', asserted(await signing.assertion()))).status, 200)
})

test('clients of a directory are checked like those of a list; one that does not answer is unavailable', async (t) => {
  const stage = await createStage(t)
  let found: OAuthClient | null | Error = certificateClient(ORDERS)
  const find = async () => {
    if (found instanceof Error) throw found
    return found
  }
  const { post } = await run(t, stage, { clients: { find } })
  const call = () => post('/token', { ...GRANT, client_id: ORDERS }, stage.orders)
  assert.equal((await call()).status, 200)
  found = null
  await assertNotAuthenticated(stage, call(), 'ERR_CLIENT_UNKNOWN')
  for (const wrong of [new Error('down'), { ...certificateClient(ORDERS), grants: [] }, certificateClient(BILLING)]) {
    found = wrong
    const answer = await call()
    assert.equal(answer.status, 503)
    assert.equal(answer.json['error'], 'temporarily_unavailable')
    assert.equal(lastCode(stage), 'ERR_CLIENTS_UNAVAILABLE')
  }
})

test('no secret and no assertion is written down', async (t: TestContext) => {
  const stage = await createStage(t)
  const { client, secret, apiKeys } = secretClient(stage, 'client_secret_basic')
  const signing = await signer(stage)
  const { post } = await run(t, stage, { clients: [client, signing.client], apiKeys })
  const text = await signing.assertion({ aud: 'x' })
  await post('/token', GRANT, null, basic('made-up-client', secret))
  await post('/token', asserted(text))
  const written = JSON.stringify(stage.recorder.events)
  for (const hidden of [secret, text, 'made-up-client']) assert.equal(written.includes(hidden), false)
})
