import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { type ApiKeyVerifier, type Decision, type Inbound, type Peer, refuse } from '@countersign/core'
import { createGuard, type GuardOptions } from '@countersign/guard'
import { createTestClock, createTestMeter, createTestRecorder } from '@countersign/testing'
import { createApiKey } from '@countersign/token'
import { apiKey, inbound, keyVerifier, peer, peerVerifier, token, tokenVerifier } from './fixture.js'

const ORDERS = 'spiffe://test.example/orders'

function guardOf(options: Partial<GuardOptions> = {}) {
  const recorder = createTestRecorder()
  const guard = createGuard({
    mtls: null,
    jwt: null,
    apiKeys: keyVerifier({ recall: apiKey() }),
    authorize: 'any-authenticated',
    limit: null,
    audit: recorder,
    ...options,
  })
  return { guard, recorder }
}

const codeOf = (decision: Decision) => (decision.allowed ? 'allowed' : decision.code)

function grantOf(decision: Decision) {
  return decision.allowed ? decision.principal : assert.fail(decision.code)
}

test('lets a key prove who is calling where nothing else does, without a promise', () => {
  const decision = guardOf().guard.decide(inbound())
  assert.ok(!(decision instanceof Promise))
  const { id, caller, subject, evidence, apiKey: key, peer: certificate, token: bearer } = grantOf(decision)
  assert.deepEqual([id, caller?.kind, subject, evidence, key?.id], [ORDERS, 'spiffe', null, ['api-key'], 'id-of-the-key'])
  assert.deepEqual([certificate, bearer], [null, null])
})

test('takes the owner of a key for the caller, and who its token speaks for for the subject', async () => {
  const principal = grantOf(await guardOf({ jwt: tokenVerifier({ recall: token() }) }).guard.decide(inbound()))
  assert.equal(principal.id, ORDERS)
  assert.equal(principal.subject?.value, 'alice')
  assert.deepEqual(principal.evidence, ['jwt', 'api-key'])
})

test('ends with the first of all that was judged', async () => {
  const options = {
    mtls: peerVerifier({ recall: { ...peer(), expiresAtMs: 3 } }),
    jwt: tokenVerifier({ recall: token({ expiresAtMs: 2 }) }),
    apiKeys: keyVerifier({ recall: apiKey({ expiresAtMs: 1 }) }),
  }
  assert.equal(grantOf(await guardOf(options).guard.decide(inbound())).expiresAtMs, 1)
})

for (const require of ['all', 'any', 'optional', [['api-key']], [['jwt']]] as const) {
  const words = JSON.stringify(require)
  const authorize = require === 'optional' ? 'anyone' : 'any-authenticated'

  test(`a bad key is final beside good evidence where ${words} is required`, async () => {
    const good = { mtls: peerVerifier({ recall: peer() }), jwt: tokenVerifier({ recall: token() }) }
    for (const apiKeys of [
      keyVerifier({ recall: refuse('ERR_API_KEY_INVALID') }),
      keyVerifier({ verify: async () => refuse('ERR_API_KEY_INVALID') }),
    ])
      assert.equal(codeOf(await guardOf({ ...good, apiKeys, require, authorize }).guard.decide(inbound())), 'ERR_API_KEY_INVALID')
  })

  test(`a bad token is final beside a good key where ${words} is required`, async () => {
    for (const jwt of [
      tokenVerifier({ recall: refuse('ERR_TOKEN_SIGNATURE') }),
      tokenVerifier({ verify: async () => refuse('ERR_TOKEN_SIGNATURE') }),
    ])
      assert.equal(codeOf(await guardOf({ jwt, require, authorize }).guard.decide(inbound())), 'ERR_TOKEN_SIGNATURE')
  })
}

test('refuses the key of somebody else beside a certificate', async () => {
  const { guard, recorder } = guardOf({
    mtls: peerVerifier({ recall: peer() }),
    apiKeys: keyVerifier({ recall: apiKey(), bind: () => 'ERR_API_KEY_BINDING' }),
    require: 'any',
  })
  assert.equal(codeOf(await guard.decide(inbound())), 'ERR_API_KEY_BINDING')
  assert.deepEqual(recorder.codes(), ['ERR_API_KEY_BINDING'])
})

test('tells the verifier of keys who else has proven to be calling, cold and warm', async () => {
  const seen: (Peer | null | undefined)[] = []
  const orders = peer()
  const apiKeys: ApiKeyVerifier = {
    ...keyVerifier({}),
    recall(_, who) {
      seen.push(who)
      return undefined
    },
    async verify(_, who) {
      seen.push(who)
      return apiKey()
    },
  }
  for (const mtls of [peerVerifier({ recall: orders }), peerVerifier({ verify: async () => orders })])
    assert.equal(codeOf(await guardOf({ mtls, apiKeys }).guard.decide(inbound())), 'allowed')
  assert.ok(seen.length >= 4 && seen.every((who) => who === orders))
})

test('does not take a key in Authorization for a token with a wrong scheme', async () => {
  const jwt = tokenVerifier({ recall: refuse('ERR_TOKEN_SCHEME') })
  const apiKeys = keyVerifier({ recall: apiKey(), takesAuthorization: true })
  assert.equal(codeOf(await guardOf({ jwt, apiKeys, require: 'any' }).guard.decide(inbound())), 'allowed')
  assert.equal(codeOf(await guardOf({ jwt, require: 'any' }).guard.decide(inbound())), 'ERR_TOKEN_SCHEME')
})

test('judges a token in a field of its own beside a key in Authorization, whatever else would do', async () => {
  const jwt = { ...tokenVerifier({ recall: refuse('ERR_PROOF_MISSING') }), takesOwnField: () => true }
  const apiKeys = keyVerifier({ recall: apiKey(), takesAuthorization: true })
  assert.equal(codeOf(await guardOf({ jwt, apiKeys, require: 'any' }).guard.decide(inbound())), 'ERR_PROOF_MISSING')
  const cold = guardOf({ jwt, apiKeys, mtls: peerVerifier({ verify: async () => null }), require: 'any' })
  assert.equal(codeOf(await cold.guard.decide(inbound())), 'ERR_PROOF_MISSING')
})

test('refuses a Workload Identity Token beside a key in Authorization, where the key alone would do', async () => {
  const { guard, issued } = keyed({
    jwt: {
      issuer: 'spiffe://test.example',
      audience: null,
      type: 'wit+jwt',
      keys: { jwks: [publicJwk()] },
      proof: { origins: 'https://localhost:8443' },
    },
    require: 'any',
  })
  const fields = (more: Record<string, string>): Inbound => {
    const all: Record<string, string> = { authorization: `ApiKey ${issued.text}`, ...more }
    return inbound({ header: (name) => all[name] ?? null })
  }
  assert.equal(codeOf(await guard.decide(fields({}))), 'allowed')
  assert.equal(codeOf(await guard.decide(fields({ 'workload-identity-token': 'a.b.c' }))), 'ERR_PROOF_MISSING')
})

test('hands the token beside a key to whoever says whose the key is, and again when the grant is judged', () => {
  const seen: unknown[] = []
  const orders = token()
  const apiKeys: ApiKeyVerifier = {
    ...keyVerifier({ recall: apiKey() }),
    bind(_key, _peer, beside) {
      seen.push(beside)
      return null
    },
  }
  const { guard } = guardOf({ jwt: tokenVerifier({ recall: orders }), apiKeys })
  const grant = guard.decide(inbound())
  assert.ok(!(grant instanceof Promise) && grant.allowed)
  guard.judge(grant)
  assert.deepEqual(seen, [orders, orders])
})

test('asks an anonymous caller who may not do this for a key, where no token is looked at', async () => {
  const { guard } = guardOf({
    apiKeys: keyVerifier({ recall: null }),
    require: 'optional',
    authorize: [{ callers: { anonymous: true }, paths: '/public' }],
  })
  const decision = await guard.decide(inbound())
  assert.equal(codeOf(decision), 'ERR_API_KEY_MISSING')
  assert.equal(decision.headers['WWW-Authenticate'], 'ApiKey realm="countersign"')
})

test('judges a grant by its key again, and by whose it is', () => {
  let judged: 'ERR_API_KEY_EXPIRED' | null = null
  let bound: 'ERR_API_KEY_BINDING' | null = null
  const { guard } = guardOf({ apiKeys: keyVerifier({ recall: apiKey(), judge: () => judged, bind: () => bound }) })
  const grant = guard.decide(inbound())
  assert.ok(!(grant instanceof Promise) && grant.allowed)
  assert.equal(guard.judge(grant), null)
  judged = 'ERR_API_KEY_EXPIRED'
  assert.equal(guard.judge(grant)?.code, 'ERR_API_KEY_EXPIRED')
  judged = null
  bound = 'ERR_API_KEY_BINDING'
  assert.equal(guard.judge(grant)?.code, 'ERR_API_KEY_BINDING')
})

for (const [part, apiKeys] of [
  ['that throws', { ...keyVerifier({}), recall: () => assert.fail('broken') }],
  ['that rejects', keyVerifier({ verify: () => Promise.reject(new Error('broken')) })],
  ['that says nothing', keyVerifier({ verify: async () => undefined as never })],
  ['whose binding throws', { ...keyVerifier({ recall: apiKey() }), bind: () => assert.fail('broken') }],
] as const)
  test(`a verifier of keys ${part} is a denial, not a crash`, async () => {
    assert.equal(codeOf(await guardOf({ apiKeys }).guard.decide(inbound())), 'ERR_UNAVAILABLE')
  })

test('is ready once its keys are, and closes those that it has made', async () => {
  let asked = 0
  const keys = { epoch: 1, find: () => null, ready: async () => void asked++ }
  const { guard } = guardOf({ apiKeys: { keys, hashKey: randomBytes(32) } })
  await guard.ready()
  assert.equal(asked, 1)
  assert.match(String(guard), /API keys by Authorization or x-api-key/)
  await guard.close()
})

function publicJwk() {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...publicKey.export({ format: 'jwk' }), kid: 'issuer', use: 'sig', alg: 'ES256' }
}

/** One service with real keys: requests come from an address each. */
function keyed(options: Partial<GuardOptions> = {}) {
  const clock = createTestClock()
  const hashKey = randomBytes(32)
  const meter = createTestMeter()
  const issued = createApiKey({ owner: ORDERS, hashKey, clock, scopes: ['invoices:read'] })
  const { guard, recorder } = guardOf({
    apiKeys: { keys: [issued.record], hashKey, owners: [{ trustDomain: 'test.example' }] },
    runtime: { clock },
    meter,
    ...options,
  })
  const from = (text: string, address: string): Inbound =>
    inbound({ clientAddress: address, header: (name) => (name === 'x-api-key' ? text : null) })
  const stranger = (): string => createApiKey({ owner: ORDERS, hashKey: randomBytes(32) }).text
  return { guard, recorder, meter, clock, issued, from, stranger, hashKey }
}

test('answers an unknown id and a wrong secret alike to the last byte, and tells them apart inside', async () => {
  const { guard, recorder, issued, from, stranger } = keyed()
  const known = await guard.decide(from(issued.text, '192.0.2.9'))
  assert.ok(known.allowed)
  const unknown = await guard.decide(from(stranger(), '192.0.2.1'))
  const other = keyed()
  const wrongGuard = guardOf({
    apiKeys: {
      keys: [{ ...issued.record, hash: other.issued.record.hash }],
      hashKey: other.hashKey,
      owners: [{ trustDomain: 'test.example' }],
    },
    runtime: { clock: other.clock },
  })
  const wrong = await wrongGuard.guard.decide(from(issued.text, '192.0.2.1'))
  assert.ok(!unknown.allowed && !wrong.allowed)
  assert.deepEqual([unknown.status, unknown.headers, unknown.body], [wrong.status, wrong.headers, wrong.body])
  assert.equal(unknown.code, 'ERR_API_KEY_INVALID')
  assert.deepEqual([recorder.codes(), wrongGuard.recorder.codes()], [['ERR_API_KEY_UNKNOWN'], ['ERR_API_KEY_INVALID']])
})

test('counts every failure by its code, and makes no label of an id', async () => {
  const { guard, meter, clock, issued, from, stranger } = keyed()
  for (let round = 0; round < 50; round++) await guard.decide(from(stranger(), `192.0.2.${round}`))
  await guard.decide(from('garbage', '192.0.2.60'))
  await guard.decide(inbound())
  await guard.decide(from(issued.text, '192.0.2.61'))
  clock.advanceSeconds(91 * 86_400)
  await guard.decide(from(issued.text, '192.0.2.61'))
  const failed = (code: string) => meter.total('service_auth_failed_total', { failure_reason: code })
  assert.deepEqual(
    ['ERR_API_KEY_UNKNOWN', 'ERR_API_KEY_MALFORMED', 'ERR_API_KEY_MISSING', 'ERR_API_KEY_EXPIRED'].map(failed),
    [50, 1, 1, 1],
  )
})

test('answers 429 and when to come again to an address that guesses; owners call on from elsewhere and by their certificates', async () => {
  const { guard, recorder, issued, from, hashKey } = keyed({ mtls: peerVerifier({ recall: null }), require: 'any' })
  const guesses = Array.from({ length: 6 }, () => createApiKey({ owner: ORDERS, hashKey }).text)
  const answers: Decision[] = []
  for (const text of guesses) answers.push(await guard.decide(from(text, '203.0.113.7')))
  const locked = answers.at(-1)
  assert.ok(locked !== undefined && !locked.allowed)
  assert.deepEqual([locked.code, locked.status, locked.headers['Retry-After']], ['ERR_API_KEY_LOCKED', 429, '1800'])
  assert.equal(locked.headers['WWW-Authenticate'], undefined)
  assert.equal(recorder.events.filter(({ kind }) => kind === 'api-key.locked').length, 1)
  assert.equal(codeOf(await guard.decide(from(issued.text, '198.51.100.1'))), 'allowed')
  const byCertificate = guardOf({ mtls: peerVerifier({ recall: peer() }), apiKeys: keyVerifier({ recall: null }), require: 'any' })
  assert.equal(codeOf(await byCertificate.guard.decide(inbound({ clientAddress: '203.0.113.7' }))), 'allowed')
})

test('never writes a key down, nor sends it back', async () => {
  const { guard, recorder, issued, from, stranger } = keyed({ exposeDetails: true })
  const texts = [issued.text, stranger(), `${issued.text}x`]
  const answers = []
  for (const text of texts) for (let round = 0; round < 7; round++) answers.push(await guard.decide(from(text, '192.0.2.1')))
  const said = JSON.stringify([recorder.events, answers.map((answer) => (answer.allowed ? answer.headers : [answer.headers, answer.body]))])
  for (const text of texts) assert.ok(!said.includes(text.split('_')[2] ?? text))
})
