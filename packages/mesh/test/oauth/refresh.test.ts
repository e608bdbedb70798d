import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RefreshOptions } from '@countersign/mesh'
import type { Workload } from '@countersign/testing'
import { decodeToken } from '@countersign/token'
import { type Answer, advance, certificateClient, createStage, lastCode, run } from './stage.js'

const ORDERS = 'spiffe://prod.example/orders'
const BILLING = 'spiffe://prod.example/billing'
const LEDGER = 'spiffe://prod.example/ledger'

async function start(t: TestContext, refresh: RefreshOptions = {}) {
  const stage = await createStage(t)
  const changes = { refresh, tokenSeconds: 600, scopes: ['read', 'write'], audiences: [BILLING, LEDGER] }
  const clients = [certificateClient(ORDERS, changes), certificateClient(BILLING, changes), certificateClient(LEDGER)]
  const running = await run(t, stage, { clients })
  const orders = stage.mesh.workload('/orders', { validSeconds: 36_000 })
  const grant = { grant_type: 'client_credentials', client_id: ORDERS, audience: [BILLING, LEDGER], scope: 'read write' }
  const first = await running.post('/token', grant, orders)
  assert.equal(first.status, 200, first.text)
  const refreshAs = (as: Workload, client_id: string, token: unknown, form: object = {}): Promise<Answer> =>
    running.post('/token', { grant_type: 'refresh_token', client_id, refresh_token: String(token), ...form }, as)
  const refreshWith = (token: unknown, form: object = {}) => refreshAs(orders, ORDERS, token, form)
  return { stage, orders, first, refreshAs, refreshWith, ...running }
}

const tokenIdOf = (answer: Answer): string => String(decodeToken(String(answer.json['access_token'])).claims['jti'])

function assertRefused(answer: Answer, code: string, written: string | undefined): void {
  assert.equal(written, code)
  assert.equal(answer.status, 400)
  assert.deepEqual(answer.json, { error: 'invalid_grant', error_description: 'The refresh token is not accepted' })
}

test('a refresh token works within its window: not before, not after, and stays what it was', async (t) => {
  const { stage, first, refreshWith } = await start(t, { windowSeconds: 120 })
  const token = first.json['refresh_token']
  assertRefused(await refreshWith(token), 'ERR_REFRESH_TOO_EARLY', lastCode(stage))
  await advance(stage, 479)
  assertRefused(await refreshWith(token), 'ERR_REFRESH_TOO_EARLY', lastCode(stage))
  await advance(stage, 1)
  const answer = await refreshWith(token)
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.json['scope'], 'read write')
  assert.notEqual(answer.json['refresh_token'], token)
  await advance(stage, 600 + 30)
  assertRefused(await refreshWith(answer.json['refresh_token']), 'ERR_REFRESH_EXPIRED', lastCode(stage))
})

test('a grant is refreshed three times, and not a fourth', async (t) => {
  const { stage, first, refreshWith } = await start(t)
  let token = first.json['refresh_token']
  for (let count = 0; count < 3; count++) {
    await advance(stage, 400)
    const answer = await refreshWith(token)
    assert.equal(answer.status, 200, `${count}: ${answer.text}`)
    token = answer.json['refresh_token']
  }
  await advance(stage, 400)
  assertRefused(await refreshWith(token), 'ERR_REFRESH_EXHAUSTED', lastCode(stage))
})

test('a spent refresh token that is used again takes its family with it, access tokens too', async (t) => {
  const { stage, first, refreshWith } = await start(t)
  await advance(stage, 400)
  const second = await refreshWith(first.json['refresh_token'])
  assert.equal(second.status, 200)
  assertRefused(await refreshWith(first.json['refresh_token']), 'ERR_REFRESH_REUSED', lastCode(stage))
  const issuedMs = stage.mesh.clock.nowMs()
  for (const answer of [first, second]) assert.equal(stage.core.revocations.has('token', tokenIdOf(answer), issuedMs), true)
  await advance(stage, 400)
  assertRefused(await refreshWith(second.json['refresh_token']), 'ERR_REFRESH_INVALID', lastCode(stage))
  const topics = stage.events.map(({ topic }) => topic)
  assert.equal(topics.includes('auth.token.revoked'), true)
})

test('of a hundred that use a refresh token at once exactly one gets a token, and the family ends', async (t) => {
  const { stage, first, refreshWith } = await start(t)
  await advance(stage, 400)
  const answers = await Promise.all(Array.from({ length: 100 }, () => refreshWith(first.json['refresh_token'])))
  const won = answers.filter(({ status }) => status === 200)
  assert.equal(won.length, 1)
  for (const answer of won) assert.equal(stage.core.revocations.has('token', tokenIdOf(answer), stage.mesh.clock.nowMs()), true)
  assert.equal(answers.filter(({ json }) => json['error'] === 'invalid_grant').length, 99)
})

test('a refresh token is its client’s, with the certificate that the token was bound to', async (t) => {
  const { stage, first, refreshAs } = await start(t)
  await advance(stage, 400)
  const token = first.json['refresh_token']
  const billing = stage.mesh.workload('/billing')
  assertRefused(await refreshAs(billing, BILLING, token), 'ERR_REFRESH_INVALID', lastCode(stage))
  const renewed = stage.mesh.workload('/orders')
  assertRefused(await refreshAs(renewed, ORDERS, token), 'ERR_REFRESH_BINDING', lastCode(stage))
})

test('a refresh may narrow scope and targets, and not widen them', async (t) => {
  const { stage, first, refreshWith } = await start(t)
  await advance(stage, 400)
  const token = first.json['refresh_token']
  assert.equal((await refreshWith(token, { scope: 'admin' })).json['error'], 'invalid_scope')
  assert.equal((await refreshWith(token, { audience: ORDERS })).json['error'], 'invalid_target')
  const narrowed = await refreshWith(token, { scope: 'read', audience: LEDGER })
  assert.equal(narrowed.json['scope'], 'read')
  assert.equal(decodeToken(String(narrowed.json['access_token'])).claims['aud'], LEDGER)
  await advance(stage, 400)
  // RFC 6749 §6: the new refresh token has the scope of the one before.
  assert.equal((await refreshWith(narrowed.json['refresh_token'])).json['scope'], 'read write')
})

test('what is no refresh token of ours is refused, whatever it looks like', async (t) => {
  const { stage, first, refreshWith } = await start(t)
  await advance(stage, 400)
  const token = String(first.json['refresh_token'])
  assert.match(token, /^[\w-]{22}\.[\w-]{43}$/)
  const family = token.split('.')[0]
  for (const wrong of [
    `${family}.${'A'.repeat(43)}`,
    `${'A'.repeat(22)}.${'A'.repeat(43)}`,
    'x',
    token.slice(0, -1),
    String(first.json['access_token']),
  ]) {
    assertRefused(await refreshWith(wrong), 'ERR_REFRESH_INVALID', lastCode(stage))
  }
  assert.equal((await refreshWith('')).json['error'], 'invalid_request')
  assert.equal((await refreshWith(token)).status, 200, 'none of these spent it')
})

test('the store holds no refresh token, only its hash', async (t) => {
  const { stage, first } = await start(t)
  const token = String(first.json['refresh_token'])
  const [record] = await stage.store.read([`refresh:22:${token.slice(0, 22)}`])
  assert.notEqual(record, null)
  assert.equal(record?.value.includes(token.slice(23)), false)
})

test('a client whose options ask for no refresh tokens gets none', async (t) => {
  const { post, stage } = await start(t)
  const answer = await post('/token', { grant_type: 'client_credentials', client_id: LEDGER }, stage.mesh.workload('/ledger'))
  assert.equal(answer.status, 200)
  assert.equal(answer.json['refresh_token'], undefined)
})
