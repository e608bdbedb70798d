import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Principal } from '@countersign/core'
import { countersign as forExpress } from '@countersign/express'
import { countersign as forFastify } from '@countersign/fastify'
import { createGuard, createMeter, type Guard } from '@countersign/guard'
import { countersign as forKoa } from '@countersign/koa'
import { type AuthMesh, type CreatedSession, createAuthMesh } from '@countersign/mesh'
import { secureServer } from '@countersign/node'
import { createMemoryStateStore } from '@countersign/state'
import { createTestMesh, createTestRecorder, type Workload } from '@countersign/testing'
import express from 'express'
import Fastify, { type FastifyServerFactory } from 'fastify'
import Koa from 'koa'
import { insideOf } from './inside.js'

const pki = createTestMesh('prod.example')
const options = { dns: ['localhost'], ip: ['127.0.0.1'] }
const web = pki.workload('/web', options)
const orders = pki.workload('/orders', options)
const billing = pki.workload('/billing', options)
const ledger = pki.workload('/ledger', options)
const SERVICES = {
  [web.id]: { mayCall: [orders.id] },
  [orders.id]: { mayCall: [billing.id] },
  [billing.id]: { mayCall: [ledger.id] },
  [ledger.id]: { mayCall: [billing.id] },
}

const folder = mkdtempSync(join(tmpdir(), 'countersign-mesh-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** The certificate and key of a server, in files. */
function filesOf({ id, chainPem, keyPem }: Workload): { readonly cert: string; readonly key: string } {
  const cert = join(folder, `${basename(id)}.pem`)
  const key = join(folder, `${basename(id)}-key.pem`)
  writeFileSync(cert, chainPem)
  writeFileSync(key, keyPem, { mode: 0o600 })
  return { cert, key }
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** One call over mutual TLS, as a service makes it. */
async function call(as: Workload, port: number, headers: Record<string, string> = {}, path = '/', agent?: Agent): Promise<Answer> {
  const sent = request({
    host: '127.0.0.1',
    servername: 'localhost',
    port,
    path,
    headers,
    cert: as.chainPem,
    key: as.keyPem,
    ca: pki.trustPem,
    agent: agent ?? false,
  })
  sent.end()
  const [response] = await once(sent, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode, text }
}

/** A process: its own mesh on the shared store, its guard, its log. */
async function start(t: TestContext, self: Workload, store: ReturnType<typeof createMemoryStateStore>) {
  const recorder = createTestRecorder()
  const meter = createMeter()
  const mesh = createAuthMesh({
    issuer: 'https://mesh.prod.example',
    services: SERVICES,
    store,
    keys: { algorithm: 'ES256' },
    audit: recorder,
    meter,
  })
  t.after(() => mesh.close())
  await mesh.ready()
  const guard: Guard = createGuard({
    mtls: { trust: pki.trust },
    jwt: mesh.jwt({ audience: self.id }),
    session: mesh.sessionVerifier({ service: self.id }),
    authorize: Object.keys(SERVICES),
    audit: recorder,
    meter,
    limit: null,
  })
  t.after(() => guard.close())
  await guard.ready()
  return { self, mesh, guard, recorder, meter }
}

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function') server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

type Handler = (principal: Principal) => Promise<string>
type Process = Awaited<ReturnType<typeof start>>
type Serve = (t: TestContext, process: Process, handle: Handler) => Promise<number>

function serverOf({ self, guard }: Process, listener: Parameters<typeof secureServer>[1]): Server {
  return secureServer({ ...filesOf(self), guard }, listener)
}

const byNode: Serve = (t, process, handle) =>
  listen(
    t,
    serverOf(process, async (req, res) => res.end(await handle(process.guard.principal(req)))),
  )

const byExpress: Serve = (t, process, handle) => {
  const app = express()
  app.use(forExpress(process.guard))
  app.get('/', async (req, res) => res.send(await handle(process.guard.principal(req))))
  return listen(t, serverOf(process, app))
}

const byKoa: Serve = (t, process, handle) => {
  const app = new Koa()
  app.use(forKoa(process.guard))
  app.use(async (ctx) => {
    ctx.body = await handle(process.guard.principal(ctx))
  })
  return listen(t, serverOf(process, app.callback()))
}

const byFastify: Serve = async (t, process, handle) => {
  let server: Server | undefined
  const serverFactory = ((listener: Parameters<typeof secureServer>[1]) => {
    server = serverOf(process, listener)
    return server
  }) as unknown as FastifyServerFactory
  const app = Fastify({ serverFactory })
  await app.register(forFastify, { guard: process.guard })
  app.get('/', (req) => handle(process.guard.principal(req)))
  await app.ready()
  t.after(() => app.close())
  return listen(t, server ?? assert.fail())
}

/** A token for the next hop, got from the authority over mutual TLS. */
async function tokenFrom(authority: number, as: Workload, audience: string): Promise<string> {
  const answer = await call(as, authority, {}, `/token/${encodeURIComponent(Buffer.from(audience).toString('base64url'))}`)
  assert.equal(answer.status, 200, answer.text)
  return answer.text
}

/** The one that gives tokens: whoever has a certificate may ask. */
async function authorityOf(t: TestContext, mesh: AuthMesh): Promise<number> {
  const guard = createGuard({ mtls: { trust: pki.trust }, jwt: null, authorize: Object.keys(SERVICES), audit: null, limit: null })
  t.after(() => guard.close())
  const server = secureServer({ ...filesOf(web), guard }, async (req, res) => {
    const { peer, id } = guard.principal(req)
    const audience = Buffer.from(decodeURIComponent((req.url ?? '').split('/').at(-1) ?? ''), 'base64url').toString()
    const issued = await mesh.authenticateService({ service: id, peer, audience })
    res.statusCode = issued.status === 'AUTHENTICATED' ? 200 : 403
    res.end(issued.status === 'AUTHENTICATED' ? issued.accessToken : issued.code)
  })
  return listen(t, server)
}

async function stage(t: TestContext) {
  const store = createMemoryStateStore()
  const processes = await Promise.all([web, orders, billing, ledger].map((self) => start(t, self, store)))
  const [atWeb, atOrders, atBilling, atLedger] = processes as [Process, Process, Process, Process]
  const authority = await authorityOf(t, atWeb.mesh)
  // Each proves itself at its start.
  const tokens = {
    web: await tokenFrom(authority, web, orders.id),
    orders: await tokenFrom(authority, orders, billing.id),
    billing: await tokenFrom(authority, billing, ledger.id),
  }
  await tokenFrom(authority, ledger, billing.id)
  // Asked once a second at most: a key that another process has made in this very second is not known yet.
  const kids = processes.map(({ mesh }) => insideOf(mesh).keys.kid)
  for (const { mesh } of processes) {
    while (!kids.every((kid) => insideOf(mesh).directory.get(kid) !== undefined)) {
      await insideOf(mesh).directory.load()
      await sleep(50)
    }
  }
  return { store, authority, tokens, atWeb, atOrders, atBilling, atLedger }
}

/** Calls the next service with our token, the session handed on. */
async function forward(
  process: Process,
  token: string,
  session: Parameters<AuthMesh['propagateSession']>[0]['session'],
  to: Workload,
  port: number,
): Promise<Answer> {
  const handed = await process.mesh.propagateSession({ session, from: process.self.id, to: to.id, boundTo: process.self['x5t#S256'] })
  if (handed.refused) return { status: 0, text: handed.code }
  return call(process.self, port, { authorization: `Bearer ${token}`, ...handed.headers })
}

function sessionOf({ session }: Principal): NonNullable<Principal['session']> {
  return session ?? assert.fail('no session')
}

for (const [name, first, second, third] of [
  ['Fastify, Koa and Express', byFastify, byKoa, byExpress],
  ['Express, node:https and Fastify', byExpress, byNode, byFastify],
  ['Koa, Express and node:https', byKoa, byExpress, byNode],
] as const) {
  test(`a session goes over three services of ${name}, each with its own token and certificate`, async (t) => {
    const { tokens, atWeb, atOrders, atBilling, atLedger } = await stage(t)
    const atThird = await third(t, atLedger, async (principal) => {
      const { subject, actors, scopes, correlationId, claims } = sessionOf(principal)
      return JSON.stringify({ subject, actors, scopes: [...scopes], correlationId, tenant: claims['tenant'], caller: principal.id })
    })
    const atSecond = await second(t, atBilling, async (principal) => {
      const session = sessionOf(principal)
      return (await forward(atBilling, tokens.billing, session, ledger, atThird)).text
    })
    const atFirst = await first(t, atOrders, async (principal) => {
      const session = sessionOf(principal)
      return (await forward(atOrders, tokens.orders, session, billing, atSecond)).text
    })

    const session = await atWeb.mesh.sessions.create({ subject: 'alice', scopes: ['invoices:read'], claims: { tenant: 't1' } })
    assert.ok(!session.refused)
    const answer = await forward(atWeb, tokens.web, session.id, orders, atFirst)
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual(JSON.parse(answer.text), {
      subject: 'alice',
      actors: [billing.id, orders.id, web.id],
      scopes: ['invoices:read'],
      correlationId: session.correlationId,
      tenant: 't1',
      caller: billing.id,
    })
    // One id in the log of every service on the way.
    for (const { recorder } of [atOrders, atBilling, atLedger])
      assert.equal(recorder.of('session.accepted')[0]?.facts['correlationId'], session.correlationId)
    assert.match(atLedger.meter.toPrometheus(), /^session_acceptances_total 1$/m)
    assert.match(atBilling.meter.toPrometheus(), /^session_propagations_total 1$/m)
  })
}

test('what was read on its way is worth nothing: used once, from that caller, for that service', async (t) => {
  const { tokens, atWeb, atOrders, atBilling } = await stage(t)
  const answering: Handler = async (principal) => principal.session?.subject ?? 'no session'
  const atFirst = await byExpress(t, atOrders, answering)
  const atSecond = await byKoa(t, atBilling, answering)
  const session = await atWeb.mesh.sessions.create({ subject: 'alice' })
  assert.ok(!session.refused)
  const handed = await atWeb.mesh.propagateSession({ session: session.id, from: web.id, to: orders.id })
  assert.ok(!handed.refused)
  const codeOf = ({ text }: Answer): unknown => JSON.parse(text).code
  // Another caller with a certificate and a token of its own, then another service: neither uses it up.
  const elsewhere = await call(orders, atSecond, { authorization: `Bearer ${tokens.orders}`, ...handed.headers })
  assert.equal(codeOf(elsewhere), 'ERR_SESSION_AUDIENCE')
  const mine = { authorization: `Bearer ${tokens.web}`, ...handed.headers }
  assert.equal((await call(web, atFirst, mine)).text, 'alice')
  assert.equal(codeOf(await call(web, atFirst, mine)), 'ERR_SESSION_REPLAYED')
  // Without a session the same caller is let in as itself.
  assert.equal((await call(web, atFirst, { authorization: `Bearer ${tokens.web}` })).text, 'no session')
  // The token of another service does not work over this certificate.
  assert.equal(codeOf(await call(billing, atFirst, { authorization: `Bearer ${tokens.web}` })), 'ERR_TOKEN_BINDING')
})

test('what one process revokes ends at another within a second, on a connection that stays open', async (t) => {
  const { tokens, atWeb, atOrders, atLedger } = await stage(t)
  const port = await byFastify(t, atOrders, async (principal) => principal.session?.subject ?? 'no session')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const headers = { authorization: `Bearer ${tokens.web}` }
  assert.equal((await call(web, port, headers, '/', agent)).status, 200)
  const startMs = performance.now()
  const revoked = await atLedger.mesh.revoke({ service: web.id }, { reason: 'key-compromise' })
  assert.ok(!revoked.refused && revoked.isStored)
  let answer = await call(web, port, headers, '/', agent)
  while (answer.status === 200 && performance.now() - startMs < 1000) answer = await call(web, port, headers, '/', agent)
  assert.equal(JSON.parse(answer.text).code, 'ERR_TOKEN_REVOKED')
  // It proves itself anew, and goes on.
  const anew = await atWeb.mesh.authenticateService({ service: web.id, peer: peerFrom(web), audience: orders.id })
  assert.ok(anew.status === 'AUTHENTICATED')
  assert.equal((await call(web, port, { authorization: `Bearer ${anew.accessToken}` }, '/', agent)).status, 200)
})

test('a certificate that is revoked in one process ends at another what was got with it and bound to its successor', async (t) => {
  const { atWeb, atOrders, atLedger } = await stage(t)
  const port = await byExpress(t, atOrders, async () => 'good')
  const former = pki.workload('/web', options)
  const peer = peerFrom(former)
  const issued = await atWeb.mesh.authenticateService({ service: web.id, peer, audience: orders.id, boundTo: web['x5t#S256'] })
  assert.ok(issued.status === 'AUTHENTICATED')
  const headers = { authorization: `Bearer ${issued.accessToken}` }
  assert.equal((await call(web, port, headers)).text, 'good')
  await atLedger.mesh.revoke({ certificate: former['x5t#S256'] }, { reason: 'key-compromise' })
  await sleep(1000)
  assert.equal(JSON.parse((await call(web, port, headers)).text).code, 'ERR_TOKEN_REVOKED')
})

const ENDINGS: [string, (mesh: AuthMesh, session: CreatedSession) => Promise<unknown>][] = [
  ['revoked', (mesh, { id }) => mesh.sessions.revoke(id, { reason: 'logout' })],
  ['locked', (mesh, { id }) => mesh.sessions.lock(id, 60)],
  ['used from another device', (mesh, { handle }) => mesh.sessions.validate(handle, { device: 'd2' })],
]
for (const [what, end] of ENDINGS) {
  test(`a stream ends when its session is ${what} in another process`, async (t) => {
    const { tokens, atWeb, atOrders, atBilling } = await stage(t)
    const port = await listen(
      t,
      serverOf(atOrders, (req, res) => {
        const grant = atOrders.guard.attached(req) ?? assert.fail()
        res.write('begun')
        atOrders.guard.watch(grant).addEventListener('abort', ({ target }) => {
          const { reason } = target as AbortSignal
          res.end(` and ended: ${reason.code}`)
        })
      }),
    )
    const session = await atWeb.mesh.sessions.create({ subject: 'alice', device: 'd1' })
    assert.ok(!session.refused)
    const answer = forward(atWeb, tokens.web, session.id, orders, port)
    await atOrders.recorder.waitFor(({ kind }) => kind === 'session.accepted')
    await end(atBilling.mesh, session)
    assert.deepEqual(await answer, { status: 200, text: 'begun and ended: ERR_SESSION_ENDED' })
  })
}

test('a session travels as plain text too, as gRPC metadata carries it', async (t) => {
  const { atWeb, atOrders } = await stage(t)
  const session = await atWeb.mesh.sessions.create({ subject: 'alice' })
  assert.ok(!session.refused)
  const handed = await atWeb.mesh.propagateSession({ session: session.id, from: web.id, to: orders.id })
  assert.ok(!handed.refused)
  const metadata = new Map([['propagated-session', handed.token]])
  const accepted = await atOrders.mesh.acceptPropagatedSession(metadata.get('propagated-session') ?? '', {
    service: orders.id,
    caller: peerFrom(web),
  })
  assert.ok(!('refused' in accepted))
  assert.deepEqual(accepted.actors, [web.id])
})

function peerFrom(workload: Workload): NonNullable<Principal['peer']> {
  return {
    id: workload.id,
    identity: { kind: 'spiffe', authority: 'prod.example', value: workload.id },
    spiffeId: workload.id,
    provenance: 'connection',
    certificate: { 'x5t#S256': workload['x5t#S256'] } as NonNullable<Principal['peer']>['certificate'],
    expiresAtMs: Number.POSITIVE_INFINITY,
  }
}
