import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { connect, createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { countersign, createGuard } from '@countersign/express'
import { type AuthorizationServer, createAuthorizationServer } from '@countersign/mesh'
import { createTestMesh, type TestMesh } from '@countersign/testing'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { express4, Koa2 } from '../conformance/frameworks.js'
import { byCertificate } from './clients.js'
import { BILLING, createMesh, fetchAs, listen, ORDERS } from './stage.js'

/** A token by POST, the metadata by GET, a wrong method, and a path of somebody else. */
async function assertMounted(
  t: TestContext,
  mount: (server: AuthorizationServer) => Promise<RequestListener> | RequestListener,
): Promise<void> {
  const { call, recorder } = await serve(t, mount)
  const token = await call('/auth/token', { method: 'POST', body: form() })
  assert.equal(token.status, 200, await token.clone().text())
  assert.equal(token.headers.get('cache-control'), 'no-store')
  assert.equal(((await token.json()) as { readonly token_type: string }).token_type, 'Bearer')
  const metadata = await call('/.well-known/oauth-authorization-server/auth')
  assert.equal(((await metadata.json()) as { readonly issuer: string }).issuer, 'https://localhost/auth')
  assert.equal((await call('/auth/jwks')).status, 200)
  assert.equal((await call('/auth/token')).status, 405)
  const rejected = await call('/auth/token', {
    method: 'POST',
    body: 'grant_type=x',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  assert.equal(rejected.status, 400)
  const other = await call('/hello', { method: 'POST', body: 'name=you', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  assert.equal(other.status, 200)
  assert.equal(await other.text(), 'hello')
  assert.equal(recorder.of('token.issued').length, 1)
}

const form = () => new URLSearchParams({ grant_type: 'client_credentials', client_id: ORDERS, audience: BILLING })

async function serve(t: TestContext, mount: (server: AuthorizationServer, mesh: TestMesh) => Promise<RequestListener> | RequestListener) {
  const mesh = createTestMesh('prod.example')
  const { authMesh, recorder } = await createMesh(t, 'https://localhost/auth', 'ES256')
  const server = createAuthorizationServer({ mesh: authMesh, mtls: { trust: mesh.trust }, clients: [byCertificate(ORDERS)] })
  t.after(() => server.close())
  const billing = mesh.workload('/billing', { dns: ['localhost'] })
  const tls = await listen(t, mesh, billing, await mount(server, mesh))
  const origin = `https://localhost:${(tls.address() as AddressInfo).port}`
  const send = fetchAs(mesh, mesh.workload('/orders'))
  return { recorder, mesh, server, call: (path: string, init: RequestInit = {}) => send(`${origin}${path}`, init) }
}

for (const [name, make] of [
  ['Express 5', express],
  ['Express 4', express4],
] as const) {
  test(`${name}: app.use(server.listener) serves its paths and hands others on`, (t) =>
    assertMounted(t, (server) => {
      const app = make()
      app.use(server.listener)
      app.use(make.urlencoded({ extended: false }))
      app.post('/hello', (_req, res) => void res.send('hello'))
      return app as RequestListener
    }))

  test(`${name}: below a path the whole target counts`, (t) =>
    assertMounted(t, (server) => {
      const app = make()
      app.use('/auth', server.listener)
      app.use('/.well-known', server.listener)
      app.post('/hello', (_req, res) => void res.send('hello'))
      return app as RequestListener
    }))

  test(`${name}: behind a body parser nothing is issued, and the log says why`, async (t) => {
    const { call, recorder } = await serve(t, (server) => {
      const app = make()
      app.use(make.urlencoded({ extended: false }))
      app.use(server.listener)
      return app as RequestListener
    })
    const answer = await call('/auth/token', { method: 'POST', body: form() })
    assert.equal(answer.status, 503)
    assert.equal(recorder.of('guard.misused').at(-1)?.code, 'ERR_GUARD_BEHIND_BODY_PARSER')
  })
}

for (const [name, Application] of [
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
] as const) {
  test(`${name}: app.use(server.koa) serves its paths and hands others on`, (t) =>
    assertMounted(t, (server) => {
      const app = new Application()
      app.use(server.koa)
      app.use((context) => {
        context.body = 'hello'
      })
      return app.callback()
    }))
}

test('Fastify 5: addHook(onRequest, server.fastify) serves its paths and hands others on', (t) =>
  assertMounted(t, async (server) => {
    const app = fastify()
    app.addHook('onRequest', server.fastify)
    app.addContentTypeParser('application/x-www-form-urlencoded', (_request, payload, done) => {
      payload.resume()
      payload.on('end', () => done(null, {}))
    })
    app.post('/hello', async () => 'hello')
    await app.ready()
    t.after(() => app.close())
    return (req, res) => app.routing(req, res)
  }))

test('node:https: a listener of one’s own asks owns() first', (t) =>
  assertMounted(t, (server) => (req, res) => {
    if (server.owns(req.url ?? '')) server.listener(req, res)
    else res.end('hello')
  }))

test('node:http2: the compatibility API serves the paths over HTTP/2', async (t) => {
  const { server, mesh } = await serve(t, (made) => made.listener)
  const [billing, orders] = [mesh.workload('/billing', { dns: ['localhost'] }), mesh.workload('/orders')]
  const http2 = createSecureServer(
    { cert: billing.chainPem, key: billing.keyPem, ca: mesh.trustPem, requestCert: true, rejectUnauthorized: false },
    server.listener,
  )
  http2.listen(0, '127.0.0.1')
  await once(http2, 'listening')
  const session = connect(`https://localhost:${(http2.address() as AddressInfo).port}`, {
    ca: mesh.trustPem,
    cert: orders.chainPem,
    key: orders.keyPem,
  })
  t.after(() => {
    session.close()
    http2.close()
  })
  async function post(body: string): Promise<{ readonly status: unknown; readonly text: string }> {
    const stream = session.request({ ':method': 'POST', ':path': '/auth/token', 'content-type': 'application/x-www-form-urlencoded' })
    stream.end(body)
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    let text = ''
    for await (const chunk of stream) text += String(chunk)
    return { status: headers[':status'], text }
  }
  const answer = await post(form().toString())
  assert.equal(answer.status, 200, answer.text)
  assert.equal((await post('x'.repeat(70_000))).status, 413)
})

test('a guard in front leaves its endpoints to it by its routes, and nothing else', async (t) => {
  const { call } = await serve(t, (server, mesh) => {
    const guard = createGuard({ mtls: { trust: mesh.trust }, jwt: null, authorize: [BILLING], routes: server.routes, audit: null })
    t.after(() => guard.close())
    return express().use(countersign(guard)).use(server.listener) as RequestListener
  })
  const statusOf = async (path: string, init: RequestInit = {}) => (await call(path, init)).status
  assert.equal(await statusOf('/auth/token', { method: 'POST', body: form() }), 200)
  assert.equal(await statusOf('/auth/jwks'), 200)
  assert.equal(await statusOf('/.well-known/oauth-authorization-server/auth'), 200)
  for (const path of ['/auth/token', '/auth/token/', '/hello']) assert.equal(await statusOf(path), 403, path)
})

test('without a framework handle() answers an exchange', async (t) => {
  const { server } = await serve(t, (made) => made.listener)
  const inbound = { method: 'GET', target: '/auth/jwks' } as Parameters<typeof server.handle>[0]['inbound']
  const { status, body } = await server.handle({ inbound, body: new Uint8Array(0) })
  assert.equal(status, 200)
  assert.equal(JSON.parse(body).keys.length, 1)
})
