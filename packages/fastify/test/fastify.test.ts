import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { countersign, type Guard, secureHttp2Server, secureServer } from '@countersign/fastify'
import { createTestRecorder, inject } from '@countersign/testing'
import { call, comparable, DENIAL, guardFor, guardOptions, mesh, orders, serverFiles } from '@countersign-internal/fixture'
import Fastify, { type FastifyInstance } from 'fastify'

const files = serverFiles()

async function appWith(t: TestContext, guard: Guard, build: (app: FastifyInstance) => void): Promise<FastifyInstance['routing']> {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(countersign, { guard })
  build(app)
  await app.ready()
  return app.routing
}

test('one line lets a proven caller in as request.principal and refuses everybody else', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(countersign, guardOptions())
  app.get('/', async (request) => ({ hello: request.principal?.id }))
  await app.ready()
  assert.deepEqual((await inject(app.routing, { peer: orders })).json(), { hello: orders.id })
  assert.deepEqual(comparable(await inject(app.routing)), DENIAL)
})

test('refuses routes that do not exist, by the default handler and by one of the service', async (t) => {
  for (const custom of [false, true]) {
    let missed = 0
    const app = await appWith(t, guardFor(t), (instance) => {
      if (!custom) return
      instance.setNotFoundHandler((_request, reply) => {
        missed++
        reply.code(404).send('not here')
      })
    })
    assert.equal((await inject(app, { path: '/no-such-route' })).problem?.code, 'ERR_PEER_MISSING')
    assert.equal(missed, 0)
    assert.equal((await inject(app, { path: '/no-such-route', peer: orders })).status, 404)
  }
})

test('covers routes and child plugins registered after it, and routes of its instance registered before it', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  app.get('/before', async () => 'before')
  await app.register(countersign, { guard: guardFor(t) })
  app.get('/after', async () => 'after')
  await app.register(async (child) => {
    child.get('/child', async (request) => request.principal?.id)
  })
  await app.ready()
  for (const path of ['/before', '/after', '/child']) {
    assert.equal((await inject(app.routing, { path })).problem?.code, 'ERR_PEER_MISSING')
    assert.equal((await inject(app.routing, { path, peer: orders })).status, 200)
  }
})

test('never parses the body of a refused request', async (t) => {
  let parsed = 0
  const app = await appWith(t, guardFor(t), (instance) => {
    instance.addContentTypeParser('text/csv', { parseAs: 'string' }, (_request, body, done) => {
      parsed++
      done(null, body)
    })
    instance.addHook('preParsing', (_request, _reply, payload, done) => {
      parsed++
      done(null, payload)
    })
    instance.post('/', async (request) => request.body)
  })
  const post = { method: 'POST', headers: { 'content-type': 'text/csv' }, body: 'a,b' }
  assert.equal((await inject(app, post)).status, 403)
  assert.equal(parsed, 0)
  assert.equal((await inject(app, { ...post, peer: orders })).text, 'a,b')
  assert.equal(parsed, 2)
})

test('never reaches an error handler for a refusal or for a fault of its own', async (t) => {
  let failed = 0
  const fault = {
    authorize: () => {
      throw new Error('broken')
    },
    toString: () => 'broken',
  }
  for (const [guard, peer] of [
    [guardFor(t), null],
    [guardFor(t, { authorize: fault }), orders],
  ] as const) {
    const app = await appWith(t, guard, (instance) => {
      instance.setErrorHandler((_error, _request, reply) => {
        failed++
        reply.code(500).send()
      })
      instance.get('/', async () => 'handled')
    })
    assert.equal((await inject(app, { peer })).headers['content-type'], 'application/problem+json')
  }
  assert.equal(failed, 0)
})

test('decides on the target as it was sent, not on what rewriteUrl made of it', async (t) => {
  const app = Fastify({ rewriteUrl: () => '/invoices' })
  t.after(() => app.close())
  await app.register(countersign, { guard: guardFor(t, { authorize: [{ callers: orders.id, paths: '/invoices' }] }) })
  app.get('/invoices', async () => 'invoices')
  await app.ready()
  assert.equal((await inject(app.routing, { path: '/admin', peer: orders })).problem?.code, 'ERR_FORBIDDEN')
  assert.equal((await inject(app.routing, { path: '/invoices', peer: orders })).text, 'invoices')
})

test('knows the current principal after body parsing, validation and awaits', async (t) => {
  const guard = guardFor(t)
  const app = await appWith(t, guard, (instance) => {
    instance.post('/', { schema: { body: { type: 'object', required: ['large'] } } }, async (request) => {
      await new Promise(setImmediate)
      return `${guard.currentPrincipal()?.id} ${guard.principal(request).id}`
    })
  })
  const response = await inject(app, { method: 'POST', body: { large: 'x'.repeat(90_000) }, peer: orders })
  assert.equal(response.text, `${orders.id} ${orders.id}`)
})

test('keeps two guards of one process apart, each on the plugin it was registered in', async (t) => {
  const [internal, partner] = [guardFor(t), guardFor(t, { authorize: ['spiffe://prod.example/partner'] })]
  const app = Fastify()
  t.after(() => app.close())
  await app.register(async (child) => {
    await child.register(countersign, { guard: internal })
    child.get('/internal', async (request) => {
      assert.throws(() => partner.principal(request), { code: 'ERR_NOT_GUARDED' })
      return internal.principal(request).id
    })
  })
  await app.register(async (child) => {
    await child.register(countersign, { guard: partner })
    child.get('/partner', async () => 'partner')
  })
  await app.ready()
  assert.equal((await inject(app.routing, { path: '/internal', peer: orders })).text, orders.id)
  assert.equal((await inject(app.routing, { path: '/partner', peer: orders })).problem?.code, 'ERR_FORBIDDEN')
})

test('sets the RateLimit fields of what it lets in, and 429 with Retry-After beyond', async (t) => {
  const app = await appWith(t, guardFor(t, { limit: { perCaller: { quota: 1, windowSeconds: 60 } } }), (instance) => {
    instance.get('/', async () => 'ok')
  })
  assert.match(String((await inject(app, { peer: orders })).headers['ratelimit']), /r=0/)
  const second = await inject(app, { peer: orders })
  assert.deepEqual([second.status, second.problem?.code, second.headers['retry-after']], [429, 'ERR_QUOTA_EXCEEDED', '60'])
})

test('closes with the app a guard that it made itself, and no other', async (t) => {
  const ca = join(dirname(serverFiles().cert), 'ca.pem')
  const watching = t.mock.method(globalThis, 'clearInterval')
  const options = guardOptions({ mtls: { trust: ca } })
  const [own, handedIn] = [Fastify(), Fastify()]
  await own.register(countersign, options)
  await handedIn.register(countersign, { guard: guardFor(t, options) })
  const before = watching.mock.callCount()
  await handedIn.close()
  assert.equal(watching.mock.callCount(), before)
  await own.close()
  assert.ok(watching.mock.callCount() > before)
})

test('decides once on a secure server made by serverFactory, before anything of the app runs', async (t) => {
  const recorder = createTestRecorder()
  const guard = guardFor(t, { audit: recorder })
  const app = Fastify({ serverFactory: (listener) => secureServer({ ...files, guard }, listener) })
  let early = 0
  app.addHook('onRequest', async () => void early++)
  await app.register(countersign, { guard })
  app.get('/', async (request) => `${request.principal?.id} ${guard.currentPrincipal()?.id}`)
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => app.close())
  const { port } = app.server.address() as AddressInfo
  assert.deepEqual(comparable(await call(port)), DENIAL)
  assert.equal(early, 0)
  assert.equal((await call(port, { as: orders })).text, `${orders.id} ${orders.id}`)
  // What Fastify answers before any hook: on a secure server nobody gets there undecided.
  assert.equal((await call(port, { path: '/%ZZ' })).status, 400)
  assert.match((await call(port, { path: '/%ZZ' })).text, /ERR_TARGET_NOT_CANONICAL/)
  assert.equal(recorder.of('request.allowed').length, 1)
})

test('serves HTTP/2 by secureHttp2Server', async (t) => {
  const recorder = createTestRecorder()
  const guard = guardFor(t, { audit: recorder })
  const app = Fastify({ http2: true, serverFactory: (listener) => secureHttp2Server({ ...files, guard }, listener) })
  await app.register(countersign, { guard })
  app.get('/', async (request) => `${request.principal?.id} ${request.raw.httpVersion}`)
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => app.close())
  const { port } = app.server.address() as AddressInfo
  for (const [as, expected] of [
    [orders, [200, `${orders.id} 2.0`]],
    [null, [403, DENIAL.text]],
  ] as const) {
    const session = connect(`https://localhost:${port}`, {
      ca: mesh.trustPem,
      ...(as === null ? {} : { cert: as.chainPem, key: as.keyPem }),
    })
    const stream = session.request({ ':path': '/' }).setEncoding('utf8')
    const [headers] = await once(stream, 'response')
    assert.deepEqual([headers[':status'], (await once(stream, 'data'))[0]], expected)
    session.close()
  }
  assert.deepEqual([recorder.of('request.allowed').length, recorder.of('request.denied').length], [1, 1])
})

test('closes the connection after a denial where the guard says so', async (t) => {
  const app = await appWith(t, guardFor(t, { closeOnDenial: true }), (instance) => void instance.get('/', async () => 'ok'))
  assert.equal((await inject(app)).headers.connection, 'close')
})
