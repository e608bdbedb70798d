import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Code,
  type Decision,
  type Inbound,
  type PropagatedSession,
  type Refusal,
  refuse,
  type SessionVerifier,
} from '@countersign/core'
import { createGuard, type GuardOptions } from '@countersign/guard'
import { createTestRecorder } from '@countersign/testing'
import { inbound, peer, peerVerifier } from './fixture.js'

const orders = peer()

const SESSION: PropagatedSession = Object.freeze<PropagatedSession>({
  id: 's-1',
  subject: 'alice',
  actors: ['spiffe://test.example/orders'],
  scopes: new Set(['invoices:read']),
  claims: {},
  correlationId: 'c-1',
  expiresAtMs: 5000,
})

interface Answers {
  readonly accept?: () => Promise<PropagatedSession | Refusal>
  readonly judge?: () => Code | null
}

function sessions({ accept = async () => SESSION, judge = () => null }: Answers = {}) {
  let asked = 0
  const verifier: SessionVerifier = {
    kind: 'session',
    fields: ['propagated-session'],
    isPresented: (request) => request.header('propagated-session') !== null,
    accept: () => {
      asked++
      return accept()
    },
    judge: () => {
      const code = judge()
      return code === null ? null : refuse(code)
    },
    ready: async () => {},
    toString: () => 'test sessions',
  }
  return { verifier, asked: () => asked }
}

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

function handingOn(name = 'Propagated-Session', changes: Parameters<typeof inbound>[0] = {}): Inbound {
  return inbound({
    rawHeaders: ['Host', 'localhost:8443', name, 'a.b.c'],
    header: (field) => (field === name.toLowerCase() ? 'a.b.c' : null),
    ...changes,
  })
}

const codeOf = (decision: Decision) => (decision.allowed ? 'allowed' : decision.code)

test('a session that was handed on is on the principal of that request alone', async () => {
  const { verifier } = sessions()
  const { guard } = guardOf({ session: verifier })
  const connection = inbound().connection
  const decision = await guard.decide(handingOn('Propagated-Session', { connection }))
  assert.ok(decision.allowed)
  assert.equal(decision.principal.session, SESSION)
  assert.equal(decision.principal.expiresAtMs, 5000)
  assert.ok(Object.isFrozen(decision.principal))
  assert.deepEqual(decision.ignoredFields, [])
  const next = await guard.decide(inbound({ connection }))
  assert.ok(next.allowed)
  assert.equal(next.principal.session, null)
})

test('a request without a session is answered without a promise', () => {
  const { guard } = guardOf({ session: sessions().verifier })
  assert.ok(!('then' in guard.decide(inbound())))
})

test('a session is asked for last: a request that is refused uses up nothing', async () => {
  const { verifier, asked } = sessions()
  const { guard } = guardOf({ session: verifier, authorize: ['spiffe://test.example/shipping'] })
  assert.equal(codeOf(await guard.decide(handingOn())), 'ERR_FORBIDDEN')
  assert.equal(asked(), 0)
})

test('a session that is bad refuses the request', async () => {
  const { guard, recorder } = guardOf({ session: sessions({ accept: async () => refuse('ERR_SESSION_INVALID') }).verifier })
  assert.equal(codeOf(await guard.decide(handingOn())), 'ERR_SESSION_INVALID')
  assert.deepEqual(recorder.codes(), ['ERR_SESSION_INVALID'])
})

test('uses up no session of a caller who has ended, and accepts none for a caller who ended meanwhile', async () => {
  for (const [endsAt, used] of [
    ['before', 0],
    ['meanwhile', 1],
  ] as const) {
    let ended = endsAt === 'before'
    const { verifier, asked } = sessions({
      accept: async () => {
        ended = true
        return SESSION
      },
    })
    const mtls = peerVerifier({ recall: orders, judge: () => (ended ? 'ERR_PEER_REVOKED' : null) })
    assert.equal(codeOf(await guardOf({ session: verifier, mtls }).guard.decide(handingOn())), 'ERR_PEER_REVOKED')
    assert.equal(asked(), used)
  }
})

test('a session that ends while it is accepted refuses the request', async () => {
  const { verifier } = sessions({ judge: () => 'ERR_SESSION_ENDED' })
  assert.equal(codeOf(await guardOf({ session: verifier }).guard.decide(handingOn())), 'ERR_SESSION_ENDED')
})

test('a request whose event is lost is written down as allowed after its session was used up, not before', async () => {
  const order: string[] = []
  const { verifier } = sessions({
    accept: async () => {
      order.push('accepted')
      return SESSION
    },
  })
  const recorder = createTestRecorder()
  const audit: typeof recorder = {
    ...recorder,
    record(event) {
      if (event.kind === 'request.allowed') order.push(`recorded ${String(event.facts['session'])}`)
      return event.kind !== 'request.allowed'
    },
  }
  assert.equal(codeOf(await guardOf({ session: verifier, audit }).guard.decide(handingOn())), 'ERR_UNAVAILABLE')
  assert.deepEqual(order, ['accepted', 'recorded s-1'])
})

for (const [name, accept] of [
  ['throws', () => assert.fail('broken')],
  ['rejects', async () => assert.fail('broken')],
  ['says nothing', async () => undefined as never],
  ['says yes', async () => true as never],
] as const) {
  test(`a session verifier that ${name} is a denial, not a crash`, async () => {
    const { guard, recorder } = guardOf({ session: sessions({ accept }).verifier })
    assert.equal(codeOf(await guard.decide(handingOn())), 'ERR_UNAVAILABLE')
    assert.deepEqual(recorder.codes(), ['ERR_GUARD_FAULT'])
  })
}

test('sessions that are forged use up the budget of failed attempts, and then nobody looks at them', async () => {
  const { verifier, asked } = sessions({ accept: async () => refuse('ERR_SESSION_INVALID') })
  const { guard } = guardOf({ session: verifier, limit: { perAddress: { quota: 2, windowSeconds: 60, burst: 2 }, perCaller: null } })
  const codes = []
  for (let turn = 0; turn < 4; turn++) codes.push(codeOf(await guard.decide(handingOn())))
  assert.deepEqual(codes, ['ERR_SESSION_INVALID', 'ERR_SESSION_INVALID', 'ERR_ATTEMPTS_EXCEEDED', 'ERR_ATTEMPTS_EXCEEDED'])
  assert.equal(asked(), 2)
})

test('without a session verifier the field is taken off, in every spelling, and that is written down', async () => {
  for (const name of ['Propagated-Session', 'propagated_session', 'PROPAGATED-SESSION']) {
    const { guard, recorder } = guardOf()
    const decision = await guard.decide(handingOn(name))
    assert.ok(decision.allowed)
    assert.deepEqual(decision.ignoredFields, [name])
    assert.equal(decision.principal.session, null)
    assert.ok(recorder.events.some(({ kind, facts }) => kind === 'forwarded.ignored' && facts['reason'] === 'no-session-here'))
  }
})

test('a spelling that the verifier does not look at is taken off, even where sessions are accepted', async () => {
  const { guard } = guardOf({ session: sessions().verifier })
  const decision = await guard.decide(handingOn('Propagated_Session'))
  assert.ok(decision.allowed)
  assert.deepEqual(decision.ignoredFields, ['Propagated_Session'])
})

test('a session from somebody who is not known is taken off, and not looked at', async () => {
  const { verifier, asked } = sessions()
  const { guard } = guardOf({
    mtls: peerVerifier({ recall: null }),
    session: verifier,
    require: 'optional',
    authorize: 'anyone',
    routes: [{ path: '/health', require: 'none' }],
  })
  for (const target of ['/', '/health']) {
    const decision = await guard.decide(handingOn('Propagated-Session', { target }))
    assert.ok(decision.allowed)
    assert.equal(decision.principal.session, null)
    assert.deepEqual(decision.ignoredFields, ['Propagated-Session'])
  }
  assert.equal(asked(), 0)
})

test('a session that has ended ends the grant', async () => {
  let ended = false
  const { guard } = guardOf({ session: sessions({ judge: () => (ended ? 'ERR_SESSION_ENDED' : null) }).verifier })
  const decision = await guard.decide(handingOn())
  assert.ok(decision.allowed)
  assert.equal(guard.judge(decision), null)
  ended = true
  assert.equal(guard.judge(decision)?.code, 'ERR_SESSION_ENDED')
})

test('the session slot takes a session verifier and nothing else', () => {
  for (const session of [true, {}, { kind: 'session' }, { kind: 'jwt' }])
    assert.throws(() => guardOf({ session: session as never }), { code: 'ERR_OPTION_INVALID', option: 'session' })
  assert.match(guardOf({ session: sessions().verifier }).guard.toString(), /test sessions/)
  assert.ok(guardOf({ session: null }).guard)
})
