import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal, type PropagatedSession, type Refusal, StateError } from '@countersign/core'
import type { AuthMesh, CreatedSession, HandedSession, OperationRefusal, PropagationRequest } from '@countersign/mesh'
import { createMemoryStateStore } from '@countersign/state'
import { createTestClock } from '@countersign/testing'
import { decodeToken } from '@countersign/token'
import {
  authenticateAll,
  BILLING,
  breakable,
  coreOf,
  ISSUER,
  LEDGER,
  ORDERS,
  PARTNER,
  peerOf,
  stage,
  thumbprintOf,
  tokenOf,
  until,
} from '../fixture.js'

type Stage = Awaited<ReturnType<typeof prepared>>

async function prepared(options: Parameters<typeof stage>[0] = {}) {
  const staged = await stage(options)
  await authenticateAll(staged.mesh)
  const session = await staged.mesh.sessions.create({
    subject: 'alice',
    scopes: ['invoices:read', 'invoices:write'],
    claims: { tenant: 't1' },
  })
  assert.ok(!session.refused)
  return { ...staged, session }
}

function handed(answer: HandedSession | OperationRefusal): HandedSession {
  if (answer.refused) assert.fail(`${answer.code} ${JSON.stringify(answer.facts)}`)
  return answer
}

async function hand({ mesh, session }: Stage, changes: Partial<PropagationRequest> = {}): Promise<HandedSession> {
  return handed(await mesh.propagateSession({ session: session.id, from: ORDERS, to: BILLING, ...changes }))
}

const accept = (mesh: AuthMesh, { token }: { readonly token: string }, service = BILLING, caller = ORDERS) =>
  mesh.acceptPropagatedSession(token, { service, caller: peerOf(caller) })

const codeOf = (answer: PropagatedSession | Refusal): string => (isRefusal(answer) ? answer.code : 'accepted')

test('hands a session on to one target, for five minutes, and says who does', async () => {
  const staged = await prepared()
  const { session, clock, mesh } = staged
  const propagated = await hand(staged)
  const { header, claims } = decodeToken(propagated.token)
  assert.equal(header['typ'], 'session-propagation+jwt')
  const iat = clock.nowMs() / 1000
  assert.deepEqual(JSON.parse(JSON.stringify(claims)), {
    iss: ISSUER,
    sub: 'alice',
    aud: BILLING,
    sid: session.id,
    txn: session.correlationId,
    act: { sub: ORDERS },
    revoked_with: { session: [session.id, `period 0 of ${session.id}`] },
    scope: 'invoices:read invoices:write',
    iat,
    nbf: iat,
    exp: iat + 300,
    jti: propagated.tokenId,
  })
  assert.deepEqual(propagated.headers, { 'Propagated-Session': propagated.token })
  const accepted = await accept(mesh, propagated)
  assert.ok(!isRefusal(accepted))
  assert.deepEqual(
    { ...accepted, claims: { ...accepted.claims } },
    {
      id: session.id,
      subject: 'alice',
      actors: [ORDERS],
      scopes: new Set(['invoices:read', 'invoices:write']),
      claims: { tenant: 't1' },
      correlationId: session.correlationId,
      expiresAtMs: session.expiresAtMs,
    },
  )
  await mesh.close()
})

test('a chain of hops keeps who has handed it on, the last one first, and the correlation id of all', async () => {
  const staged = await prepared()
  const { mesh, session } = staged
  const first = await accept(mesh, await hand(staged))
  assert.ok(!isRefusal(first))
  const second = await accept(mesh, handed(await mesh.propagateSession({ session: first, from: BILLING, to: LEDGER })), LEDGER, BILLING)
  assert.ok(!isRefusal(second))
  assert.deepEqual(second.actors, [BILLING, ORDERS])
  assert.equal(second.correlationId, session.correlationId)
  await mesh.close()
})

test('a session goes over as many hops as the options allow, and no further', async () => {
  const staged = await prepared({ propagation: { maxHops: 2 } })
  const { mesh } = staged
  const first = await accept(mesh, await hand(staged))
  assert.ok(!isRefusal(first))
  const second = await accept(mesh, handed(await mesh.propagateSession({ session: first, from: BILLING, to: LEDGER })), LEDGER, BILLING)
  assert.ok(!isRefusal(second))
  const third = await mesh.propagateSession({ session: second, from: LEDGER, to: BILLING })
  assert.equal(third.refused && third.code, 'ERR_SESSION_HOPS')
  await mesh.close()
})

test('an acceptor that allows fewer hops refuses what came over more', async () => {
  const clock = createTestClock()
  const store = createMemoryStateStore({ clock })
  const staged = await prepared({ clock, store })
  const strict = await stage({ clock, store, propagation: { maxHops: 1 } })
  const first = await accept(staged.mesh, await hand(staged))
  assert.ok(!isRefusal(first))
  const second = handed(await staged.mesh.propagateSession({ session: first, from: BILLING, to: LEDGER }))
  await coreOf(strict.mesh).directory.load()
  assert.equal(codeOf(await accept(strict.mesh, second, LEDGER, BILLING)), 'ERR_SESSION_HOPS')
  await staged.mesh.close()
  await strict.mesh.close()
})

for (const [what, revocable] of [
  ['the service that handed it on', { service: ORDERS }],
  ['the certificate that it came over', { certificate: thumbprintOf(ORDERS) }],
  ['the certificate that its user has logged in with', { certificate: thumbprintOf('alice') }],
  ['the key that signed it', 'key'],
  ['the token that it came by', 'token'],
] as const) {
  test(`a session ends wherever it was accepted once ${what} is revoked, over any number of hops, in every process`, async () => {
    const clock = createTestClock()
    const store = createMemoryStateStore({ clock })
    const staged = await prepared({ clock, store })
    const other = await stage({ clock, store })
    const { mesh } = staged
    const session = await mesh.sessions.create({ subject: 'alice', certificate: thumbprintOf('alice') })
    assert.ok(!session.refused)
    const propagated = await hand(staged, { session: session.id })
    await coreOf(other.mesh).directory.load()
    const atBilling = await accept(other.mesh, propagated)
    assert.ok(!isRefusal(atBilling))
    const further = handed(await other.mesh.propagateSession({ session: atBilling, from: BILLING, to: LEDGER }))
    const waiting = handed(await other.mesh.propagateSession({ session: atBilling, from: BILLING, to: LEDGER }))
    // Keys that have just been looked at are not looked at again.
    await staged.later(2)
    await other.later(0)
    await coreOf(mesh).directory.load()
    const atLedger = await accept(mesh, further, LEDGER, BILLING)
    assert.ok(!isRefusal(atLedger), codeOf(atLedger))
    const billing = other.mesh.sessionVerifier({ service: BILLING })
    const ledger = mesh.sessionVerifier({ service: LEDGER })
    assert.deepEqual([billing.judge(atBilling), ledger.judge(atLedger)], [null, null])
    const target = revocable === 'key' ? { key: coreOf(mesh).keys.kid } : revocable === 'token' ? { token: propagated.tokenId } : revocable
    await mesh.revoke(target, { reason: 'key-compromise' })
    await until(() => billing.judge(atBilling) !== null)
    assert.equal(billing.judge(atBilling)?.code, 'ERR_SESSION_ENDED')
    assert.equal(ledger.judge(atLedger)?.code, 'ERR_SESSION_ENDED')
    assert.equal(codeOf(await accept(mesh, waiting, LEDGER, BILLING)), 'ERR_SESSION_ENDED')
    const onward = await other.mesh.propagateSession({ session: atBilling, from: BILLING, to: LEDGER })
    assert.ok(onward.refused, what)
    await mesh.close()
    await other.mesh.close()
  })
}

const PAUSES: [
  string,
  (mesh: AuthMesh, session: CreatedSession) => Promise<unknown>,
  (staged: Stage, session: CreatedSession) => unknown,
][] = [
  ['locked', (mesh, { id }) => mesh.sessions.lock(id, 60), ({ later }) => later(60)],
  [
    'suspicious',
    (mesh, { handle }) => mesh.sessions.validate(handle, { device: 'another' }),
    ({ mesh }, { id }) => mesh.sessions.confirm(id, { device: 'another' }),
  ],
  [
    'locked for failures',
    async (mesh, { id }) => [await mesh.sessions.fail(id), await mesh.sessions.fail(id), await mesh.sessions.fail(id)],
    ({ later }) => later(60),
  ],
]
for (const [what, pause, resume] of PAUSES) {
  test(`a session that becomes ${what} ends where it was accepted, in every process, and is handed on anew when it counts again`, async () => {
    const clock = createTestClock()
    const store = createMemoryStateStore({ clock })
    const staged = await prepared({ clock, store, session: { lockSeconds: 60 } })
    const other = await stage({ clock, store })
    const { mesh } = staged
    const session = await mesh.sessions.create({ subject: 'alice', device: 'd1' })
    assert.ok(!session.refused)
    const [first, waiting] = [await hand(staged, { session: session.id }), await hand(staged, { session: session.id })]
    await coreOf(other.mesh).directory.load()
    const accepted = await accept(other.mesh, first)
    assert.ok(!isRefusal(accepted))
    const verifier = other.mesh.sessionVerifier({ service: BILLING })
    assert.equal(verifier.judge(accepted), null)
    await pause(mesh, session)
    await until(() => verifier.judge(accepted) !== null)
    assert.equal(verifier.judge(accepted)?.code, 'ERR_SESSION_ENDED')
    assert.equal(codeOf(await accept(other.mesh, waiting)), 'ERR_SESSION_ENDED')
    await resume(staged, session)
    await until(() => other.mesh.revocations.ageMs <= other.mesh.revocations.leaseMs)
    // What was handed on before is over; the session itself is not.
    assert.equal(verifier.judge(accepted)?.code, 'ERR_SESSION_ENDED')
    assert.equal(codeOf(await accept(other.mesh, waiting)), 'ERR_SESSION_ENDED')
    const again = await accept(other.mesh, await hand(staged, { session: session.id }))
    assert.ok(!isRefusal(again), codeOf(again))
    assert.equal(verifier.judge(again), null)
    await mesh.close()
    await other.mesh.close()
  })
}

test('what was accepted is not handed on once the service that handed it on, or the token it came by, was revoked', async () => {
  for (const what of ['service', 'token'] as const) {
    const staged = await prepared()
    const { mesh, clock } = staged
    const propagated = await hand(staged)
    const accepted = await accept(mesh, propagated)
    assert.ok(!isRefusal(accepted))
    await mesh.revoke(what === 'service' ? { service: ORDERS } : { token: propagated.tokenId }, { reason: 'key-compromise' })
    clock.advanceSeconds(2)
    const answer = await mesh.propagateSession({ session: accepted, from: BILLING, to: LEDGER })
    assert.equal(answer.refused ? answer.code : 'handed on', 'ERR_SESSION_ENDED', what)
  }
})

test('scopes can only shrink on the way', async () => {
  const staged = await prepared()
  const { mesh } = staged
  const accepted = await accept(mesh, await hand(staged, { scopes: ['invoices:read'] }))
  assert.ok(!isRefusal(accepted))
  assert.deepEqual([...accepted.scopes], ['invoices:read'])
  const wider = await mesh.propagateSession({ session: accepted, from: BILLING, to: LEDGER, scopes: ['invoices:write'] })
  assert.equal(wider.refused && wider.code, 'ERR_SCOPE_EXCEEDED')
  const more = await mesh.propagateSession({ session: staged.session.id, from: ORDERS, to: BILLING, scopes: ['admin'] })
  assert.equal(more.refused && more.code, 'ERR_SCOPE_EXCEEDED')
  const none = await accept(
    mesh,
    handed(await mesh.propagateSession({ session: accepted, from: BILLING, to: LEDGER, scopes: [] })),
    LEDGER,
    BILLING,
  )
  assert.ok(!isRefusal(none))
  assert.equal(none.scopes.size, 0)
  await mesh.close()
})

const REFUSED: [string, (staged: Stage) => Promise<Partial<PropagationRequest>>, string][] = [
  ['a target that there is not', async () => ({ to: 'spiffe://test.example/nobody' }), 'ERR_TARGET_UNKNOWN'],
  ['a target that may not be called', async () => ({ to: LEDGER }), 'ERR_TARGET_FORBIDDEN'],
  ['a source that there is not', async () => ({ from: 'spiffe://test.example/nobody' }), 'ERR_SERVICE_UNKNOWN'],
  ['a session that there is not', async () => ({ session: 'nothing' }), 'ERR_SESSION_ENDED'],
  [
    'a target that was revoked',
    async ({ mesh }) => {
      await mesh.revoke({ service: BILLING }, { reason: 'unspecified' })
      return {}
    },
    'ERR_TARGET_UNAUTHENTICATED',
  ],
  [
    'a source that was revoked',
    async ({ mesh }) => {
      await mesh.revoke({ service: ORDERS }, { reason: 'unspecified' })
      return {}
    },
    'ERR_SERVICE_REVOKED',
  ],
  [
    'a session that was revoked',
    async ({ mesh, session }) => {
      await mesh.sessions.revoke(session.id, { reason: 'logout' })
      return {}
    },
    'ERR_SESSION_ENDED',
  ],
  [
    'a session that is locked',
    async ({ mesh, session }) => {
      await mesh.sessions.lock(session.id)
      return {}
    },
    'ERR_SESSION_ENDED',
  ],
  [
    'a session that has run out',
    async ({ later }) => {
      await later(12 * 3600)
      return {}
    },
    'ERR_SESSION_ENDED',
  ],
]

for (const [name, prepare, code] of REFUSED) {
  test(`does not hand a session on for ${name}: no token, no event`, async () => {
    const staged = await prepared()
    const { mesh, session, store, meter, recorder } = staged
    const changes = await prepare(staged)
    const answer = await mesh.propagateSession({ session: session.id, from: ORDERS, to: BILLING, ...changes })
    assert.equal(answer.refused && answer.code, code)
    const left = await store.outbox.take(100, 1000)
    assert.ok([...left, ...staged.events].every(({ topic }) => !topic.startsWith('auth.session.propagated')))
    assert.equal(meter.total('session_propagation_failed_total', { reason: code }), 1)
    assert.equal(recorder.of('session.refused').at(-1)?.code, code)
    await mesh.close()
  })
}

test('does not hand a session on to a service that has not proven itself yet', async () => {
  const { mesh } = await stage()
  await tokenOf(mesh, ORDERS, BILLING)
  const session = await mesh.sessions.create({ subject: 'alice' })
  assert.ok(!session.refused)
  const answer = await mesh.propagateSession({ session: session.id, from: ORDERS, to: BILLING })
  assert.equal(answer.refused && answer.code, 'ERR_TARGET_UNAUTHENTICATED')
  await mesh.close()
})

test('what looks like an accepted session is none', async () => {
  const staged = await prepared()
  const { mesh } = staged
  const accepted = await accept(mesh, await hand(staged))
  assert.ok(!isRefusal(accepted))
  for (const [session, from] of [
    [{ ...accepted, scopes: new Set(['admin']) }, BILLING],
    [accepted, LEDGER],
  ] as const)
    await assert.rejects(mesh.propagateSession({ session, from, to: from === BILLING ? LEDGER : BILLING }), { code: 'ERR_OPTION_INVALID' })
  await mesh.close()
})

const UNACCEPTED: [string, (staged: Stage) => Promise<string>, string, string?, string?][] = [
  ['what is no token', async () => 'nonsense', 'ERR_SESSION_INVALID'],
  ['a token of another target', async (staged) => (await hand(staged, { to: PARTNER })).token, 'ERR_SESSION_AUDIENCE'],
  ['a token of a service', async ({ mesh }) => (await tokenOf(mesh, ORDERS, BILLING)).token, 'ERR_SESSION_INVALID'],
  [
    "a user's token of the same issuer",
    async ({ mesh, clock }) => {
      const iat = clock.nowMs() / 1000
      return coreOf(mesh).keys.sign('at+jwt', {
        iss: ISSUER,
        sub: 'alice',
        aud: BILLING,
        client_id: 'web',
        iat,
        exp: iat + 60,
        jti: 'j',
      })
    },
    'ERR_SESSION_INVALID',
  ],
  [
    'a token of its type that names no session',
    async ({ mesh, clock }) => {
      const iat = clock.nowMs() / 1000
      const claims = { iss: ISSUER, sub: 'alice', aud: BILLING, iat, exp: iat + 60, jti: 'j', sid: 1, act: { sub: ORDERS }, txn: 't' }
      return coreOf(mesh).keys.sign('session-propagation+jwt', claims)
    },
    'ERR_SESSION_INVALID',
  ],
  [
    'a token without its chain',
    async ({ mesh, clock, session }) => {
      const iat = clock.nowMs() / 1000
      const claims = { iss: ISSUER, sub: 'alice', aud: BILLING, iat, exp: iat + 60, jti: 'j', sid: session.id, act: {}, txn: 't' }
      return coreOf(mesh).keys.sign('session-propagation+jwt', claims)
    },
    'ERR_SESSION_INVALID',
  ],
  [
    'a token for another subject than the session has',
    async ({ mesh, clock, session }) => {
      const iat = clock.nowMs() / 1000
      const claims = {
        iss: ISSUER,
        sub: 'mallory',
        aud: BILLING,
        iat,
        exp: iat + 60,
        jti: 'j',
        sid: session.id,
        act: { sub: ORDERS },
        txn: 't',
      }
      return coreOf(mesh).keys.sign('session-propagation+jwt', claims)
    },
    'ERR_SESSION_ENDED',
  ],
  [
    'a token that has expired',
    async (staged) => {
      const { token } = await hand(staged)
      await staged.later(331)
      return token
    },
    'ERR_SESSION_EXPIRED',
  ],
  ['a token from another service than the caller', async (staged) => (await hand(staged)).token, 'ERR_SESSION_SENDER', BILLING, PARTNER],
  [
    'a token that is bound to another certificate than the caller has',
    async (staged) => (await hand(staged, { boundTo: thumbprintOf('another') })).token,
    'ERR_SESSION_SENDER',
  ],
  [
    'a session that was revoked after it was handed on',
    async (staged) => {
      const { token } = await hand(staged)
      await staged.mesh.sessions.revoke(staged.session.id, { reason: 'logout' })
      return token
    },
    'ERR_SESSION_ENDED',
  ],
  [
    'a session that was locked after it was handed on',
    async (staged) => {
      const { token } = await hand(staged)
      await staged.mesh.sessions.lock(staged.session.id)
      return token
    },
    'ERR_SESSION_ENDED',
  ],
  [
    'a session whose sender was revoked after it was handed on',
    async (staged) => {
      const { token } = await hand(staged)
      await staged.mesh.revoke({ service: ORDERS }, { reason: 'unspecified' })
      return token
    },
    'ERR_SESSION_ENDED',
  ],
  [
    'a token whose jti was revoked',
    async (staged) => {
      const { token, tokenId } = await hand(staged)
      await staged.mesh.revoke({ token: tokenId }, { reason: 'unspecified' })
      return token
    },
    'ERR_SESSION_ENDED',
  ],
  [
    'a token that was used before',
    async (staged) => {
      const propagated = await hand(staged)
      assert.equal(codeOf(await accept(staged.mesh, propagated)), 'accepted')
      return propagated.token
    },
    'ERR_SESSION_REPLAYED',
  ],
]

for (const [name, make, code, service, caller] of UNACCEPTED) {
  test(`does not accept ${name}`, async () => {
    const staged = await prepared()
    const token = await make(staged)
    assert.equal(codeOf(await accept(staged.mesh, { token }, service, caller)), code)
    assert.equal(staged.meter.total('session_acceptance_failed_total', { reason: code }), 1)
    await staged.mesh.close()
  })
}

test('what is refused for another reason is not used up', async () => {
  const staged = await prepared()
  const propagated = await hand(staged)
  assert.equal(codeOf(await accept(staged.mesh, propagated, BILLING, PARTNER)), 'ERR_SESSION_SENDER')
  assert.equal(codeOf(await accept(staged.mesh, propagated, LEDGER)), 'ERR_SESSION_AUDIENCE')
  assert.equal(codeOf(await accept(staged.mesh, propagated)), 'accepted')
  await staged.mesh.close()
})

test('of 100 that accept one token at once, in two processes, exactly one does', async () => {
  const clock = createTestClock()
  const store = createMemoryStateStore({ clock })
  const staged = await prepared({ clock, store })
  const other = await stage({ clock, store })
  const propagated = await hand(staged)
  await coreOf(other.mesh).directory.load()
  const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => accept(at % 2 === 0 ? staged.mesh : other.mesh, propagated)))
  const codes = answers.map(codeOf)
  assert.equal(codes.filter((code) => code === 'accepted').length, 1)
  assert.equal(codes.filter((code) => code === 'ERR_SESSION_REPLAYED').length, 99)
  await staged.mesh.close()
  await other.mesh.close()
})

test('a token that is bound to the certificate of its sender is accepted over that certificate', async () => {
  const staged = await prepared()
  const propagated = await hand(staged, { boundTo: thumbprintOf(ORDERS) })
  assert.equal(codeOf(await accept(staged.mesh, propagated)), 'accepted')
  await staged.mesh.close()
})

test('with the store down nothing is accepted, and nothing is handed on', async () => {
  const clock = createTestClock()
  const { store, state } = breakable(createMemoryStateStore({ clock }), () => new StateError('unreachable', 'down'))
  const staged = await prepared({ clock, store })
  const propagated = await hand(staged)
  state.isDown = true
  const { claims } = state
  assert.equal(codeOf(await accept(staged.mesh, propagated)), 'ERR_SESSION_UNAVAILABLE')
  assert.equal(state.claims, claims)
  const answer = await staged.mesh.propagateSession({ session: staged.session.id, from: ORDERS, to: BILLING })
  assert.equal(answer.refused && answer.code, 'ERR_STATE_UNAVAILABLE')
  await staged.mesh.close()
})

test('that a token was claimed is asked once: an answer that was lost may have been yes', async () => {
  const clock = createTestClock()
  const memory = createMemoryStateStore({ clock })
  let claims = 0
  const staged = await prepared({
    clock,
    store: {
      ...memory,
      claim: async (id, untilMs) => {
        claims++
        await memory.claim(id, untilMs)
        throw new StateError('timeout', 'the answer was lost')
      },
    },
  })
  const propagated = await hand(staged)
  assert.equal(codeOf(await accept(staged.mesh, propagated)), 'ERR_SESSION_UNAVAILABLE')
  assert.equal(claims, 1)
  await staged.mesh.close()
})

test('a store that can remember no more accepts nothing', async () => {
  const clock = createTestClock()
  const staged = await prepared({ clock, store: createMemoryStateStore({ clock, maxReplayEntries: 1 }) })
  assert.equal(codeOf(await accept(staged.mesh, await hand(staged))), 'accepted')
  assert.equal(codeOf(await accept(staged.mesh, await hand(staged))), 'ERR_SESSION_UNAVAILABLE')
  await staged.mesh.close()
})

test('nothing that hands a session on outlives the session', async () => {
  const staged = await prepared({ session: { expiresInSeconds: 60 } })
  const { expiresAtMs } = await hand(staged)
  assert.equal(expiresAtMs, staged.session.expiresAtMs)
  await staged.mesh.close()
})

test('the length of a propagation counts', async () => {
  const staged = await prepared({ propagation: { expiresInSeconds: 10 } })
  const { expiresAtMs } = await hand(staged)
  assert.equal(expiresAtMs, staged.clock.nowMs() + 10_000)
  await staged.mesh.close()
})

test('a session is revoked between the look at it and the commit: it is not handed on', async () => {
  const clock = createTestClock()
  const memory = createMemoryStateStore({ clock })
  let meanwhile: (() => Promise<unknown>) | null = null
  const staged = await prepared({
    clock,
    store: {
      ...memory,
      async commit(change) {
        const act = meanwhile
        meanwhile = null
        await act?.()
        return memory.commit(change)
      },
    },
  })
  const other = await stage({ clock, store: memory })
  meanwhile = () => other.mesh.sessions.revoke(staged.session.id, { reason: 'logout' })
  const answer = await staged.mesh.propagateSession({ session: staged.session.id, from: ORDERS, to: BILLING })
  assert.equal(answer.refused && answer.code, 'ERR_SESSION_ENDED')
  await staged.mesh.close()
  await other.mesh.close()
})

test('a token of 1 MiB costs no signature and no look at the store', async () => {
  const clock = createTestClock()
  const { store, state } = breakable(createMemoryStateStore({ clock }), () => new StateError('unreachable', 'down'))
  const { mesh } = await prepared({ clock, store })
  const { reads } = state
  const token = `${'a'.repeat(349_524)}.${'b'.repeat(349_524)}.${'c'.repeat(349_524)}`
  const answer = await mesh.acceptPropagatedSession(token, { service: BILLING, caller: peerOf(ORDERS) })
  assert.equal(codeOf(answer), 'ERR_SESSION_INVALID')
  assert.equal(isRefusal(answer) && answer.facts['token'], 'ERR_TOKEN_TOO_LARGE')
  assert.equal(state.reads, reads)
  await mesh.close()
})

test('a wrong use is thrown', async () => {
  const staged = await prepared()
  const { mesh, session } = staged
  const { token } = await hand(staged)
  await assert.rejects(mesh.acceptPropagatedSession(token, { service: 'nobody', caller: peerOf(ORDERS) }), { code: 'ERR_OPTION_INVALID' })
  await assert.rejects(mesh.acceptPropagatedSession(token, { service: BILLING } as never), { code: 'ERR_OPTION_MISSING' })
  await assert.rejects(mesh.acceptPropagatedSession(1 as never, { service: BILLING, caller: peerOf(ORDERS) }), {
    code: 'ERR_OPTION_INVALID',
  })
  const request = { session: session.id, from: ORDERS, to: BILLING }
  await assert.rejects(mesh.propagateSession({ ...request, boundTo: 'x' }), { code: 'ERR_OPTION_INVALID' })
  await assert.rejects(mesh.propagateSession({ ...request, session: 1 as never }), { code: 'ERR_OPTION_INVALID' })
  await assert.rejects(mesh.propagateSession({ ...request, hops: 9 } as never), { code: 'ERR_OPTION_UNKNOWN' })
  await mesh.close()
})
