import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { type TestContext, test } from 'node:test'
import type { RevocationEntry } from '@countersign/core'
import { principalSignal, secureHttp2Server } from '@countersign/node'
import { createRevocations, type Revocations } from '@countersign/state'
import { createTestMeter, createTestRecorder } from '@countersign/testing'
import { parseCertificate } from '@countersign/x509'
import { clientOf, createStage, guardOf, listen, oneConnection, serve } from '../requirements/stage.js'
import { createFaultyState, type FaultyState, type FaultyWay } from './faulty-store.js'

const stage = createStage()
const { mesh, orders } = stage
const BILLING = 'spiffe://prod.example/billing'
const thumbprint = parseCertificate(orders.certificateDer)['x5t#S256']

interface Process {
  readonly revocations: Revocations
  readonly way: FaultyWay
}

async function start(t: TestContext, state: FaultyState): Promise<Process> {
  const way = state.connect()
  const revocations = createRevocations({ store: way, clock: mesh.clock, recorder: createTestRecorder(), meter: createTestMeter() })
  t.after(() => revocations.close())
  await revocations.ready()
  return { revocations, way }
}

/** Two processes on one state: the first revokes, the second guards. */
async function two(t: TestContext): Promise<readonly [Process, Process]> {
  const state = createFaultyState(mesh.clock)
  return [await start(t, state), await start(t, state)]
}

function entry(kind: RevocationEntry['kind'], id: string, over: Partial<RevocationEntry> = {}): RevocationEntry {
  const nowMs = mesh.clock.nowMs()
  return {
    kind,
    id,
    issuedBeforeMs: Number.POSITIVE_INFINITY,
    untilMs: nowMs + 86_400_000,
    revokedAtMs: nowMs,
    reason: 'compromise',
    ...over,
  }
}

/** A token of the mesh and what of it can be revoked, by the claims that it says of itself. */
function tokenOf(): { readonly token: string; readonly jti: string } {
  const token = mesh.token({ audience: BILLING, boundTo: orders })
  const claims: { jti: string } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  return { token, jti: claims.jti }
}

const entries: Readonly<Record<string, (token: { readonly jti: string }) => RevocationEntry>> = {
  'its token': ({ jti }) => entry('token', jti),
  'the service': () => entry('service', orders.id, { issuedBeforeMs: mesh.clock.nowMs() + 1_000 }),
  'the key that signed': () => entry('key', mesh.signer.jwks().keys[0]?.kid ?? ''),
  'the certificate that the token is bound to': () => entry('certificate', thumbprint),
}

for (const [what, entryOf] of Object.entries(entries)) {
  for (const protocol of ['an open HTTP/1.1 connection', 'an open HTTP/2 session'] as const) {
    test(`refuses the next request on ${protocol} once another process has revoked ${what}`, async (t) => {
      const [other, own] = await two(t)
      const changes = {
        mtls: { trust: mesh.trust },
        jwt: mesh.jwt({ audience: BILLING, revocation: { list: own.revocations } }),
      }
      const issued = tokenOf()
      const send = await sender(t, protocol, changes, issued.token)
      assert.equal(await send(), orders.id)
      assert.equal(await send(), orders.id)
      await other.revocations.revoke([entryOf(issued)])
      assert.equal(await send(), 'ERR_TOKEN_REVOKED')
      assert.equal(await send(), 'ERR_TOKEN_REVOKED')
    })
  }
}

for (const [what, entryOf] of Object.entries({
  'the certificate': () => entry('certificate', thumbprint),
  'the service for good': () => entry('service', orders.id),
})) {
  for (const protocol of ['an open HTTP/1.1 connection', 'an open HTTP/2 session'] as const) {
    test(`refuses the next request on ${protocol} of a caller without a token once another process has revoked ${what}`, async (t) => {
      const [other, own] = await two(t)
      const send = await sender(t, protocol, { mtls: { trust: mesh.trust, denyList: own.revocations }, jwt: null })
      assert.equal(await send(), orders.id)
      await other.revocations.revoke([entryOf()])
      assert.equal(await send(), 'ERR_PEER_REVOKED')
    })
  }
}

async function sender(
  t: TestContext,
  protocol: 'an open HTTP/1.1 connection' | 'an open HTTP/2 session',
  changes: Parameters<typeof serve>[2],
  token?: string,
): Promise<() => Promise<string>> {
  if (protocol === 'an open HTTP/1.1 connection') {
    const { port, call } = await serve(t, stage, changes)
    const agent = oneConnection(t, mesh, port, orders)
    return async () => (await call({ agent, ...(token === undefined ? {} : { token }) })).said
  }
  const { port } = await serve(t, stage, changes, {}, undefined, 'http2')
  const session = connectHttp2(`https://localhost:${port}`, clientOf(mesh, port, orders))
  session.on('error', () => {})
  t.after(() => session.destroy())
  return async () => {
    const stream = session.request({ ':path': '/', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) })
    const chunks: Uint8Array[] = []
    for await (const chunk of stream) chunks.push(chunk as Uint8Array)
    const text = Buffer.concat(chunks).toString()
    return text.startsWith('{') ? String(JSON.parse(text).code) : text
  }
}

test('ends a stream that is open once another process has revoked its caller', async (t) => {
  const [other, own] = await two(t)
  const guard = guardOf(t, stage, { mtls: { trust: mesh.trust, denyList: own.revocations } })
  const { cert, key } = stage
  const server = secureHttp2Server({ cert, key, guard }, (req, res) => {
    res.write('first')
    const signal = principalSignal(guard, req, res)
    signal.addEventListener('abort', () => res.end(String(signal.reason.code)))
  })
  const port = await listen(t, server)
  const session = connectHttp2(`https://localhost:${port}`, clientOf(mesh, port, orders))
  t.after(() => session.destroy())
  const stream = session.request({ ':path': '/' })
  stream.setEncoding('utf8')
  assert.equal((await once(stream, 'data'))[0], 'first')
  await other.revocations.revoke([entry('certificate', thumbprint)])
  assert.equal((await once(stream, 'data'))[0], 'ERR_PEER_REVOKED')
})

test('refuses a caller behind a proxy whose certificate was revoked, one whose proxy was, and lets the others in', async (t) => {
  const [other, own] = await two(t)
  const ingress = mesh.workload('/ingress')
  const shipping = stage.shipping
  const { port, call } = await serve(t, stage, {
    mtls: { trust: mesh.trust, denyList: own.revocations },
    forwarded: { format: 'nginx', from: { peer: ingress.id } },
  })
  const agent = oneConnection(t, mesh, port, ingress)
  const send = async (as: typeof orders): Promise<string> => {
    const headers = { 'x-ssl-client-cert': encodeURIComponent(as.certificatePem), 'x-ssl-client-verify': 'SUCCESS' }
    return (await call({ agent, headers })).said
  }
  assert.deepEqual([await send(orders), await send(shipping)], [orders.id, shipping.id])
  await other.revocations.revoke([entry('certificate', thumbprint)])
  assert.deepEqual([await send(orders), await send(shipping)], ['ERR_PEER_REVOKED', shipping.id])
  await other.revocations.revoke([entry('service', shipping.id)])
  assert.equal(await send(shipping), 'ERR_PEER_REVOKED')
  const third = mesh.workload('/third')
  assert.equal(await send(third), third.id)
  await other.revocations.revoke([entry('service', ingress.id)])
  assert.equal(await send(third), 'ERR_PEER_REVOKED')
})

test('refuses a name that a proxy asserts once the service was revoked', async (t) => {
  const [other, own] = await two(t)
  const ingress = mesh.workload('/ingress')
  const named = 'orders.shop.serviceaccount.identity.linkerd.cluster.local'
  const { port, call } = await serve(t, stage, {
    mtls: { trust: mesh.trust, denyList: own.revocations },
    forwarded: { format: 'linkerd', from: { peer: ingress.id }, subjects: [{ dnsUnder: 'identity.linkerd.cluster.local' }] },
  })
  const agent = oneConnection(t, mesh, port, ingress)
  const send = async (): Promise<string> => (await call({ agent, headers: { 'l5d-client-id': named } })).said
  assert.equal(await send(), named)
  await other.revocations.revoke([entry('service', named)])
  assert.equal(await send(), 'ERR_PEER_REVOKED')
})

test('knows nothing any more while it is cut off from the store without a sign, and recovers by itself', async (t) => {
  const [other, own] = await two(t)
  const recorder = createTestRecorder()
  const { token } = tokenOf()
  const bench = await serve(t, stage, {
    mtls: { trust: mesh.trust, denyList: own.revocations },
    jwt: mesh.jwt({ audience: BILLING, revocation: { list: own.revocations } }),
    require: 'any',
    audit: recorder,
  })
  const agent = oneConnection(t, mesh, bench.port, orders)
  assert.equal((await bench.call({ agent })).said, orders.id)
  own.way.fault = 'silent'
  await other.revocations.revoke([entry('session', 'another')])
  mesh.clock.advanceSeconds(2)
  assert.equal((await bench.call({ agent })).status, 503)
  assert.equal(recorder.codes().at(-1), 'ERR_PEER_REVOCATION_UNKNOWN')

  own.way.fault = null
  await own.revocations.ready()
  assert.equal((await bench.call({ agent, token })).said, orders.id)
  assert.equal(own.revocations.has('session', 'another', 0), true)
})
