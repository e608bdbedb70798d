import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { test } from 'node:test'
import { MisuseError } from '@countersign/core'
import { createGuard } from '@countersign/guard'
import { secureHttp2Server } from '@countersign/node'
import express from 'express'
import { createArena, open, send, serve } from './harness.js'

test('what a route demands cannot be got around by another spelling that Express takes for its path', async (t) => {
  const arena = createArena(t)
  const { mesh } = arena
  const guard = createGuard({
    mtls: { trust: mesh.trust },
    jwt: mesh.jwt({ audience: 'billing', binding: 'if-bound' }),
    authorize: 'any-authenticated',
    require: 'any',
    routes: [
      { path: '/admin', require: 'all' },
      { path: { under: '/ops' }, require: 'all' },
      { path: '/read', methods: ['GET'], require: 'all' },
      { path: '/health', require: 'none' },
    ],
    audit: null,
  })
  const app = express()
  for (const path of ['/admin', '/ops/x', '/read', '/health', '/open']) app.get(path, (_, res) => void res.send('in'))
  const port = await serve(t, arena, guard, app)
  const headers = { authorization: `Bearer ${mesh.token({ audience: 'billing' })}` }
  const get = async (path: string, method = 'GET') => (await send(port, { path, method, headers })).status
  for (const path of ['/admin', '/ADMIN', '/admin/', '/Admin/', '/ops/x', '/OPS/x', '/ops/x/', '/Ops/X/', '/read'])
    assert.equal(await get(path), 403, path)
  assert.equal(await get('/read', 'HEAD'), 403)
  assert.equal(await get('/open'), 200)
  assert.equal((await send(port, { path: '/health' })).status, 200)
})

test('an exemption holds for its exact path and method alone', async (t) => {
  const arena = createArena(t)
  const guard = createGuard({
    mtls: { trust: arena.mesh.trust },
    jwt: null,
    authorize: 'any-authenticated',
    routes: [{ path: '/health', methods: ['GET'], require: 'none' }],
    audit: null,
  })
  const port = await serve(t, arena, guard)
  assert.equal((await send(port, { path: '/health?verbose' })).status, 200)
  for (const path of ['/HEALTH', '/health/', '/health;x', '/health/x', '/%68ealth', '/x/../health', '//health']) {
    assert.notEqual((await send(port, { path })).status, 200, path)
  }
  for (const method of ['HEAD', 'POST', 'OPTIONS']) assert.equal((await send(port, { path: '/health', method })).status, 403, method)
  const override = { 'X-HTTP-Method-Override': 'GET', 'X-Original-URL': '/health' }
  assert.equal((await send(port, { path: '/secret', headers: override })).status, 403)
})

test('a method in another case is no way around a rule that denies it', async (t) => {
  const arena = createArena(t)
  const orders = arena.mesh.workload('/orders')
  const guard = createGuard({
    mtls: { trust: arena.mesh.trust },
    jwt: null,
    authorize: [{ callers: orders.id }, { callers: orders.id, methods: 'DELETE', paths: '/invoices', deny: true }],
    audit: null,
  })
  t.after(() => guard.close())
  const methods: string[] = []
  const server = secureHttp2Server({ cert: arena.cert, key: arena.key, guard }, (req, res) => {
    methods.push(new Request(`https://localhost${req.url}`, { method: req.method }).method)
    res.end()
  })
  const port = await open(t, server)
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, cert: orders.chainPem, key: orders.keyPem })
  t.after(() => session.destroy())
  for (const method of ['DELETE', 'delete', 'Delete', 'GET']) {
    const stream = session.request({ ':method': method, ':path': '/invoices' })
    stream.resume()
    await once(stream, 'close')
  }
  assert.deepEqual(methods, ['GET'])
})

test('methods that got lost do not make an exemption of every method', () => {
  const lost: { readonly methods?: readonly string[] } = JSON.parse('{}')
  const make = () =>
    createGuard({
      mtls: { trust: { get: () => undefined, epoch: 1 } },
      jwt: null,
      authorize: 'any-authenticated',
      // biome-ignore lint/suspicious/noExplicitAny: what JavaScript callers write
      routes: [{ path: '/upload', methods: lost.methods as any, require: 'none' }],
      audit: null,
    })
  assert.throws(make, (error) => error instanceof MisuseError && error.option === 'routes[0].methods')
})
