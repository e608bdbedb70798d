import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventTopic, isRefusal, MESH_EVENT_TYPES, parseMeshEvent } from '@countersign/mesh'
import { authenticateAll, BILLING, coreOf, ISSUER, ORDERS, peerOf, stage, thumbprintOf, tokenOf, until } from '../fixture.js'

const REASON = { reason: 'unspecified' } as const

test('each type of event is made by something that happens, with a payload of its schema, and no secret in it', async () => {
  const { mesh, events, later } = await stage({ token: { expiresInSeconds: 60 }, keys: { algorithm: 'ES256' } })
  const secrets: string[] = []
  await authenticateAll(mesh)
  const { token, tokenId } = await tokenOf(mesh, ORDERS, BILLING)
  const session = await mesh.sessions.create({ subject: 'alice' })
  const lasting = await mesh.sessions.create({ subject: 'bob' })
  assert.ok(!session.refused && !lasting.refused)
  const handed = await mesh.propagateSession({ session: session.id, from: ORDERS, to: BILLING })
  assert.ok(!handed.refused)
  assert.ok(!isRefusal(await mesh.acceptPropagatedSession(handed.token, { service: BILLING, caller: peerOf(ORDERS) })))
  secrets.push(token, handed.token, session.handle, lasting.handle, 'alice', 'bob')
  await later(91)
  await mesh.sync()
  await mesh.sessions.revoke(session.id, { reason: 'logout' })
  await mesh.revoke({ token: tokenId }, REASON)
  await mesh.revoke({ service: BILLING }, REASON)
  await mesh.revoke({ certificate: thumbprintOf(ORDERS) }, REASON)
  await mesh.revoke({ key: coreOf(mesh).keys.kid }, REASON)
  await later(12 * 3600 - 60)
  await mesh.sessions.validate(lasting.handle)
  await until(() => events.some(({ topic }) => topic === 'auth.session.expired'))
  await mesh.close()

  const seen = new Set<string>()
  for (const { id, topic, payload, atMs } of events) {
    const event = parseMeshEvent(payload)
    assert.ok(event !== null, payload)
    seen.add(event.type)
    assert.equal(event.issuer, ISSUER)
    assert.equal(event.id, id)
    assert.equal(event.atMs, atMs)
    assert.equal(topic, event.type === 'auth.session.propagated' ? eventTopic(event.type, event.target) : event.type)
    for (const secret of secrets) assert.ok(!payload.includes(secret), `${event.type} holds a secret`)
    // No JWT of any kind, whoever made it.
    assert.doesNotMatch(payload, /eyJ[\w-]+\.[\w-]+\.[\w-]+/)
  }
  // Made by others: whoever registers services, and the authorization server.
  const made = MESH_EVENT_TYPES.filter((type) => !/registered$|exchanged$/.test(type))
  assert.deepEqual([...seen].toSorted(), [...made].toSorted())
  const propagated = events.filter(({ topic }) => topic.startsWith('auth.session.propagated'))
  assert.deepEqual(
    propagated.map(({ payload }) => parseMeshEvent(payload)?.tokenId),
    [handed.tokenId],
  )
})

test('a target makes a topic of its own, whatever its name is', () => {
  assert.equal(
    eventTopic('auth.session.propagated', 'spiffe://prod.example/billing'),
    'auth.session.propagated.spiffe_3A_2F_2Fprod_2Eexample_2Fbilling',
  )
  for (const name of ['*', '>', '#', '+', 'a.b', 'a/b', 'a b', 'a\nb', '$SYS', 'ä', '_', '_2A'])
    assert.match(eventTopic('auth.session.propagated', name), /^auth\.session\.propagated\.[\w-]+$/)
})

test('no two targets share a topic', () => {
  const letters = ['a', 'A', '_', '-', '.', '*', '/', ':', '2', 'F', ' ', '\u00e4', '\u{1f600}', '']
  const names = new Set(letters.flatMap((one) => letters.flatMap((two) => letters.map((three) => `${one}${two}${three}`))))
  const topics = new Set([...names].map((name) => eventTopic('auth.session.propagated', name)))
  assert.equal(topics.size, names.size)
  const long = 'a'.repeat(3000)
  assert.ok(eventTopic('auth.session.propagated', long).length < 200)
  assert.notEqual(eventTopic('auth.session.propagated', long), eventTopic('auth.session.propagated', `${long}a`))
})

test('reads an event strictly', () => {
  const event = { type: 'auth.session.revoked', id: 'e1', issuer: ISSUER, atMs: 1, sessionId: 's1', reason: 'logout' }
  assert.deepEqual({ ...parseMeshEvent(JSON.stringify(event)) }, event)
  for (const wrong of [
    { ...event, type: 'auth.session.*' },
    { ...event, id: '' },
    { ...event, atMs: '1' },
    { ...event, sessionId: 1 },
    { ...event, sessionId: undefined },
    { ...event, reason: undefined },
    { ...event, token: 'eyJ' },
    { ...event, issuer: 'x'.repeat(3000) },
    [event],
    null,
  ])
    assert.equal(parseMeshEvent(JSON.stringify(wrong)), null, JSON.stringify(wrong))
  assert.equal(parseMeshEvent('{'), null)
  assert.equal(parseMeshEvent('{"type":"auth.session.revoked","type":"auth.session.revoked"}'), null)
})

test('where nobody is to hear of events none are made, and none fill the store', async () => {
  const { mesh, store } = await stage({ events: null })
  await authenticateAll(mesh)
  await coreOf(mesh).revocations.commit({ emit: [{ id: '1', topic: 't', payload: '{}', atMs: 0 }] })
  await coreOf(mesh).store.commit({ emit: [{ id: '2', topic: 't', payload: '{}', atMs: 0 }] })
  assert.deepEqual(await store.outbox.take(10, 1000), [])
  await mesh.close()
})

test('an event that was not delivered before the mesh was closed is delivered by the next one', async () => {
  const first = await stage({
    events: () => {
      throw new Error('the broker is down')
    },
  })
  const { tokenId } = await tokenOf(first.mesh, ORDERS, BILLING)
  await first.mesh.close()
  // The lease of whoever took it has to run out first.
  first.clock.advanceSeconds(60)
  const second = await stage({ store: first.store, clock: first.clock })
  await until(() => second.events.some(({ payload }) => payload.includes(tokenId)))
  await second.mesh.close()
})

test('sinks that throw break nothing', async () => {
  const broken = (): never => {
    throw new Error('broken')
  }
  const instrument = { add: broken, record: broken }
  const { mesh } = await stage({
    audit: { wants: () => true, record: broken, close: async () => {} },
    meter: { createCounter: () => instrument, createGauge: () => instrument, createHistogram: () => instrument },
    events: broken,
  })
  const { token, tokenId } = await tokenOf(mesh, ORDERS, BILLING)
  const request = { audience: BILLING, peer: peerOf(ORDERS) }
  assert.equal((await mesh.validateServiceToken(token, request)).status, 'AUTHENTICATED')
  await mesh.revoke({ token: tokenId }, REASON)
  assert.equal((await mesh.validateServiceToken(token, request)).status, 'REVOKED')
  await mesh.sync()
  await mesh.close()
})

test('what is written down has the kind of what happened, and the figures count the same', async () => {
  const { mesh, recorder, meter, clock } = await stage()
  await authenticateAll(mesh)
  await mesh.authenticateService({ service: ORDERS, peer: peerOf(BILLING), audience: BILLING })
  const { token, tokenId } = await tokenOf(mesh, ORDERS, BILLING)
  await mesh.validateServiceToken(token, { audience: BILLING, peer: peerOf(ORDERS) })
  await mesh.validateServiceToken(token, { audience: BILLING, peer: null })
  const session = await mesh.sessions.create({ subject: 'alice', device: 'd1' })
  assert.ok(!session.refused)
  const handed = await mesh.propagateSession({ session: session.id, from: ORDERS, to: BILLING })
  assert.ok(!handed.refused)
  await mesh.propagateSession({ session: session.id, from: BILLING, to: 'nobody.example' })
  const caller = peerOf(ORDERS)
  await mesh.acceptPropagatedSession(handed.token, { service: BILLING, caller })
  await mesh.acceptPropagatedSession(handed.token, { service: BILLING, caller })
  await mesh.sessions.validate(session.handle, { device: 'd2' })
  await mesh.sessions.revoke(session.id, { reason: 'logout' })
  await mesh.revoke({ token: tokenId }, REASON)
  const iat = clock.nowMs() / 1000 + 40
  const ahead = await coreOf(mesh).keys.sign('at+jwt', {
    iss: ISSUER,
    sub: ORDERS,
    aud: BILLING,
    client_id: ORDERS,
    iat,
    exp: iat + 60,
    jti: 'j',
  })
  await mesh.validateServiceToken(ahead, { audience: BILLING, peer: peerOf(ORDERS) })

  const counts = new Map<string, number>()
  for (const { kind } of recorder.events) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  assert.deepEqual(Object.fromEntries(counts), {
    'guard.configured': 1,
    'service.authenticated': 5,
    'token.issued': 5,
    'service.authentication-failed': 1,
    'token.refused': 2,
    'session.created': 1,
    'session.propagated': 1,
    'session.refused': 2,
    'session.accepted': 1,
    'session.changed': 1,
    'session.ended': 1,
    'evidence.revoked': 1,
    'clock.drifted': 1,
  })
  assert.equal(meter.total('service_authentications'), 5)
  assert.equal(meter.total('service_authentication_failed_total', { reason: 'ERR_SERVICE_MISMATCH' }), 1)
  assert.equal(meter.total('service_token_validations_total', { status: 'AUTHENTICATED' }), 1)
  assert.equal(meter.total('service_token_validations_total', { status: 'UNAUTHORIZED' }), 1)
  assert.equal(meter.total('service_token_validations_total', { status: 'INVALID' }), 1)
  assert.equal(meter.total('session_propagations_total'), 1)
  assert.equal(meter.total('session_propagation_failed_total', { reason: 'ERR_TARGET_UNKNOWN' }), 1)
  assert.equal(meter.total('session_acceptances_total'), 1)
  assert.equal(meter.total('session_acceptance_failed_total', { reason: 'ERR_SESSION_REPLAYED' }), 1)
  assert.equal(meter.total('auth_revocations_total'), 2)
  assert.deepEqual(
    ['authenticate', 'validate', 'propagate', 'accept'].map(
      (operation) => meter.values('service_auth_latency_seconds', { operation }).length,
    ),
    [6, 3, 2, 2],
  )
  // One id for all of it, in the log of each service.
  const { correlationId } = session
  for (const kind of ['session.created', 'session.propagated', 'session.accepted'] as const)
    assert.equal(recorder.of(kind)[0]?.facts['correlationId'], correlationId)
  const written = JSON.stringify(recorder.events.map(({ cause: _, ...event }) => event))
  for (const secret of [token, handed.token, session.handle, ahead]) assert.ok(!written.includes(secret.slice(-30)))
  await mesh.close()
})

test('names that nobody has make no new label', async () => {
  const { mesh, meter, recorder } = await stage()
  for (let turn = 0; turn < 50; turn++) {
    const service = `spiffe://test.example/SECRET-${turn}`
    await mesh.authenticateService({ service, peer: peerOf(service), audience: BILLING })
  }
  const labels = new Set(meter.points.map(({ name, labels: one }) => `${name} ${JSON.stringify(one)}`))
  assert.ok(labels.size < 20, [...labels].join('\n'))
  assert.ok(!JSON.stringify(recorder.events).includes('SECRET'))
  await mesh.close()
})
