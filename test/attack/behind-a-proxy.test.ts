import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createGuard, type GuardOptions } from '@countersign/guard'
import { createDevAuthority } from '@countersign/issuer'
import { countersign } from '@countersign/node'
import { createTestMesh, type FakeTlsSocket, fakeTlsSocket, type InjectedResponse, inject, type Workload } from '@countersign/testing'
import { createArena, send, serve } from './harness.js'

const mesh = createTestMesh('prod.example')
const ingress = mesh.workload('/ingress')
const client = mesh.workload('/orders')

type Call = (socket: FakeTlsSocket, headers: Readonly<Record<string, string>>, path?: string, token?: string) => Promise<InjectedResponse>

/** A service behind nginx that answers with the address which it takes for the client's. */
function serviceWith(t: TestContext, clientAddress: 'x-forwarded-for' | 'forwarded' | null, options: Partial<GuardOptions> = {}): Call {
  const guard = createGuard({
    mtls: { trust: mesh.trust },
    jwt: mesh.jwt({ audience: 'orders', binding: 'if-bound' }),
    require: [['mtls']],
    authorize: [client.id],
    authority: 'any',
    audit: null,
    runtime: { clock: mesh.clock },
    forwarded: { format: 'nginx', from: { peer: ingress.id }, clientAddress },
    routes: [{ path: '/health', require: 'none' }],
    ...options,
  })
  t.after(() => guard.close())
  const listener = countersign(guard, (req, res) => res.end(guard.attached(req)?.inbound.clientAddress ?? ''))
  return (socket, headers, path = '/', token) => inject(listener, { socket, headers, path, ...(token === undefined ? {} : { token }) })
}

const through = (proxy: Workload): FakeTlsSocket => fakeTlsSocket({ peer: proxy })
const NOBODY = { 'x-ssl-client-verify': 'NONE' }
const fieldsOf = ({ certificatePem }: Workload) => ({
  'x-ssl-client-cert': encodeURIComponent(certificatePem),
  'x-ssl-client-verify': 'SUCCESS',
})

test('strangers behind a proxy do not keep it from proving itself with its next certificate', async (t) => {
  const call = serviceWith(t, null)
  const old = through(ingress)
  assert.equal((await call(old, fieldsOf(client))).status, 200)
  for (let failure = 0; failure < 25; failure++) await call(old, NOBODY, '/', `garbage${failure}`)
  assert.equal((await call(old, NOBODY, '/', 'garbage')).problem?.code, 'ERR_ATTEMPTS_EXCEEDED')
  assert.equal((await call(through(mesh.workload('/ingress')), fieldsOf(client))).status, 200)
})

test('a client cannot make the proxy say nothing of its address', async (t) => {
  const call = serviceWith(t, 'x-forwarded-for')
  const socket = through(ingress)
  const told = { ...fieldsOf(client), 'x-forwarded-for': '203.0.113.9' }
  assert.equal((await call(socket, told)).text, '203.0.113.9')
  assert.equal((await call(socket, { ...told, X_Forwarded_For: '192.0.2.1' })).problem?.code, 'ERR_FORWARDED_AMBIGUOUS')
  assert.equal((await call(socket, { ...told, connection: 'keep-alive, x-forwarded-for' })).problem?.code, 'ERR_FORWARDED_AMBIGUOUS')
})

test('a client of a proxy that appends cannot make its address unreadable by what it puts in front', async (t) => {
  const socket = through(ingress)
  const long = serviceWith(t, 'x-forwarded-for')
  const padded = { ...fieldsOf(client), 'x-forwarded-for': `${'192.0.2.1, '.repeat(400)}203.0.113.9` }
  assert.equal((await long(socket, padded)).problem?.code, 'ERR_FORWARDED_TOO_LARGE')
  const broken = serviceWith(t, 'forwarded')
  const other = through(ingress)
  assert.equal((await broken(other, { ...fieldsOf(client), forwarded: 'for=unknown, for=203.0.113.9' })).text, '203.0.113.9')
  assert.equal((await broken(other, { ...fieldsOf(client), forwarded: 'for=", for=203.0.113.9' })).problem?.code, 'ERR_FORWARDED_MALFORMED')
  // What the proxy itself does not tell is nobody's doing.
  assert.equal((await broken(other, { ...fieldsOf(client), forwarded: 'for=203.0.113.9, for=unknown' })).text, '127.0.0.1')
})

test('one client of a proxy does not use up the quota of another on a route that reads no evidence', async (t) => {
  const call = serviceWith(t, 'x-forwarded-for')
  const socket = through(ingress)
  assert.equal((await call(socket, { ...fieldsOf(client), 'x-forwarded-for': '203.0.113.9' })).status, 200)
  for (let flood = 0; flood < 200; flood++) await call(socket, { 'x-forwarded-for': '203.0.113.66' }, '/health')
  assert.equal((await call(socket, { 'x-forwarded-for': '203.0.113.66' }, '/health')).problem?.code, 'ERR_QUOTA_EXCEEDED')
  assert.equal((await call(socket, { 'x-forwarded-for': '203.0.113.9' }, '/health')).status, 200)
  // The proxy itself, which asks whether we live, and takes us off if we do not.
  assert.equal((await call(socket, {}, '/health')).status, 200)
  assert.equal((await call(socket, { 'x-forwarded-for': '203.0.113.66', X_Forwarded_For: '' }, '/health')).status, 400)
})

test('many clients on one connection of a proxy are each who they are, whatever came before', async (t) => {
  const call = serviceWith(t, 'x-forwarded-for', { authorize: 'any-authenticated', limit: null })
  const people = Array.from({ length: 8 }, (_, i) => mesh.workload(`/orders/${i}`))
  const socket = through(ingress)
  for (let turn = 0; turn < 64; turn++) {
    const at = (turn * 5) % 9
    const person = people[at]
    const response = await call(socket, { ...(person === undefined ? NOBODY : fieldsOf(person)), 'x-forwarded-for': `192.0.2.${at}` })
    if (person === undefined) assert.equal(response.problem?.code, 'ERR_PEER_MISSING')
    else assert.equal(response.text, `192.0.2.${at}`)
  }
})

test('a partner whose bundle holds more names than a handshake takes keeps nobody else out', async (t) => {
  const arena = createArena(t)
  const orders = arena.mesh.workload('/orders')
  const bundle = Array.from(
    { length: 30 },
    (_, i) => createDevAuthority({ name: `${'x'.repeat(3_000)}${i}`, trustDomain: 'partner.example' }).certificatePem,
  ).join('')
  const guard = createGuard({
    mtls: {
      trust: [
        { trustDomain: 'prod.example', pem: arena.mesh.trustPem },
        { trustDomain: 'partner.example', pem: bundle },
      ],
    },
    jwt: null,
    authorize: [orders.id],
    audit: null,
  })
  assert.equal((await send(await serve(t, arena, guard), { credential: orders })).status, 200)
})
