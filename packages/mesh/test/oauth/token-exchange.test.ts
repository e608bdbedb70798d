import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createAuthMesh, type OAuthClient, parseMeshEvent } from '@countersign/mesh'
import { createTestMesh, type Workload } from '@countersign/testing'
import { decodeToken } from '@countersign/token'
import { type Answer, advance, certificateClient, createStage, ISSUER, lastCode, run, type Stage } from './stage.js'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'
const ORDERS = 'spiffe://prod.example/orders'
const BILLING = 'spiffe://prod.example/billing'
const LEDGER = 'spiffe://prod.example/ledger'

const claimsOf = (answer: Answer) => decodeToken(String(answer.json['access_token'])).claims
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

async function start(
  t: TestContext,
  changes: { readonly orders?: Partial<OAuthClient>; readonly billing?: Partial<OAuthClient>; readonly options?: object } = {},
) {
  const stage = await createStage(t)
  const scopes = ['read', 'write']
  const clients = [
    certificateClient(ORDERS, {
      scopes: ['read', 'write', 'admin'],
      defaultScopes: ['read', 'admin'],
      audiences: [BILLING, LEDGER],
      grants: ['client_credentials', 'token_exchange'],
      ...changes.orders,
    }),
    certificateClient(BILLING, { scopes, audiences: [LEDGER], grants: ['token_exchange'], ...changes.billing }),
    certificateClient(LEDGER, { scopes, audiences: [ORDERS, BILLING], grants: ['token_exchange'] }),
  ]
  const running = await run(t, stage, { clients, ...changes.options })
  const ledger = stage.mesh.workload('/ledger')
  async function issue(form: object = {}): Promise<string> {
    const answer = await running.post(
      '/token',
      { grant_type: 'client_credentials', client_id: ORDERS, audience: BILLING, ...form },
      stage.orders,
    )
    assert.equal(answer.status, 200, answer.text)
    return String(answer.json['access_token'])
  }
  function exchange(as: Workload, subjectToken: string, form: object = {}): Promise<Answer> {
    return running.post(
      '/token',
      { grant_type: EXCHANGE, client_id: as.id, subject_token: subjectToken, subject_token_type: ACCESS_TOKEN, ...form },
      as,
    )
  }
  return { stage, ledger, issue, exchange, ...running }
}

/** A token of this mesh that says what the test wants. */
function craft({ core, mesh }: Stage, claims: object): Promise<string> {
  const nowSeconds = Math.floor(mesh.clock.nowMs() / 1000)
  const usual = {
    iss: ISSUER,
    sub: 'alice',
    aud: BILLING,
    client_id: 'web',
    iat: nowSeconds,
    nbf: nowSeconds,
    exp: nowSeconds + 600,
    jti: 'crafted',
  }
  return core.keys.sign('at+jwt', { ...usual, ...claims })
}

test('whoever a token was sent to gets one in its subject’s name, with itself as the actor', async (t) => {
  const { stage, issue, exchange, ledger } = await start(t)
  const answer = await exchange(stage.billing, await issue())
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.json['issued_token_type'], ACCESS_TOKEN)
  assert.equal(answer.json['token_type'], 'Bearer')
  assert.equal(answer.json['scope'], 'read')
  assert.equal(answer.json['refresh_token'], undefined)
  const claims = claimsOf(answer)
  assert.equal(claims['sub'], ORDERS)
  assert.equal(claims['client_id'], BILLING)
  assert.equal(claims['aud'], LEDGER)
  assert.deepEqual(plain(claims['act']), { sub: BILLING, iss: ISSUER })
  assert.deepEqual(plain(claims['cnf']), { 'x5t#S256': stage.billing['x5t#S256'] })
  const further = await exchange(ledger, String(answer.json['access_token']), { audience: BILLING })
  assert.deepEqual(plain(claimsOf(further)['act']), { sub: LEDGER, iss: ISSUER, act: { sub: BILLING, iss: ISSUER } })
})

test('a token of the type jwt may be asked for, and no other', async (t) => {
  const { stage, issue, exchange } = await start(t)
  const subject = await issue()
  const answer = await exchange(stage.billing, subject, { requested_token_type: JWT, subject_token_type: JWT })
  assert.equal(answer.json['issued_token_type'], JWT)
  const id = 'urn:ietf:params:oauth:token-type:id_token'
  for (const form of [{ requested_token_type: id }, { subject_token_type: id }, { actor_token: subject, actor_token_type: id }]) {
    assert.equal((await exchange(stage.billing, subject, form)).json['error'], 'invalid_request')
    assert.equal(lastCode(stage), 'ERR_OAUTH_REQUEST')
  }
})

test('subject_token and its type are there, and the type of an actor token if and only if there is one', async (t) => {
  const { stage, issue, post } = await start(t)
  const subject = await issue()
  const whole = { grant_type: EXCHANGE, client_id: BILLING, subject_token: subject, subject_token_type: ACCESS_TOKEN }
  for (const changes of [{ subject_token: '' }, { subject_token_type: '' }, { actor_token: subject }, { actor_token_type: ACCESS_TOKEN }]) {
    const answer = await post('/token', { ...whole, ...(changes as object) }, stage.billing)
    assert.equal(answer.json['error'], 'invalid_request')
    assert.equal(lastCode(stage), 'ERR_OAUTH_REQUEST')
  }
})

test('the scope of an exchanged token only narrows', async (t) => {
  const { stage, issue, exchange } = await start(t)
  const subject = await issue({ scope: 'read admin' })
  assert.equal((await exchange(stage.billing, subject, { scope: 'read' })).json['scope'], 'read')
  for (const scope of ['write', 'admin', 'read write']) {
    assert.equal((await exchange(stage.billing, subject, { scope })).json['error'], 'invalid_scope')
  }
})

test('the target of an exchanged token is one that the exchanger may reach', async (t) => {
  const { stage, issue, exchange } = await start(t)
  assert.equal((await exchange(stage.billing, await issue(), { audience: ORDERS })).json['error'], 'invalid_target')
  assert.equal(lastCode(stage), 'ERR_GRANT_TARGET')
})

test('an exchanged token ends no later than its subject token', async (t) => {
  const { stage, issue, exchange } = await start(t)
  const subject = await issue()
  await advance(stage, 3000)
  const fresh = stage.mesh.workload('/billing')
  const answer = await exchange(fresh, subject)
  assert.equal(claimsOf(answer)['exp'], decodeToken(subject).claims['exp'])
  assert.equal(answer.json['expires_in'], 600)
  await advance(stage, 610)
  const late = await exchange(fresh, subject)
  assert.equal(late.json['error'], 'invalid_request', 'within the skew there is no life left to give')
})

test('a token that was sent to somebody else, or names another actor, cannot be exchanged', async (t) => {
  const { stage, issue, exchange, ledger } = await start(t)
  assert.equal((await exchange(ledger, await issue())).json['error'], 'invalid_request')
  assert.equal(lastCode(stage), 'ERR_EXCHANGE_ACTOR')
  const named = await craft(stage, { may_act: { sub: LEDGER }, scope: 'read' })
  assert.equal((await exchange(stage.billing, named)).json['error'], 'invalid_request')
  assert.equal((await exchange(ledger, named, { audience: ORDERS })).status, 200)
  for (const may_act of [{}, 'x', { sub: LEDGER, role: 'x' }, { sub: LEDGER, iss: 'https://other.example' }, { client_id: BILLING }]) {
    await exchange(ledger, await craft(stage, { may_act }), { audience: ORDERS })
    assert.equal(lastCode(stage), 'ERR_EXCHANGE_ACTOR')
  }
})

test('a client’s own token is exchanged by whoever holds what it is bound to, and makes no actor', async (t) => {
  const { stage, issue, exchange, post } = await start(t)
  const subject = await issue()
  const narrowed = await exchange(stage.orders, subject, { audience: LEDGER, scope: 'read' })
  assert.equal(narrowed.status, 200, narrowed.text)
  assert.equal(claimsOf(narrowed)['act'], undefined)
  const another = stage.mesh.workload('/orders')
  assert.equal((await exchange(another, subject, { audience: LEDGER })).json['error'], 'invalid_request')
  assert.equal(lastCode(stage), 'ERR_EXCHANGE_ACTOR')
  assert.equal((await post('/token', { grant_type: EXCHANGE }, null)).status, 401)
})

test('an actor token is the exchanger’s own, in its hands', async (t) => {
  const { stage, issue, exchange } = await start(t, { billing: { grants: ['token_exchange', 'client_credentials'] } })
  const subject = await issue()
  const own = await craft(stage, {
    sub: BILLING,
    client_id: BILLING,
    aud: LEDGER,
    cnf: { 'x5t#S256': stage.billing['x5t#S256'] },
    jti: 'own',
  })
  const actor = { actor_token_type: ACCESS_TOKEN }
  const answer = await exchange(stage.billing, subject, { ...actor, actor_token: own })
  assert.deepEqual(plain(claimsOf(answer)['act']), { sub: BILLING, iss: ISSUER })
  const stolen = await craft(stage, {
    sub: BILLING,
    client_id: BILLING,
    aud: LEDGER,
    cnf: { 'x5t#S256': stage.orders['x5t#S256'] },
    jti: 'stolen',
  })
  for (const actor_token of [subject, stolen]) {
    assert.equal((await exchange(stage.billing, subject, { ...actor, actor_token })).json['error'], 'invalid_request')
    assert.equal(lastCode(stage), 'ERR_EXCHANGE_ACTOR')
  }
  await exchange(stage.billing, subject, { ...actor, actor_token: 'x.y.z' })
  assert.equal(lastCode(stage), 'ERR_EXCHANGE_TOKEN')
})

test('a revoked, foreign, expired, mistyped or malformed subject token is refused', async (t) => {
  const { stage, issue, exchange } = await start(t)
  const { core, mesh } = stage
  const revoked = await issue()
  const nowMs = mesh.clock.nowMs()
  const id = String(decodeToken(revoked).claims['jti'])
  await core.revocations.revoke([
    { kind: 'token', id, issuedBeforeMs: Number.POSITIVE_INFINITY, untilMs: nowMs + 1e7, revokedAtMs: nowMs, reason: 'test' },
  ])
  const other = createTestMesh('other.example')
  const usual = { iss: ISSUER, sub: 'alice', aud: BILLING, client_id: 'web', iat: 0, exp: nowMs, jti: 'j' }
  const wrong = [
    revoked,
    other.token({ audience: BILLING }),
    await craft(stage, { exp: Math.floor(nowMs / 1000) - 31 }),
    await craft(stage, { iss: 'https://other.example' }),
    await craft(stage, { jti: undefined }),
    await craft(stage, { client_id: undefined }),
    await core.keys.sign('session-propagation+jwt', usual),
    `${(await issue()).slice(0, -4)}AAAA`,
    'garbage',
    'x'.repeat(20_000),
  ]
  for (const [index, subject] of wrong.entries()) {
    assert.equal((await exchange(stage.billing, subject)).json['error'], 'invalid_request', String(index))
    assert.equal(lastCode(stage), 'ERR_EXCHANGE_TOKEN', String(index))
  }
})

test('a service that was deregistered gets nothing by exchange either', async (t) => {
  const { stage, issue, exchange } = await start(t)
  const token = await issue()
  const { core, mesh } = stage
  const services = { [BILLING]: { mayCall: [] } }
  const other = createAuthMesh({ issuer: ISSUER, services, store: core.store, audit: null, runtime: { clock: mesh.clock } })
  t.after(() => other.close())
  await other.ready()
  const gone = await other.deregisterService(BILLING)
  assert.equal(gone.refused, undefined)
  await advance(stage, 2)
  const answer = await exchange(stage.billing, token)
  assert.equal(answer.status, 401, answer.text)
  assert.equal(lastCode(stage), 'ERR_CLIENT_REVOKED')
})

test('a chain of actors has an end, and a loop does not make it longer than that', async (t) => {
  const { stage, exchange } = await start(t)
  const chain = (depth: number): object => ({ sub: `spiffe://prod.example/s${depth}`, ...(depth > 1 ? { act: chain(depth - 1) } : {}) })
  const nine = await exchange(stage.billing, await craft(stage, { act: chain(9), scope: 'read' }))
  assert.equal(nine.status, 200, nine.text)
  for (const depth of [10, 11, 30]) {
    await exchange(stage.billing, await craft(stage, { act: chain(depth) }))
    assert.equal(lastCode(stage), 'ERR_EXCHANGE_DEPTH', String(depth))
  }
  // Again by the one that is the actor already: no longer.
  const again = await exchange(stage.billing, await craft(stage, { act: { sub: BILLING, iss: ISSUER, act: chain(9) } }))
  assert.deepEqual(plain(claimsOf(again)['act']), plain({ sub: BILLING, iss: ISSUER, act: chain(9) }))
  for (const act of ['x', [], { iss: 'x' }, { sub: 7 }]) {
    assert.equal((await exchange(stage.billing, await craft(stage, { act }))).json['error'], 'invalid_request')
  }
})

test('what an act of the subject token holds beside names is left behind', async (t) => {
  const { stage, exchange } = await start(t)
  const answer = await exchange(stage.billing, await craft(stage, { act: { sub: 'web', exp: 1, admin: true } }))
  assert.deepEqual(plain(claimsOf(answer)['act']), { sub: BILLING, iss: ISSUER, act: { sub: 'web' } })
})

test('a client acts for the subjects that its options name, and no others', async (t) => {
  const { stage, exchange } = await start(t, { billing: { mayActFor: ['alice'] } })
  assert.equal((await exchange(stage.billing, await craft(stage, { sub: 'alice' }))).status, 200)
  assert.equal((await exchange(stage.billing, await craft(stage, { sub: 'mallory' }))).status, 400)
  assert.equal(lastCode(stage), 'ERR_EXCHANGE_ACTOR')
})

test('a token of another issuer is exchanged where that issuer is named, for the subjects that it may speak for', async (t) => {
  const other = createTestMesh('other.example')
  const subjectIssuers = [{ ...other.jwt({ audience: BILLING }), binding: 'if-bound' as const }]
  const { stage, exchange } = await start(t, { options: { subjectIssuers } })
  const subject = other.token({ audience: BILLING, subject: 'spiffe://other.example/web', scope: 'read' })
  const answer = await exchange(stage.billing, subject)
  assert.equal(answer.status, 200, answer.text)
  assert.equal(claimsOf(answer)['sub'], 'spiffe://other.example/web')
  assert.equal(claimsOf(answer)['iss'], ISSUER)
  await exchange(stage.billing, other.token({ audience: BILLING, subject: ORDERS }))
  assert.equal(lastCode(stage), 'ERR_EXCHANGE_TOKEN')
  const { subjects, ...unnamed } = subjectIssuers[0] as (typeof subjectIssuers)[number]
  assert.equal(subjects.length, 1)
  await assert.rejects(start(t, { options: { subjectIssuers: [unnamed] } }), {
    code: 'ERR_OPTION_MISSING',
    option: 'subjectIssuers[0].subjects',
  })
})

test('others hear of an exchange: who has got a token, and for whom', async (t) => {
  const { stage, issue, exchange } = await start(t)
  const answer = await exchange(stage.billing, await issue())
  const events = stage.events
  const [event] = events.filter(({ topic }) => topic === 'auth.token.exchanged').map(({ payload }) => parseMeshEvent(payload))
  const { service, target, tokenId } = event ?? assert.fail('there is no event of the schema')
  assert.deepEqual({ service, target, tokenId }, { service: BILLING, target: LEDGER, tokenId: claimsOf(answer)['jti'] })
})
