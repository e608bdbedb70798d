import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StateError } from '@countersign/core'
import type { AuthMesh, CreatedSession } from '@countersign/mesh'
import { createMemoryStateStore } from '@countersign/state'
import { createTestClock } from '@countersign/testing'
import { breakable, stage, thumbprintOf, until } from '../fixture.js'

const HOUR = 3600
const REASON = { reason: 'logout' } as const

async function begin(mesh: AuthMesh, request: Partial<Parameters<AuthMesh['sessions']['create']>[0]> = {}): Promise<CreatedSession> {
  const session = await mesh.sessions.create({ subject: 'alice', ...request })
  if (session.refused) throw new Error(session.code)
  return session
}

const statusOf = async (mesh: AuthMesh, { handle }: CreatedSession, use = {}) => (await mesh.sessions.validate(handle, use)).status

test('a session says what it was begun with, and its handle alone opens it', async () => {
  const { mesh, clock } = await stage()
  const session = await begin(mesh, { scopes: ['invoices:read'], claims: { tenant: 't1' }, device: 'd1', location: 'DE' })
  const report = await mesh.sessions.validate(session.handle, { device: 'd1', location: 'DE' })
  assert.ok(report.status === 'ACTIVE')
  const { handle: _, ...rest } = session
  assert.deepEqual(report.session, rest)
  assert.deepEqual({ ...report.session.claims }, { tenant: 't1' })
  assert.equal(session.expiresAtMs, clock.nowMs() + 12 * HOUR * 1000)
  for (const handle of [session.id, `${session.id}.`, `${session.id}.${'A'.repeat(43)}`, 'x', '', `${session.handle}x`])
    assert.deepEqual((await mesh.sessions.validate(handle)).status, null)
  await mesh.close()
})

test('the store holds no handle, only what it cannot be made from', async () => {
  const clock = createTestClock()
  const memory = createMemoryStateStore({ clock })
  const written: string[] = []
  const { mesh } = await stage({
    clock,
    store: {
      ...memory,
      commit: (change) => {
        written.push(JSON.stringify(change))
        return memory.commit(change)
      },
    },
  })
  const { handle } = await begin(mesh)
  const [, secret = ''] = handle.split('.')
  assert.equal(Buffer.from(secret, 'base64url').length, 32)
  assert.ok(written.some((text) => text.includes('secretHash')))
  assert.ok(written.every((text) => !text.includes(secret)))
  await mesh.close()
})

test('what becomes of a session as time goes by', async () => {
  const { mesh, later } = await stage()
  const table: [string, (session: CreatedSession) => Promise<unknown>, number, string][] = [
    ['nothing', async () => {}, 12 * HOUR - 1, 'ACTIVE'],
    ['nothing, for 12 hours', async () => {}, 12 * HOUR, 'EXPIRED'],
    ['two failures', async ({ id }) => [await mesh.sessions.fail(id), await mesh.sessions.fail(id)], 0, 'ACTIVE'],
    [
      'three failures',
      async ({ id }) => [await mesh.sessions.fail(id), await mesh.sessions.fail(id), await mesh.sessions.fail(id)],
      0,
      'LOCKED',
    ],
    [
      'three failures, 899 s ago',
      async ({ id }) => [await mesh.sessions.fail(id), await mesh.sessions.fail(id), await mesh.sessions.fail(id)],
      899,
      'LOCKED',
    ],
    [
      'three failures, 900 s ago',
      async ({ id }) => [await mesh.sessions.fail(id), await mesh.sessions.fail(id), await mesh.sessions.fail(id)],
      900,
      'ACTIVE',
    ],
    ['a lock of 60 s, 59 s ago', async ({ id }) => mesh.sessions.lock(id, 60), 59, 'LOCKED'],
    ['a lock of 60 s, 60 s ago', async ({ id }) => mesh.sessions.lock(id, 60), 60, 'ACTIVE'],
    ['a revocation', async ({ id }) => mesh.sessions.revoke(id, REASON), 0, 'REVOKED'],
    ['a revocation, then a lock', async ({ id }) => [await mesh.sessions.revoke(id, REASON), await mesh.sessions.lock(id)], 0, 'REVOKED'],
    ['a lock, for 12 hours', async ({ id }) => mesh.sessions.lock(id, 86_400), 12 * HOUR, 'EXPIRED'],
  ]
  for (const [name, act, seconds, status] of table) {
    const session = await begin(mesh, { subject: name })
    await act(session)
    await later(seconds)
    assert.equal(await statusOf(mesh, session), status, name)
  }
  await mesh.close()
})

test('a session ends with the certificate that its user has logged in with, whatever its record says', async () => {
  const { mesh } = await stage()
  const session = await begin(mesh, { certificate: thumbprintOf('alice') })
  const other = await begin(mesh)
  assert.equal(await statusOf(mesh, session), 'ACTIVE')
  await mesh.revoke({ certificate: thumbprintOf('alice') }, { reason: 'key-compromise' })
  assert.equal(await statusOf(mesh, session), 'REVOKED')
  assert.equal(await mesh.sessions.confirm(session.id, {}), 'REVOKED')
  const late = await mesh.sessions.create({ subject: 'alice', certificate: thumbprintOf('alice') })
  assert.equal(late.refused && late.code, 'ERR_SESSION_ENDED')
  const listed = await mesh.sessions.list('alice')
  assert.deepEqual('refused' in listed ? listed.code : listed.map(({ id }) => id), [other.id])
  await mesh.close()
})

test('a record of before a lock that is put back into the store does not unlock the session', async () => {
  const clock = createTestClock()
  const store = createMemoryStateStore({ clock })
  const { mesh } = await stage({ clock, store })
  const session = await begin(mesh)
  const key = `session:22:${session.id}`
  const [before] = await store.read([key])
  await mesh.sessions.lock(session.id, 60)
  await store.commit({ put: [{ key, value: before?.value ?? '', untilMs: session.expiresAtMs }] })
  assert.equal(await statusOf(mesh, session), 'LOCKED')
  assert.equal(await mesh.sessions.fail(session.id), 'LOCKED')
  assert.equal(await mesh.sessions.confirm(session.id, {}), 'LOCKED')
  await mesh.close()
})

test('refuses a certificate that is no thumbprint', async () => {
  const { mesh } = await stage()
  await assert.rejects(begin(mesh, { certificate: 'CN=alice' }), { code: 'ERR_OPTION_INVALID', option: 'request.certificate' })
  await mesh.close()
})

test('failures start anew once a lock is over', async () => {
  const { mesh, later } = await stage()
  const session = await begin(mesh)
  for (let turn = 0; turn < 3; turn++) await mesh.sessions.fail(session.id)
  await later(900)
  assert.equal(await mesh.sessions.fail(session.id), 'ACTIVE')
  assert.equal(await mesh.sessions.fail(session.id), 'ACTIVE')
  assert.equal(await mesh.sessions.fail(session.id), 'LOCKED')
  await mesh.close()
})

test('failures that come at once are all counted', async () => {
  const { mesh } = await stage({ session: { maxFailures: 10 } })
  const { id } = await begin(mesh)
  const statuses = await Promise.all(Array.from({ length: 10 }, () => mesh.sessions.fail(id)))
  assert.equal(statuses.filter((status) => status === 'LOCKED').length, 1)
  await mesh.close()
})

test('whoever knows the id of a session cannot lock its owner out', async () => {
  const { mesh } = await stage()
  const session = await begin(mesh)
  for (let turn = 0; turn < 10; turn++) await mesh.sessions.validate(`${session.id}.${'A'.repeat(43)}`)
  assert.equal(await statusOf(mesh, session), 'ACTIVE')
  await mesh.close()
})

for (const [what, use] of [
  ['device', { device: 'd2', location: 'DE' }],
  ['place', { device: 'd1', location: 'FR' }],
  ['unknown device', { location: 'DE' }],
] as const) {
  test(`another ${what} makes a session SUSPICIOUS until its user has confirmed it`, async () => {
    const { mesh, recorder } = await stage()
    const session = await begin(mesh, { device: 'd1', location: 'DE' })
    assert.equal(await statusOf(mesh, session, use), 'SUSPICIOUS')
    assert.equal(await statusOf(mesh, session, { device: 'd1', location: 'DE' }), 'SUSPICIOUS')
    assert.deepEqual(
      recorder.of('session.changed').map(({ facts }) => facts['status']),
      ['SUSPICIOUS'],
    )
    assert.equal(await mesh.sessions.confirm(session.id, { device: 'd9', location: 'FR' }), 'ACTIVE')
    assert.equal(await statusOf(mesh, session, { device: 'd9', location: 'FR' }), 'ACTIVE')
    await mesh.close()
  })
}

test('a subject has five sessions at once, and may begin another when one has ended', async () => {
  const { mesh, later } = await stage()
  const sessions = []
  for (let turn = 0; turn < 5; turn++) sessions.push(await begin(mesh))
  const sixth = await mesh.sessions.create({ subject: 'alice' })
  assert.equal(sixth.refused && sixth.code, 'ERR_SESSIONS_EXCEEDED')
  await begin(mesh, { subject: 'bob' })
  await mesh.sessions.revoke(sessions[2]?.id ?? '', REASON)
  await begin(mesh)
  assert.equal(((await mesh.sessions.list('alice')) as unknown[]).length, 5)
  await later(12 * HOUR)
  assert.deepEqual(await mesh.sessions.list('alice'), [])
  await begin(mesh)
  await mesh.close()
})

for (const processes of [1, 2]) {
  test(`of 40 sessions that are begun at once in ${processes} processes, five are`, async () => {
    const clock = createTestClock()
    const store = createMemoryStateStore({ clock })
    const meshes = await Promise.all(Array.from({ length: processes }, async () => (await stage({ clock, store })).mesh))
    const made = await Promise.all(
      Array.from({ length: 40 }, (_, at) => (meshes[at % processes] ?? assert.fail()).sessions.create({ subject: 'alice' })),
    )
    assert.equal(made.filter(({ refused }) => !refused).length, 5)
    for (const one of made) if (one.refused) assert.match(one.code, /^ERR_SESSIONS_EXCEEDED$|^ERR_STATE_CONFLICT$/)
    assert.equal(((await (meshes[0] ?? assert.fail()).sessions.list('alice')) as unknown[]).length, 5)
    for (const mesh of meshes) await mesh.close()
  })
}

test("with 'end-oldest' the oldest session ends for a new one, everywhere", async () => {
  const { mesh, events } = await stage({ session: { maxPerSubject: 2, whenTooMany: 'end-oldest' } })
  const [first, second, third] = [await begin(mesh), await begin(mesh), await begin(mesh)]
  assert.equal(await statusOf(mesh, first), 'REVOKED')
  assert.equal(await statusOf(mesh, second), 'ACTIVE')
  assert.equal(await statusOf(mesh, third), 'ACTIVE')
  assert.ok(mesh.revocations.has('session', first.id, 0))
  await until(() => events.some(({ topic, payload }) => topic === 'auth.session.revoked' && payload.includes(first.id)))
  await mesh.close()
})

test('the options of sessions count', async () => {
  const { mesh, later } = await stage({ session: { expiresInSeconds: 60, maxPerSubject: 1, maxFailures: 1, lockSeconds: 5 } })
  const session = await begin(mesh)
  assert.equal((await mesh.sessions.create({ subject: 'alice' })).refused, true)
  assert.equal(await mesh.sessions.fail(session.id), 'LOCKED')
  await later(5)
  assert.equal(await statusOf(mesh, session), 'ACTIVE')
  await later(55)
  assert.equal(await statusOf(mesh, session), 'EXPIRED')
  await mesh.close()
})

test('that a session has run out is told once, however many see it', async () => {
  const { mesh, later, events } = await stage()
  const session = await begin(mesh)
  await later(12 * HOUR)
  const statuses = await Promise.all(Array.from({ length: 5 }, () => statusOf(mesh, session)))
  assert.deepEqual(new Set(statuses), new Set(['EXPIRED']))
  const expired = () => events.filter(({ topic }) => topic === 'auth.session.expired')
  await until(() => expired().length > 0)
  assert.equal(expired().length, 1)
  await mesh.close()
})

test('with the store down a session is not known, and nothing is thrown', async () => {
  const clock = createTestClock()
  const { store, state } = breakable(createMemoryStateStore({ clock }), () => new StateError('timeout', 'down'))
  const { mesh } = await stage({ clock, store })
  const session = await begin(mesh)
  state.isDown = true
  const codes = [
    await mesh.sessions.create({ subject: 'alice' }),
    await mesh.sessions.validate(session.handle),
    await mesh.sessions.fail(session.id),
    await mesh.sessions.get(session.id),
    await mesh.sessions.list('alice'),
    await mesh.sessions.revoke(session.id, REASON),
  ].map((answer) => (typeof answer === 'object' && answer !== null && 'code' in answer ? answer.code : answer))
  assert.deepEqual(codes, Array(6).fill('ERR_STATE_UNAVAILABLE'))
  await mesh.close()
})

test('a session that there is not', async () => {
  const { mesh } = await stage()
  assert.equal(await mesh.sessions.get('nothing'), null)
  assert.equal(await mesh.sessions.fail('nothing'), null)
  assert.equal(await mesh.sessions.revoke('nothing', REASON), null)
  assert.deepEqual(await mesh.sessions.list('nobody'), [])
  await mesh.close()
})

test('refuses what is no session', async () => {
  const { mesh } = await stage()
  const create = mesh.sessions.create as (request: unknown) => Promise<unknown>
  for (const request of [
    {},
    { subject: '' },
    { subject: 'x'.repeat(257) },
    { subject: 'spiffe://test.example/orders' },
    { subject: 'alice', scopes: ['a b'] },
    { subject: 'alice', scopes: 'a' },
    { subject: 'alice', claims: [] },
    { subject: 'alice', claims: { big: 'x'.repeat(5000) } },
    { subject: 'alice', claims: { toJSON: () => 'text' } },
    { subject: 'alice', device: '' },
    { subject: 'alice', correlationId: 'a b' },
    { subject: '\ud800' },
  ])
    await assert.rejects(create(request), { code: 'ERR_OPTION_INVALID' }, JSON.stringify(request))
  await assert.rejects(create({ subject: 'alice', role: 'admin' }), { code: 'ERR_OPTION_UNKNOWN' })
  await mesh.close()
})
