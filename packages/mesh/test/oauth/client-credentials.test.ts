import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { StateError } from '@countersign/core'
import { parseMeshEvent } from '@countersign/mesh'
import { createMemoryStateStore } from '@countersign/state'
import { createApiKey, decodeToken } from '@countersign/token'
import { peerOf } from '../fixture.js'
import { certificateClient, createStage, ISSUER, lastCode, run } from './stage.js'

const ORDERS = 'spiffe://prod.example/orders'
const BILLING = 'spiffe://prod.example/billing'
const GRANT = { grant_type: 'client_credentials', client_id: ORDERS }

function claimsOf(answer: { readonly json: Record<string, unknown> }): Readonly<Record<string, unknown>> {
  return decodeToken(String(answer.json['access_token'])).claims
}

test('a client that its certificate proves gets a token bound to that certificate', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS, { scopes: ['read', 'write'], defaultScopes: ['read'] })] })
  const answer = await post('/token', GRANT, stage.orders)
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(answer.headers['content-type'], 'application/json')
  assert.equal(answer.json['token_type'], 'Bearer')
  assert.equal(answer.json['scope'], 'read')
  assert.equal(answer.json['expires_in'], 3600)
  assert.equal(answer.json['refresh_token'], undefined)
  const { header, claims } = decodeToken(String(answer.json['access_token']))
  assert.equal(header['typ'], 'at+jwt')
  assert.equal(header['kid'], stage.core.keys.kid)
  const nowSeconds = stage.mesh.clock.nowMs() / 1000
  const { jti, cnf, ...others } = claims
  assert.match(String(jti), /^[\w-]{22}$/)
  assert.deepEqual({ ...(cnf as object) }, { 'x5t#S256': stage.orders['x5t#S256'] })
  const times = { iat: nowSeconds, nbf: nowSeconds, exp: nowSeconds + 3600 }
  assert.deepEqual(others, { iss: ISSUER, sub: ORDERS, client_id: ORDERS, aud: BILLING, scope: 'read', ...times })
})

test('nothing of what the request says gets into the token beside scope and audience', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  const answer = await post('/token', { ...GRANT, role: 'admin', sub: 'root', claims: '{"role":"admin"}' }, stage.orders)
  const claims = claimsOf(answer)
  assert.equal(claims['role'], undefined)
  assert.equal(claims['sub'], ORDERS)
})

test('the state of a token is kept until its end, the skew and the margin, under its own id', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  const one = claimsOf(await post('/token', GRANT, stage.orders))
  const two = claimsOf(await post('/token', GRANT, stage.orders))
  assert.notEqual(one['jti'], two['jti'])
  const keyOf = (claims: Readonly<Record<string, unknown>>) => `token:22:${claims['jti']}`
  const records = await stage.store.read([keyOf(one), keyOf(two)])
  assert.equal(JSON.parse(records[0]?.value ?? '{}').sub, ORDERS)
  assert.equal(records.includes(null), false)
  stage.mesh.clock.advanceSeconds(3600 + 30 + 60 - 1)
  assert.notEqual((await stage.store.read([keyOf(one)]))[0], null)
  stage.mesh.clock.advanceSeconds(2)
  assert.equal((await stage.store.read([keyOf(one)]))[0], null)
})

test('the event of a token is committed with it, and holds no token', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  const answer = await post('/token', GRANT, stage.orders)
  const events = stage.events
  const [event] = events.filter(({ topic }) => topic === 'auth.service.authenticated')
  assert.equal(parseMeshEvent(event?.payload ?? '')?.tokenId, claimsOf(answer)['jti'])
  assert.equal(event?.payload.includes(String(answer.json['access_token'])), false)
})

test('a scope that the client may not have is refused, and fewer may be asked for', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, {
    clients: [certificateClient(ORDERS, { scopes: ['read', 'write'], defaultScopes: ['read', 'write'] })],
  })
  const narrowed = await post('/token', { ...GRANT, scope: 'write write' }, stage.orders)
  assert.equal(narrowed.json['scope'], 'write')
  for (const scope of ['admin', 'read admin', 'read  write', ' read', 'read"', 'read\nwrite']) {
    const refused = await post('/token', { ...GRANT, scope }, stage.orders)
    assert.equal(refused.json['error'], 'invalid_scope', JSON.stringify(scope))
    assert.equal(refused.status, 400)
    assert.equal(lastCode(stage), 'ERR_GRANT_SCOPE')
  }
})

test('a token is for the targets that the client may have tokens for, and for no others', async (t) => {
  const stage = await createStage(t)
  const audiences = [BILLING, 'https://api.example/v1', { under: 'spiffe://prod.example/shop' }] as const
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS, { audiences })] })
  const two = await post('/token', { ...GRANT, resource: ['https://api.example/v1'], audience: [BILLING, BILLING] }, stage.orders)
  assert.deepEqual(claimsOf(two)['aud'], ['https://api.example/v1', BILLING])
  const below = await post('/token', { ...GRANT, audience: 'spiffe://prod.example/shop/cart' }, stage.orders)
  assert.equal(claimsOf(below)['aud'], 'spiffe://prod.example/shop/cart')
  const refusals = [
    { audience: 'spiffe://prod.example/ledger' },
    { audience: [BILLING, 'spiffe://prod.example/ledger'] },
    { resource: 'api.example' },
    { resource: 'https://api.example/v1#part' },
    {},
    { audience: Array.from({ length: 9 }, (_, index) => `spiffe://prod.example/shop/${index}`) },
  ]
  for (const wanted of refusals) {
    const refused = await post('/token', { ...GRANT, ...(wanted as object) }, stage.orders)
    assert.equal(refused.json['error'], 'invalid_target', JSON.stringify(wanted))
    assert.equal(lastCode(stage), 'ERR_GRANT_TARGET')
  }
})

test('a client without a certificate or a proof gets no token, unless its options say that it may be unbound', async (t) => {
  const stage = await createStage(t)
  const secret = { method: 'client_secret_post' } as const
  const hashKey = randomBytes(32)
  const { text, record } = createApiKey({ owner: 'tool', hashKey, clock: stage.mesh.clock })
  const apiKeys = { keys: [record], hashKey }
  const client = { clientId: 'tool', authentication: secret, grants: ['client_credentials'], audiences: [BILLING] } as const
  const form = { grant_type: 'client_credentials', client_id: 'tool', client_secret: text }
  const bound = await run(t, stage, { clients: [client], apiKeys })
  const refused = await bound.post('/token', form)
  assert.equal(refused.json['error'], 'invalid_request')
  assert.equal(lastCode(stage), 'ERR_GRANT_UNBOUND')
  const withCertificate = await bound.post('/token', form, stage.orders)
  assert.deepEqual({ ...(claimsOf(withCertificate)['cnf'] as object) }, { 'x5t#S256': stage.orders['x5t#S256'] })
  const unbound = await run(t, stage, { clients: [{ ...client, dangerouslyUnbound: true }], apiKeys })
  assert.equal(claimsOf(await unbound.post('/token', form))['cnf'], undefined)
  const keyed = await run(t, stage, { clients: [{ ...client, senderConstrained: 'dpop' }], apiKeys })
  assert.equal((await keyed.post('/token', form, stage.orders)).json['error'], 'invalid_request')
})

test('a lifetime above the maximum is refused when the server is made', async (t) => {
  const stage = await createStage(t, { token: { expiresInSeconds: 600, maxExpiresInSeconds: 600 } })
  const make = (seconds: number) => run(t, stage, { clients: [certificateClient(ORDERS, { tokenSeconds: seconds })] })
  await assert.rejects(make(601), { code: 'ERR_OPTION_INVALID', option: 'clients[0].tokenSeconds' })
  const { post } = await make(300)
  const claims = claimsOf(await post('/token', GRANT, stage.orders))
  assert.equal(Number(claims['exp']) - Number(claims['iat']), 300)
})

test('a service whose tokens were revoked gets one that is not, and one that is revoked for good gets none', async (t) => {
  const stage = await createStage(t)
  const { clock } = stage.mesh
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  clock.advanceSeconds(0.4)
  const entry = { kind: 'service', id: ORDERS, untilMs: clock.nowMs() + 4e6, revokedAtMs: clock.nowMs(), reason: 'test' } as const
  await stage.core.revocations.revoke([{ ...entry, issuedBeforeMs: clock.nowMs() }])
  const anew = claimsOf(await post('/token', GRANT, stage.orders))
  assert.equal(Number(anew['iat']), Math.floor(clock.nowMs() / 1000) + 1)
  assert.equal(Number(anew['nbf']), Math.floor(clock.nowMs() / 1000))
  assert.equal(stage.core.revocations.has('service', ORDERS, Number(anew['iat']) * 1000), false)
  await stage.core.revocations.revoke([{ ...entry, issuedBeforeMs: Number.POSITIVE_INFINITY }])
  const refused = await post('/token', GRANT, stage.orders)
  assert.equal(refused.json['error'], 'invalid_client')
  assert.equal(lastCode(stage), 'ERR_CLIENT_REVOKED')
})

test('without its state the server issues nothing, and says that it may be asked again', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  await stage.store.close()
  const refused = await post('/token', GRANT, stage.orders)
  assert.equal(refused.status, 503)
  assert.equal(refused.json['error'], 'temporarily_unavailable')
  assert.match(String(refused.headers['retry-after']), /^\d+$/)
  assert.equal(lastCode(stage), 'ERR_STATE_UNAVAILABLE')
})

test('a grant that the client may not use, or that there is not, is refused', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS, { grants: ['token_exchange'] })] })
  assert.equal((await post('/token', GRANT, stage.orders)).json['error'], 'unauthorized_client')
  assert.equal(lastCode(stage), 'ERR_GRANT_NOT_ALLOWED')
  assert.equal(
    (await post('/token', { ...GRANT, grant_type: 'refresh_token', refresh_token: 'x' }, stage.orders)).json['error'],
    'unauthorized_client',
  )
  assert.equal((await post('/token', { ...GRANT, grant_type: 'password' }, stage.orders)).json['error'], 'unsupported_grant_type')
  assert.equal(lastCode(stage), 'ERR_GRANT_UNSUPPORTED')
  assert.equal((await post('/token', { client_id: ORDERS }, stage.orders)).json['error'], 'invalid_request')
})

test('requests are counted by grant and by what became of them, and written down without a token', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  const answer = await post('/token', GRANT, stage.orders)
  await post('/token', { ...GRANT, scope: 'secret-scope' }, stage.orders)
  await post('/token', { ...GRANT, grant_type: 'made-up-grant' }, stage.orders)
  const { meter, recorder } = stage
  assert.equal(meter.total('token_requests_total', { grant: 'client_credentials', status: 'ok' }), 1)
  assert.equal(meter.total('token_requests_total', { grant: 'client_credentials', status: 'invalid_scope' }), 1)
  assert.equal(meter.total('token_requests_total', { grant: 'unknown', status: 'unsupported_grant_type' }), 1)
  assert.equal(recorder.of('token.issued').length, 1)
  const written = JSON.stringify(recorder.events)
  for (const text of [String(answer.json['access_token']), 'secret-scope', 'made-up-grant'])
    assert.equal(written.includes(text), false, text)
})

test('a token counts once, and is written down alike, whether it was got by hand or at the token endpoint', async (t) => {
  const stage = await createStage(t)
  const { authMesh, meter, recorder, orders } = stage
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  const peer = peerOf(ORDERS, { thumbprint: orders['x5t#S256'] })
  const byHand = (service = ORDERS) => authMesh.authenticateService({ service, peer, audience: BILLING })
  let seen = 0
  function kinds(): readonly string[] {
    const from = seen
    seen = recorder.events.length
    return recorder.events.slice(from).flatMap(({ kind }) => (kind === 'peer.first-seen' ? [] : [kind]))
  }
  const totals = () => [meter.total('service_authentications'), meter.total('service_authentication_failed_total')]
  kinds()

  assert.equal((await byHand()).status, 'AUTHENTICATED')
  assert.deepEqual(
    [kinds(), totals()],
    [
      ['service.authenticated', 'token.issued'],
      [1, 0],
    ],
  )
  const answer = await post('/token', GRANT, orders)
  assert.deepEqual(
    [kinds(), totals()],
    [
      ['service.authenticated', 'token.issued'],
      [2, 0],
    ],
  )

  await byHand(BILLING)
  assert.deepEqual([kinds(), totals()], [['service.authentication-failed'], [2, 1]])
  await post('/token', GRANT, stage.billing)
  assert.deepEqual([kinds(), totals()], [['service.authentication-failed'], [2, 2]])
  assert.equal(meter.total('service_authentication_failed_total', { reason: 'ERR_SERVICE_MISMATCH' }), 1)
  assert.equal(meter.total('service_authentication_failed_total', { reason: 'ERR_CLIENT_CERTIFICATE' }), 1)
  assert.equal(meter.values('service_auth_latency_seconds', { operation: 'authenticate' }).length, 4)
  // What a guard counts of requests is another thing.
  assert.equal(meter.total('service_auth_successful_total') + meter.total('service_auth_failed_total'), 0)

  for (const token of [answer.json['access_token'], answer.json['access_token'], 'none'])
    assert.equal((await post('/revoke', { client_id: ORDERS, token: String(token) }, orders)).status, 200)
  assert.deepEqual(kinds(), ['evidence.revoked'])
  assert.equal(meter.total('auth_revocations_total', { kind: 'token' }), 1)
})

test('a store that does not answer once is asked again, whoever asks for the token', async (t) => {
  let failures = 0
  const stage = await createStage(t, {
    store(clock) {
      const inner = createMemoryStateStore({ clock })
      return {
        ...inner,
        async commit(change) {
          const isToken = change.put?.some(({ key }) => key.startsWith('token:')) === true
          if (isToken && failures-- > 0) throw new StateError('unreachable', 'down')
          return inner.commit(change)
        },
      }
    },
  })
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  const peer = peerOf(ORDERS, { thumbprint: stage.orders['x5t#S256'] })
  const byHand = () => stage.authMesh.authenticateService({ service: ORDERS, peer, audience: BILLING })
  failures = 2
  assert.equal((await byHand()).status, 'AUTHENTICATED')
  failures = 2
  assert.equal((await post('/token', GRANT, stage.orders)).status, 200)
  failures = 3
  const refused = await byHand()
  assert.equal(refused.status === 'AUTHENTICATED' ? 'got one' : refused.code, 'ERR_STATE_UNAVAILABLE')
  failures = 3
  assert.equal((await post('/token', GRANT, stage.orders)).status, 503)
  assert.equal(lastCode(stage), 'ERR_STATE_UNAVAILABLE')
})

test('one client can use up its own quota alone', async (t) => {
  const stage = await createStage(t)
  const clients = [certificateClient(ORDERS), certificateClient(BILLING)]
  const { post } = await run(t, stage, { clients, limit: { perClient: { quota: 2, windowSeconds: 10 } } })
  for (let count = 0; count < 2; count++) assert.equal((await post('/token', GRANT, stage.orders)).status, 200)
  const refused = await post('/token', GRANT, stage.orders)
  assert.equal(refused.status, 429)
  assert.equal(refused.headers['retry-after'], '5')
  assert.equal(lastCode(stage), 'ERR_QUOTA_EXCEEDED')
  assert.equal((await post('/token', { ...GRANT, client_id: BILLING }, stage.billing)).status, 200)
})

test('the mesh knows of a token that a service got here: its status, and a revocation reaches it whatever the clocks say', async (t) => {
  const stage = await createStage(t)
  const { authMesh, orders } = stage
  assert.equal(await authMesh.status(ORDERS), 'UNAUTHORIZED')
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  const first = String((await post('/token', GRANT, orders)).json['access_token'])
  assert.equal(await authMesh.status(ORDERS), 'AUTHENTICATED')
  const judge = async (token: string) => {
    const { status } = await authMesh.validateServiceToken(token, {
      audience: BILLING,
      peer: peerOf(ORDERS, { thumbprint: orders['x5t#S256'] }),
    })
    return status
  }
  assert.equal(await judge(first), 'AUTHENTICATED')
  // Twice in one second, with a token in between: it begins in the next second, and must not outlive the second revocation.
  await authMesh.revoke({ service: ORDERS }, { reason: 'key-compromise' })
  const second = String((await post('/token', GRANT, orders)).json['access_token'])
  assert.equal(await judge(first), 'REVOKED')
  assert.equal(await judge(second), 'AUTHENTICATED')
  await authMesh.revoke({ service: ORDERS }, { reason: 'key-compromise' })
  assert.equal(await judge(second), 'REVOKED')
  assert.equal(await authMesh.status(ORDERS), 'REVOKED')
  const third = String((await post('/token', GRANT, orders)).json['access_token'])
  assert.equal(await judge(third), 'AUTHENTICATED')
})

test('many requests of one service at once all get a token, each of its own', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  const answers = await Promise.all(Array.from({ length: 50 }, () => post('/token', GRANT, stage.orders)))
  assert.equal(new Set(answers.map((answer) => claimsOf(answer)['jti'])).size, 50)
})
