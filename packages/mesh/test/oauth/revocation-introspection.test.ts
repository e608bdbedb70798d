import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { OAuthClient } from '@countersign/mesh'
import { decodeToken } from '@countersign/token'
import { type Answer, advance, certificateClient, createStage, ISSUER, lastCode, run } from './stage.js'

const ORDERS = 'spiffe://prod.example/orders'
const BILLING = 'spiffe://prod.example/billing'
const LEDGER = 'spiffe://prod.example/ledger'

async function start(t: TestContext, changes: Partial<OAuthClient> = {}) {
  const stage = await createStage(t)
  const clients = [
    certificateClient(ORDERS, {
      scopes: ['read'],
      defaultScopes: ['read'],
      introspection: 'own',
      refresh: { windowSeconds: 3600 },
      ...changes,
    }),
    certificateClient(BILLING, { introspection: 'own' }),
    certificateClient(LEDGER, { introspection: 'own' }),
    certificateClient('auditor', {
      introspection: 'any',
      authentication: { method: 'tls_client_auth', sanUri: 'spiffe://prod.example/auditor' },
    }),
  ]
  const running = await run(t, stage, { clients })
  const { post } = running
  const issue = (): Promise<Answer> => post('/token', { grant_type: 'client_credentials', client_id: ORDERS }, stage.orders)
  const workloads = {
    [ORDERS]: stage.orders,
    [BILLING]: stage.billing,
    [LEDGER]: stage.mesh.workload('/ledger'),
    auditor: stage.mesh.workload('/auditor'),
  }
  const ask = (path: string, client_id: keyof typeof workloads, token: unknown, others: object = {}): Promise<Answer> =>
    post(path, { client_id: String(client_id), token: String(token), ...others }, workloads[client_id])
  return { stage, issue, ask, ...running }
}

const isRevoked = ({ core, mesh }: Awaited<ReturnType<typeof start>>['stage'], answer: Answer): boolean =>
  core.revocations.has('token', String(decodeToken(String(answer.json['access_token'])).claims['jti']), mesh.clock.nowMs())

test('a client revokes its token, and no other of its tokens with it', async (t) => {
  const { stage, issue, ask } = await start(t)
  const [one, two] = [await issue(), await issue()]
  const answer = await ask('/revoke', ORDERS, one.json['access_token'], { token_type_hint: 'access_token' })
  assert.equal(answer.status, 200)
  assert.equal(answer.text, '')
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(isRevoked(stage, one), true)
  assert.equal(isRevoked(stage, two), false)
  assert.equal((await ask('/introspect', ORDERS, one.json['access_token'])).json['active'], false)
  assert.equal((await ask('/introspect', ORDERS, two.json['access_token'])).json['active'], true)
  const events = stage.events
  assert.equal(events.filter(({ topic }) => topic === 'auth.token.revoked').length, 1)
  assert.equal(
    events.some(({ payload }) => payload.includes(String(one.json['access_token']))),
    false,
  )
})

test('what is revoked stays so until its end, the skew and the margin have passed', async (t) => {
  const { stage, issue, ask } = await start(t)
  const one = await issue()
  await ask('/revoke', ORDERS, one.json['access_token'])
  await advance(stage, 3600 + 30 + 60 - 1)
  assert.equal(isRevoked(stage, one), true)
})

test('a refresh token is revoked with its family and its access tokens', async (t) => {
  const { stage, issue, ask, post } = await start(t)
  const one = await issue()
  for (const _ of [1, 2])
    assert.equal((await ask('/revoke', ORDERS, one.json['refresh_token'], { token_type_hint: 'refresh_token' })).status, 200)
  assert.equal(isRevoked(stage, one), true)
  const refreshed = await post(
    '/token',
    { grant_type: 'refresh_token', client_id: ORDERS, refresh_token: String(one.json['refresh_token']) },
    stage.orders,
  )
  assert.equal(refreshed.json['error'], 'invalid_grant')
})

test('a token of another client is not revoked, and its client is told so', async (t) => {
  const { stage, issue, ask } = await start(t)
  const one = await issue()
  for (const token of [one.json['access_token'], one.json['refresh_token']]) {
    const answer = await ask('/revoke', BILLING, token)
    assert.equal(answer.status, 400)
    assert.equal(answer.json['error'], 'invalid_grant')
    assert.equal(lastCode(stage), 'ERR_REVOKE_FOREIGN')
  }
  assert.equal(isRevoked(stage, one), false)
})

test('revoking what is no token, or none that is alive, succeeds; a hint that is wrong does no harm', async (t) => {
  const { stage, issue, ask } = await start(t)
  const one = await issue()
  for (const token of ['x', 'a.b.c', `${'A'.repeat(22)}.${'A'.repeat(43)}`]) assert.equal((await ask('/revoke', ORDERS, token)).status, 200)
  assert.equal((await ask('/revoke', ORDERS, one.json['access_token'], { token_type_hint: 'made-up' })).status, 200)
  assert.equal(isRevoked(stage, one), true)
  assert.equal((await ask('/revoke', ORDERS, one.json['access_token'])).status, 200, 'again')
  assert.equal((await ask('/revoke', ORDERS, '')).json['error'], 'invalid_request')
})

test('introspection tells the holder of a permission what a token says, and of what it is bound to', async (t) => {
  const { stage, issue, ask } = await start(t)
  const one = await issue()
  const { claims } = decodeToken(String(one.json['access_token']))
  for (const client of [ORDERS, BILLING, 'auditor'] as const) {
    const { json, status } = await ask('/introspect', client, one.json['access_token'], { token_type_hint: 'refresh_token' })
    assert.equal(status, 200)
    assert.deepEqual(json, JSON.parse(JSON.stringify({ active: true, token_type: 'Bearer', ...claims })), client)
    assert.deepEqual(json['cnf'], { 'x5t#S256': stage.orders['x5t#S256'] })
  }
})

test('anything else is inactive, and nothing more is said', async (t) => {
  const { stage, issue, ask } = await start(t)
  const one = await issue()
  const inactive = async (client: 'auditor' | typeof LEDGER | typeof ORDERS, token: unknown) => {
    const answer = await ask('/introspect', client, token)
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.json, { active: false })
  }
  await inactive(LEDGER, one.json['access_token'])
  await inactive('auditor', one.json['refresh_token'])
  await inactive('auditor', 'x')
  await inactive('auditor', stage.mesh.token({ audience: BILLING }))
  await inactive(
    'auditor',
    await stage.core.keys.sign('session-propagation+jwt', { iss: ISSUER, sub: 'a', client_id: 'b', iat: 0, exp: 9e9, jti: 'j' }),
  )
  await stage.core.revocations.revoke([
    {
      kind: 'service',
      id: ORDERS,
      issuedBeforeMs: stage.mesh.clock.nowMs() + 1,
      untilMs: 9e15,
      revokedAtMs: stage.mesh.clock.nowMs(),
      reason: 'test',
    },
  ])
  await inactive('auditor', one.json['access_token'])
  await advance(stage, 3631)
})

test('its client alone may ask about a refresh token', async (t) => {
  const { issue, ask } = await start(t)
  const one = await issue()
  const { json } = await ask('/introspect', ORDERS, one.json['refresh_token'])
  assert.equal(json['active'], true)
  assert.equal(json['client_id'], ORDERS)
  assert.equal(json['scope'], 'read')
})

test('introspection needs a client that has proven who it is, and one that may ask', async (t) => {
  const { stage, issue, post, ask } = await start(t, { introspection: null })
  const one = await issue()
  const token = String(one.json['access_token'])
  assert.equal((await post('/introspect', { client_id: BILLING, token }, stage.orders)).status, 401)
  const answer = await ask('/introspect', ORDERS, token)
  assert.equal(answer.status, 400)
  assert.equal(answer.json['error'], 'unauthorized_client')
})

test('where revocations are not known, nobody is told that a token is alive', async (t) => {
  const { stage, issue, ask } = await start(t)
  const one = await issue()
  await stage.core.revocations.close()
  stage.mesh.clock.advanceSeconds(2)
  for (const path of ['/introspect', '/revoke']) {
    const answer = await ask(path, ORDERS, one.json['access_token'])
    assert.equal(answer.status, 503)
    assert.equal(lastCode(stage), 'ERR_STATE_UNAVAILABLE')
  }
})
