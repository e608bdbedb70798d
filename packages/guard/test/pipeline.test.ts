import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { type Decision, type Limiter, refuse } from '@countersign/core'
import { createGuard, type GuardOptions } from '@countersign/guard'
import { createTestRecorder } from '@countersign/testing'
import { inbound, peer, peerVerifier, token, tokenVerifier } from './fixture.js'

const orders = peer()

function guardOf(options: Partial<GuardOptions> = {}) {
  const recorder = createTestRecorder()
  const guard = createGuard({
    mtls: peerVerifier({ recall: orders }),
    jwt: null,
    authorize: 'any-authenticated',
    limit: null,
    audit: recorder,
    ...options,
  })
  return { guard, recorder }
}

const codeOf = (decision: Decision) => (decision.allowed ? 'allowed' : decision.code)

test('answers a warm request without a promise', () => {
  const decision = guardOf().guard.decide(inbound())
  assert.ok(!('then' in decision))
  assert.equal(codeOf(decision), 'allowed')
})

test('gives the same frozen principal to every request of a connection', async () => {
  const { guard } = guardOf()
  const request = inbound()
  const [one, other] = await Promise.all([guard.decide(request), guard.decide(request)])
  assert.ok(one.allowed && other.allowed)
  assert.equal(one.principal, other.principal)
  assert.ok(Object.isFrozen(one.principal))
  assert.equal(one.principal.id, 'spiffe://test.example/orders')
})

test('keeps caller and subject apart', async () => {
  const { guard } = guardOf({ jwt: tokenVerifier({ recall: token() }) })
  const decision = await guard.decide(inbound())
  assert.ok(decision.allowed)
  assert.equal(decision.principal.caller?.value, 'spiffe://test.example/orders')
  assert.equal(decision.principal.subject?.value, 'alice')
  assert.deepEqual(decision.principal.evidence, ['mtls', 'jwt'])
})

const broken = () => {
  throw new Error('broken')
}

for (const [part, options] of [
  ['peer verifier that throws', { mtls: { ...peerVerifier({}), recall: broken } }],
  ['peer verifier that rejects', { mtls: peerVerifier({ verify: async () => broken() }) }],
  ['token verifier that throws', { jwt: { ...tokenVerifier({}), recall: broken } }],
  ['token binding that throws', { jwt: { ...tokenVerifier({ recall: token() }), bind: broken } }],
  ['authorizer that throws', { authorize: { authorize: broken } }],
  ['authorizer that says true', { authorize: { authorize: () => true as never } }],
  ['authorizer that says nothing', { authorize: { authorize: () => undefined as never } }],
  ['authorizer that says a promise', { authorize: { authorize: () => Promise.resolve(null) as never } }],
  ['limiter that throws', { limit: limiter(broken) }],
  ['recorder that throws', { audit: { ...createTestRecorder(), record: broken } }],
] satisfies [string, Partial<GuardOptions>][]) {
  test(`the ${part} is a denial, not a crash`, async () => {
    const decision = await guardOf(options).guard.decide(inbound())
    assert.equal(codeOf(decision), 'ERR_UNAVAILABLE')
  })
}

test('a limiter that rejects is unavailable, not unlimited', async () => {
  const { guard, recorder } = guardOf({ limit: limiter(async () => broken()) })
  assert.equal(codeOf(await guard.decide(inbound())), 'ERR_UNAVAILABLE')
  assert.deepEqual(recorder.codes(), ['ERR_LIMITER_UNAVAILABLE'])
})

test('a meter that throws changes no decision', async () => {
  const sink = { add: broken, record: broken }
  const meter = { createCounter: () => sink, createHistogram: () => sink, createGauge: () => sink }
  for (const [options, code] of [
    [{}, 'allowed'],
    [{ authorize: ['spiffe://test.example/somebody-else'] }, 'ERR_FORBIDDEN'],
  ] as const) {
    assert.equal(codeOf(await guardOf({ ...options, meter }).guard.decide(inbound())), code)
  }
})

test('an audit that must not lose an event stops the request it cannot write down', async () => {
  const { guard } = guardOf({ audit: { ...createTestRecorder(), record: () => false } })
  assert.equal(codeOf(await guard.decide(inbound())), 'ERR_UNAVAILABLE')
})

test('quota is charged before rules are asked: probing for a 403 is not free', async () => {
  let taken = 0
  const { guard } = guardOf({
    authorize: ['spiffe://test.example/somebody-else'],
    limit: limiter(() => {
      taken++
      return { refusal: null, headers: { RateLimit: '"caller";r=1;t=1' } }
    }),
  })
  const decision = await guard.decide(inbound())
  assert.equal(codeOf(decision), 'ERR_FORBIDDEN')
  assert.equal(taken, 1)
  assert.equal(decision.headers['RateLimit'], '"caller";r=1;t=1')
})

for (const require of ['all', 'any', 'optional'] as const) {
  test(`bad evidence is final where '${require}' is required`, async () => {
    const authorize = require === 'optional' ? 'anyone' : 'any-authenticated'
    const badToken = guardOf({ require, authorize, jwt: tokenVerifier({ recall: refuse('ERR_TOKEN_SIGNATURE') }) })
    assert.equal(codeOf(await badToken.guard.decide(inbound())), 'ERR_TOKEN_SIGNATURE')
    const badPeer = guardOf({
      require,
      authorize,
      mtls: peerVerifier({ recall: refuse('ERR_PEER_EXPIRED') }),
      jwt: tokenVerifier({ recall: token() }),
    })
    assert.equal(codeOf(await badPeer.guard.decide(inbound())), 'ERR_PEER_EXPIRED')
  })
}

test('a bad certificate is refused before any token is looked at', async () => {
  let looked = 0
  const tokens = { ...tokenVerifier({}), recall: () => void looked++ }
  const { guard } = guardOf({ mtls: peerVerifier({ recall: refuse('ERR_PEER_REVOKED') }), jwt: tokens })
  assert.equal(codeOf(await guard.decide(inbound())), 'ERR_PEER_REVOKED')
  assert.equal(looked, 0)
})

test('who fails too often is refused without another verification', async () => {
  let verified = 0
  const verify = async () => {
    verified++
    return refuse('ERR_TOKEN_SIGNATURE')
  }
  const { guard } = guardOf({
    mtls: null,
    jwt: tokenVerifier({ recall: undefined, verify }),
    limit: { perAddress: { quota: 3, windowSeconds: 60 } },
  })
  const codes: string[] = []
  for (let attempt = 0; attempt < 5; attempt++) codes.push(codeOf(await guard.decide(inbound())))
  assert.deepEqual(codes, [
    'ERR_TOKEN_SIGNATURE',
    'ERR_TOKEN_SIGNATURE',
    'ERR_TOKEN_SIGNATURE',
    'ERR_ATTEMPTS_EXCEEDED',
    'ERR_ATTEMPTS_EXCEEDED',
  ])
  assert.equal(verified, 3)
  assert.equal(codeOf(await guard.decide(inbound({ connection: { remoteAddress: '192.0.2.2' } }))), 'ERR_TOKEN_SIGNATURE')
})

test('a token that was revoked uses up no budget: its caller is let in with the next one at once', async () => {
  let revoked = true
  const jwt = { ...tokenVerifier({}), recall: () => (revoked ? refuse('ERR_TOKEN_REVOKED') : token()) }
  const { guard } = guardOf({ mtls: null, jwt, limit: { perAddress: { quota: 3, windowSeconds: 60 } } })
  for (let attempt = 0; attempt < 5; attempt++) assert.equal(codeOf(await guard.decide(inbound())), 'ERR_TOKEN_REVOKED')
  revoked = false
  assert.equal(codeOf(await guard.decide(inbound())), 'allowed')
})

test('a verified peer is not locked out by the failures of its address', async () => {
  const verify = async () => refuse('ERR_TOKEN_SIGNATURE')
  const failing = { perAddress: { quota: 2, windowSeconds: 60 } }
  let presented: ReturnType<typeof peer> | null = null
  const mtls = { ...peerVerifier({}), recall: () => presented }
  const { guard } = guardOf({ require: 'any', mtls, jwt: tokenVerifier({ recall: undefined, verify }), limit: failing })
  for (let attempt = 0; attempt < 3; attempt++) await guard.decide(inbound())
  assert.equal(codeOf(await guard.decide(inbound())), 'ERR_ATTEMPTS_EXCEEDED')
  presented = orders
  assert.equal(codeOf(await guard.decide(inbound())), 'ERR_TOKEN_SIGNATURE')
})

test('judges a grant again, and aborts its signal when it is no longer true', async () => {
  let code: 'ERR_PEER_REVOKED' | null = null
  const { guard } = guardOf({ mtls: peerVerifier({ recall: orders, judge: () => code }) })
  const grant = await guard.decide(inbound())
  assert.ok(grant.allowed)
  const signal = guard.watch(grant)
  assert.equal(guard.judge(grant), null)
  code = 'ERR_PEER_REVOKED'
  assert.equal(guard.judge(grant)?.code, 'ERR_PEER_REVOKED')
  const keepAlive = setTimeout(() => {}, 10_000)
  await once(signal, 'abort')
  clearTimeout(keepAlive)
  assert.equal(signal.reason.code, 'ERR_PEER_REVOKED')
  await guard.close()
})

test('a closed guard refuses', async () => {
  const { guard, recorder } = guardOf()
  await guard.close()
  assert.equal(codeOf(await guard.decide(inbound())), 'ERR_UNAVAILABLE')
  assert.deepEqual(recorder.codes(), ['ERR_GUARD_CLOSED'])
})

test('a guard behind a body parser refuses and says so', async () => {
  const { guard, recorder } = guardOf()
  assert.equal(codeOf(await guard.decide(inbound({ bodyRead: true }))), 'ERR_UNAVAILABLE')
  assert.deepEqual(recorder.codes(), ['ERR_GUARD_BEHIND_BODY_PARSER'])
  assert.match(String(recorder.of('request.denied')[0]?.facts['fix']), /put countersign\(guard\) in front of whatever reads the body/)
})

test('two guards in one process do not see each other’s grants', async () => {
  const [one, other] = [guardOf().guard, guardOf().guard]
  const request = {}
  const grant = await one.decide(inbound())
  assert.ok(grant.allowed)
  one.attach(request, grant)
  assert.equal(one.principal(request).id, 'spiffe://test.example/orders')
  assert.throws(() => other.principal(request), { code: 'ERR_NOT_GUARDED' })
})

test('knows the principal deeper down', async () => {
  const { guard } = guardOf({ asyncContext: true })
  const grant = await guard.decide(inbound())
  assert.ok(grant.allowed)
  assert.equal(guard.currentPrincipal(), null)
  const id = await guard.run(grant, async () => {
    await new Promise(setImmediate)
    return guard.currentPrincipal()?.id
  })
  assert.equal(id, 'spiffe://test.example/orders')
})

test('says how to know the principal deeper down where it is not known', () => {
  assert.throws(() => guardOf().guard.currentPrincipal(), { code: 'ERR_OPTION_MISSING', option: 'asyncContext' })
})

function limiter(take: () => unknown): Limiter {
  return { take: take as Limiter['take'], toString: () => 'test quotas', close: async () => {} }
}

test('writes down who was refused, where only a token says who it is', async () => {
  const tokens = tokenVerifier({ recall: token() })
  const { guard, recorder } = guardOf({
    mtls: null,
    jwt: tokens,
    authorize: [{ callers: { issuer: 'https://issuer.test', subject: 'bob' } }],
  })
  assert.equal(codeOf(await guard.decide(inbound())), 'ERR_FORBIDDEN')
  const { facts } = recorder.of('request.denied')[0] ?? {}
  assert.deepEqual([facts?.['principal'], facts?.['subject'], facts?.['issuer']], ['alice', 'alice', 'https://issuer.test'])
})
