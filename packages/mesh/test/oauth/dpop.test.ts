import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { AuthorizationServerOptions, OAuthClient } from '@countersign/mesh'
import { decodeToken } from '@countersign/token'
import { advance, certificateClient, createHolder, createStage, ISSUER, lastCode, run } from './stage.js'

const ORDERS = 'spiffe://prod.example/orders'
const BILLING = 'spiffe://prod.example/billing'
const GRANT = { grant_type: 'client_credentials', client_id: ORDERS }

async function start(t: TestContext, client: Partial<OAuthClient> = {}, options: Partial<AuthorizationServerOptions> = {}) {
  const stage = await createStage(t)
  const running = await run(t, stage, {
    clients: [certificateClient(ORDERS, client), certificateClient(BILLING, { introspection: 'any' })],
    ...options,
  })
  return { stage, holder: createHolder(stage), ...running }
}

const confirmationOf = (json: Record<string, unknown>) => ({ ...(decodeToken(String(json['access_token'])).claims['cnf'] as object) })

test('a token that is asked for with a proof is bound to its key, beside the certificate or alone', async (t) => {
  const both = await start(t)
  const first = await both.post('/token', GRANT, both.stage.orders, both.holder.proof())
  assert.equal(first.status, 200, first.text)
  assert.equal(first.json['token_type'], 'DPoP')
  assert.deepEqual(confirmationOf(first.json), { 'x5t#S256': both.stage.orders['x5t#S256'], jkt: both.holder.jkt })
  const alone = await start(t, { senderConstrained: 'dpop' })
  const second = await alone.post('/token', GRANT, alone.stage.orders, alone.holder.proof())
  assert.deepEqual(confirmationOf(second.json), { jkt: alone.holder.jkt })
  assert.equal((await alone.post('/token', GRANT, alone.stage.orders)).json['error'], 'invalid_request')
  assert.equal(lastCode(alone.stage), 'ERR_GRANT_UNBOUND')
})

test('a proof that was not made for this request, now, is refused', async (t) => {
  const { stage, holder, post } = await start(t)
  const now = Math.floor(stage.mesh.clock.nowMs() / 1000)
  const wrong = [
    holder.proof({ htm: 'GET' }),
    holder.proof({ htu: `${ISSUER}/revoke` }),
    holder.proof({ htu: 'https://localhost/token' }),
    holder.proof({ iat: now - 61 }),
    holder.proof({ iat: now + 6 }),
    holder.proof({ jti: undefined }),
    holder.proof({}, { typ: 'JWT' }),
    holder.proof({}, { alg: 'none' }),
    holder.proof({}, { jwk: undefined }),
    { dpop: `${holder.proof().dpop.slice(0, -4)}AAAA` },
    { dpop: 'x' },
  ]
  for (const [index, headers] of wrong.entries()) {
    const answer = await post('/token', GRANT, stage.orders, headers)
    assert.equal(answer.status, 400, String(index))
    assert.equal(answer.json['error'], 'invalid_dpop_proof', String(index))
    assert.equal(lastCode(stage), 'ERR_GRANT_PROOF')
  }
})

test('a proof works once', async (t) => {
  const { stage, holder, post } = await start(t)
  const proof = holder.proof()
  const answers = await Promise.all(Array.from({ length: 10 }, () => post('/token', GRANT, stage.orders, proof)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.equal(answers.filter(({ json }) => json['error'] === 'invalid_dpop_proof').length, 9)
})

test('where a nonce is demanded, a proof without it is told one, and a proof with it gets a token', async (t) => {
  const { stage, holder, post } = await start(t, {}, { dpop: { nonce: {} } })
  const asked = await post('/token', GRANT, stage.orders, holder.proof())
  assert.equal(asked.status, 400)
  assert.equal(asked.json['error'], 'use_dpop_nonce')
  assert.equal(asked.headers['cache-control'], 'no-store')
  assert.equal(lastCode(stage), 'ERR_GRANT_NONCE')
  const nonce = String(asked.headers['dpop-nonce'])
  assert.equal((await post('/token', GRANT, stage.orders, holder.proof({ nonce }))).status, 200)
  assert.equal((await post('/token', GRANT, stage.orders, holder.proof({ nonce: 'x' }))).json['error'], 'use_dpop_nonce')
})

test('a refresh token needs a proof of the key that it was given for', async (t) => {
  const { stage, holder, post } = await start(t, { refresh: { windowSeconds: 3600 }, senderConstrained: 'dpop' })
  const first = await post('/token', GRANT, stage.orders, holder.proof())
  await advance(stage, 10)
  const form = { grant_type: 'refresh_token', client_id: ORDERS, refresh_token: String(first.json['refresh_token']) }
  const other = await post('/token', form, stage.orders, createHolder(stage).proof())
  assert.equal(other.json['error'], 'invalid_grant')
  assert.equal(lastCode(stage), 'ERR_REFRESH_BINDING')
  assert.equal((await post('/token', form, stage.orders, holder.proof())).json['token_type'], 'DPoP')
})

test('introspection and revocation know a token that is bound to a key', async (t) => {
  const { stage, holder, post } = await start(t)
  const token = String((await post('/token', GRANT, stage.orders, holder.proof())).json['access_token'])
  const ask = () => post('/introspect', { client_id: BILLING, token }, stage.billing)
  const described = await ask()
  assert.equal(described.json['token_type'], 'DPoP')
  assert.equal((described.json['cnf'] as Record<string, unknown>)['jkt'], holder.jkt)
  assert.equal((await post('/revoke', { client_id: ORDERS, token }, stage.orders)).status, 200)
  assert.deepEqual((await ask()).json, { active: false })
})

test('the metadata names the algorithms of proofs', async (t) => {
  const { server } = await start(t)
  const { dpop_signing_alg_values_supported: names } = server.metadata() as { readonly dpop_signing_alg_values_supported: string[] }
  assert.equal(names.includes('ES256'), true)
  assert.equal(
    names.some((name) => name.startsWith('HS') || name === 'none'),
    false,
  )
})
