import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { StateStore } from '@countersign/core'
import { createKeyRing } from '@countersign/issuer'
import { type AuthMesh, createAuthMesh, type OAuthClient, type Revocable } from '@countersign/mesh'
import { createMemoryStateStore } from '@countersign/state'
import type { Workload } from '@countersign/testing'
import { decodeToken } from '@countersign/token'
import { coreOf, peerOf } from '../fixture.js'
import { type Answer, advance, certificateClient, createHolder, createStage, ISSUER, lastCode, run } from './stage.js'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const ORDERS = 'spiffe://prod.example/orders'
const BILLING = 'spiffe://prod.example/billing'
const LEDGER = 'spiffe://prod.example/ledger'
const SERVICES = { [ORDERS]: { mayCall: [BILLING] }, [BILLING]: { mayCall: [LEDGER] }, [LEDGER]: { mayCall: [] } }
const REASON = { reason: 'key-compromise' } as const

const tokenOf = ({ json }: Answer): string => String(json['access_token'])
const claimsOf = (answer: Answer) => decodeToken(tokenOf(answer)).claims

/** A store whose revocations one process hears of later. */
function delayed(store: StateStore, state: { readonly isBehind: boolean }): StateStore {
  const { pull } = store.revocations
  return {
    ...store,
    revocations: {
      ...store.revocations,
      onAppend: () => () => {},
      async pull(after, limit) {
        const page = await pull(after, limit)
        return state.isBehind && after !== null ? { ...page, position: after, entries: [], more: false } : page
      },
    },
  }
}

async function start(t: TestContext, { orders = {}, options = {} }: { orders?: Partial<OAuthClient>; options?: object } = {}) {
  let shared: StateStore | null = null
  const state = { isBehind: false }
  const stage = await createStage(t, {
    store(clock) {
      shared = createMemoryStateStore({ clock })
      return delayed(shared, state)
    },
  })
  assert.ok(shared !== null)
  const grants = ['client_credentials', 'token_exchange'] as const
  const clients = [
    certificateClient(ORDERS, { introspection: 'own', refresh: { windowSeconds: 3600 }, ...orders }),
    certificateClient(BILLING, { grants, introspection: 'any', audiences: [LEDGER] }),
    certificateClient(LEDGER, { grants, audiences: [BILLING, ORDERS] }),
  ]
  const running = await run(t, stage, { clients, ...options })
  const ledger = stage.mesh.workload('/ledger')
  // Another process, which hears of everything at once.
  const other: AuthMesh = createAuthMesh({
    issuer: ISSUER,
    services: SERVICES,
    store: shared,
    keys: { algorithm: 'ES256' },
    audit: null,
    events: null,
    runtime: { clock: stage.mesh.clock },
  })
  t.after(() => other.close())
  await other.ready()

  const as = (workload: Workload, form: object, headers = {}): Promise<Answer> =>
    running.post('/token', { client_id: workload.id, ...form }, workload, headers)
  const issue = (workload: Workload = stage.orders, headers = {}) => as(workload, { grant_type: 'client_credentials' }, headers)
  const exchange = (workload: Workload, subject: Answer, form = {}) =>
    as(workload, { grant_type: EXCHANGE, subject_token: tokenOf(subject), subject_token_type: ACCESS_TOKEN, ...form })
  const refresh = (workload: Workload, { json }: Answer, headers = {}) =>
    as(workload, { grant_type: 'refresh_token', refresh_token: String(json['refresh_token']) }, headers)
  const isActive = async (text: unknown): Promise<unknown> =>
    (await running.post('/introspect', { client_id: BILLING, token: String(text) }, stage.billing)).json['active']
  async function revoke(what: Revocable): Promise<void> {
    const revoked = await other.revoke(what, REASON)
    assert.equal(revoked.refused, undefined)
    // Heard of by the next beat.
    await advance(stage, 2)
  }
  return { ...running, stage, store: shared as StateStore, state, other, ledger, as, issue, exchange, refresh, isActive, revoke }
}

test('a token that is bound to a key alone ends with the certificate that it was got with', async (t) => {
  const { stage, issue, isActive, revoke } = await start(t, { orders: { senderConstrained: 'dpop', refresh: null } })
  const holder = createHolder(stage)
  const token = await issue(stage.orders, holder.proof())
  assert.deepEqual({ ...(claimsOf(token)['cnf'] as object) }, { jkt: holder.jkt })
  assert.deepEqual(JSON.parse(JSON.stringify(claimsOf(token)['revoked_with'])), { certificate: [stage.orders['x5t#S256']] })
  assert.equal(await isActive(tokenOf(token)), true)
  await revoke({ certificate: stage.orders['x5t#S256'] })
  assert.equal(await isActive(tokenOf(token)), false)
})

test('a family that is bound to a key ends with each certificate that it was refreshed with', async (t) => {
  for (const which of [0, 1]) {
    const { stage, issue, refresh, isActive, revoke } = await start(t, {
      orders: { senderConstrained: 'dpop', refresh: { windowSeconds: 3600 } },
    })
    const holder = createHolder(stage)
    const [first, second, third] = [stage.orders, stage.mesh.workload('/orders'), stage.mesh.workload('/orders')]
    const begun = await issue(first, holder.proof())
    const refreshed = await refresh(second, begun, holder.proof())
    const again = await refresh(third, refreshed, holder.proof())
    assert.equal(again.status, 200, again.text)
    assert.equal(await isActive(tokenOf(again)), true)
    await revoke({ certificate: [first, second][which]?.['x5t#S256'] ?? '' })
    assert.equal(await isActive(tokenOf(again)), false)
    assert.equal(await isActive(again.json['refresh_token']), false)
    assert.equal((await refresh(third, again, holder.proof())).json['error'], 'invalid_grant')
    assert.equal(lastCode(stage), 'ERR_REFRESH_INVALID')
  }
})

for (const [what, target] of [
  ['the certificate of whoever got it', ({ stage }) => ({ certificate: stage.orders['x5t#S256'] })],
  ['the certificate of whoever exchanged it first', ({ stage }) => ({ certificate: stage.billing['x5t#S256'] })],
  ['the token itself', (_, subject) => ({ token: String(claimsOf(subject)['jti']) })],
  ['the token of the second exchange', (_, __, between) => ({ token: String(claimsOf(between)['jti']) })],
  ['the key that signed it', ({ stage }) => ({ key: stage.core.keys.kid })],
] as [string, (staged: Awaited<ReturnType<typeof start>>, subject: Answer, between: Answer) => Revocable][]) {
  test(`what a token was exchanged for, twice, ends with ${what}`, async (t) => {
    const staged = await start(t)
    const { other, exchange, issue, ledger } = staged
    const subject = await issue()
    const between = await exchange(staged.stage.billing, subject)
    const last = await exchange(ledger, between, { audience: ORDERS })
    assert.equal(last.status, 200, last.text)
    // Signed by another key, as another process would: only what the token says ties it to the first.
    const { claims } = decodeToken(tokenOf(last))
    await coreOf(other).directory.load()
    const text = await coreOf(other).keys.sign('at+jwt', claims)
    const peer = peerOf(LEDGER, { thumbprint: ledger['x5t#S256'] })
    const judge = async () => (await other.validateServiceToken(text, { audience: ORDERS, peer })).status
    assert.equal(await judge(), 'AUTHENTICATED')
    await other.revoke(target(staged, subject, between), REASON)
    assert.equal(await judge(), 'REVOKED')
  })
}

test('revoking an access token ends its grant: the refresh token, and what was refreshed by it', async (t) => {
  const { stage, issue, refresh, isActive, post } = await start(t)
  const first = await issue()
  const second = await refresh(stage.orders, first)
  const another = await issue()
  const answer = await post('/revoke', { client_id: ORDERS, token: tokenOf(first) }, stage.orders)
  assert.equal(answer.status, 200)
  assert.equal(await isActive(tokenOf(second)), false)
  assert.equal((await refresh(stage.orders, second)).json['error'], 'invalid_grant')
  assert.equal(lastCode(stage), 'ERR_REFRESH_INVALID')
  assert.equal(await isActive(tokenOf(another)), true, 'another grant goes on')
  const revoked = stage.events.filter(({ topic }) => topic === 'auth.token.revoked')
  assert.equal(revoked.length, 2)
})

test('an operator who revokes an access token ends its grant too', async (t) => {
  const { stage, issue, refresh, isActive, revoke } = await start(t)
  const first = await issue()
  const second = await refresh(stage.orders, first)
  await revoke({ token: String(claimsOf(first)['jti']) })
  assert.equal(await isActive(tokenOf(second)), false)
  await refresh(stage.orders, second)
  assert.equal(lastCode(stage), 'ERR_REFRESH_INVALID')
})

test('a grant ends with the service that got it, also where that is known to the store alone', async (t) => {
  for (const isBehind of [false, true]) {
    const { stage, state, issue, refresh, other, isActive } = await start(t)
    const first = await issue()
    state.isBehind = isBehind
    await other.revoke({ service: ORDERS }, REASON)
    await advance(stage, 2)
    if (!isBehind) assert.equal(await isActive(first.json['refresh_token']), false)
    await refresh(stage.orders, first)
    assert.equal(lastCode(stage), 'ERR_REFRESH_INVALID')
    assert.equal((await issue()).status, 200, 'it proves itself anew')
  }
})

test('an actor that was revoked a moment ago takes the chain along, before the list knows', async (t) => {
  const { stage, state, ledger, issue, exchange, other } = await start(t)
  const between = await exchange(stage.billing, await issue())
  state.isBehind = true
  await other.revoke({ service: BILLING }, REASON)
  await advance(stage, 2)
  assert.equal((await exchange(ledger, between, { audience: ORDERS })).json['error'], 'invalid_request')
  assert.equal(lastCode(stage), 'ERR_EXCHANGE_TOKEN')
  // By itself neither: that it may prove itself anew makes nothing of what it had before good again.
  assert.equal((await exchange(stage.billing, between, { audience: LEDGER })).status, 400)
  assert.equal(lastCode(stage), 'ERR_EXCHANGE_TOKEN')
})

test('what a service has got by exchange ends with it, also where the clock of whoever revokes it is behind', async (t) => {
  const { stage, store, issue, exchange, isActive } = await start(t)
  const slow = createAuthMesh({
    issuer: ISSUER,
    services: SERVICES,
    store,
    keys: { algorithm: 'ES256' },
    audit: null,
    events: null,
    runtime: { clock: { nowMs: () => stage.mesh.clock.nowMs() - 10_000 } },
  })
  t.after(() => slow.close())
  await slow.ready()
  const exchanged = await exchange(stage.billing, await issue())
  assert.equal(await isActive(tokenOf(exchanged)), true)
  await slow.revoke({ service: BILLING }, REASON)
  await advance(stage, 2)
  assert.equal(await isActive(tokenOf(exchanged)), false)
})

test('a client that is no service any more learns nothing of tokens, and revokes none', async (t) => {
  const { stage, issue, other, post } = await start(t)
  const token = tokenOf(await issue())
  for (const forGood of [false, true]) {
    await other.deregisterService(BILLING, { forGood })
    await advance(stage, 2)
    for (const path of ['/introspect', '/revoke']) {
      const answer = await post(path, { client_id: BILLING, token }, stage.mesh.workload('/billing'))
      assert.equal(answer.status, 401, `${path} ${answer.text}`)
      assert.equal(lastCode(stage), 'ERR_CLIENT_REVOKED')
    }
  }
})

test('a chain of another issuer names nobody of ours, and its own names say whose they are', async (t) => {
  const issuer = 'https://other.example'
  const ring = createKeyRing({ algorithm: 'ES256' })
  t.after(() => ring.close())
  await ring.sign('at+jwt', {})
  const subjectIssuers = [
    { issuer, audience: BILLING, keys: { jwks: ring.jwks().keys }, algorithms: ['ES256'], subjects: ['web'], binding: 'if-bound' },
  ]
  const { stage, as } = await start(t, { options: { subjectIssuers } })
  const iat = Math.floor(stage.mesh.clock.nowMs() / 1000)
  async function exchange(act: object): Promise<Answer> {
    const subject_token = await ring.sign('at+jwt', {
      iss: issuer,
      sub: 'web',
      aud: BILLING,
      client_id: 'web',
      iat,
      exp: iat + 60,
      jti: 'j',
      act,
    })
    return as(stage.billing, { grant_type: EXCHANGE, subject_token, subject_token_type: ACCESS_TOKEN })
  }
  for (const act of [
    { sub: ORDERS, iss: ISSUER },
    { sub: 'proxy', act: { sub: LEDGER, iss: ISSUER } },
  ]) {
    assert.equal((await exchange(act)).json['error'], 'invalid_request')
    assert.equal(lastCode(stage), 'ERR_EXCHANGE_TOKEN')
  }
  const answer = await exchange({ sub: BILLING, act: { sub: 'b', iss: 'https://third.example' } })
  assert.equal(answer.status, 200, answer.text)
  assert.deepEqual(JSON.parse(JSON.stringify(claimsOf(answer)['act'])), {
    sub: BILLING,
    iss: ISSUER,
    act: { sub: BILLING, iss: issuer, act: { sub: 'b', iss: 'https://third.example' } },
  })
})
