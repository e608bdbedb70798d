import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { countersign, secureHttp2Server, secureServer } from '@countersign/koa'
import { assertGuardFirst, createTestRecorder, inject } from '@countersign/testing'
import { call, comparable, DENIAL, guardFor, guardOptions, listen, mesh, orders, serverFiles } from '@countersign-internal/fixture'
import Koa3 from 'koa'

const Koa2: typeof Koa3 = createRequire(import.meta.url)('koa2')
const files = serverFiles()
const VERSIONS = [
  ['2', Koa2],
  ['3', Koa3],
] as const

/** Reads the body as parsers do. */
async function bodyOf(request: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

for (const [version, Koa] of VERSIONS) {
  test(`Koa ${version}: one line lets a proven caller in as ctx.state.principal and refuses everybody else`, async () => {
    const app = new Koa()
    app.use(countersign(guardOptions()))
    app.use(async (ctx) => {
      ctx.body = { hello: ctx.state.principal?.id }
    })
    assertGuardFirst(app)
    assert.deepEqual((await inject(app.callback(), { peer: orders })).json(), { hello: orders.id })
    assert.deepEqual(comparable(await inject(app.callback())), DENIAL)
  })

  test(`Koa ${version}: answers a refused HEAD request without a body`, async (t) => {
    const app = new Koa().use(countersign(guardFor(t)))
    const response = await call(
      await listen(t, secureServer({ ...files, guard: guardFor(t, { authorize: 'any-authenticated' }) }, app.callback())),
      {
        method: 'HEAD',
        as: mesh.workload('/stranger'),
      },
    )
    assert.deepEqual([response.status, response.headers['content-type'], response.text], [403, 'application/problem+json', ''])
  })

  test(`Koa ${version}: never runs what stands behind it for a refused request, and refuses to stand behind a body parser`, async () => {
    let parsed = 0
    const parser = async (ctx: { req: AsyncIterable<Uint8Array> }, next: () => Promise<unknown>): Promise<void> => {
      parsed++
      await bodyOf(ctx.req)
      await next()
    }
    const before = new Koa().use(countersign(guardOptions())).use(parser)
    assert.equal((await inject(before.callback(), { method: 'POST', body: 'x' })).status, 403)
    assert.equal(parsed, 0)
    const behind = new Koa().use(parser).use(countersign(guardOptions()))
    assert.equal((await inject(behind.callback(), { method: 'POST', body: 'x', peer: orders })).problem?.code, 'ERR_UNAVAILABLE')
  })

  test(`Koa ${version}: never throws, whatever fails inside the guard, and leaves errors of handlers to Koa`, async () => {
    const fault = {
      authorize: () => {
        throw new Error('broken')
      },
      toString: () => 'broken',
    }
    const app = new Koa()
    const errors: unknown[] = []
    app.on('error', (error) => errors.push(error))
    app.use(countersign(guardOptions({ authorize: fault })))
    assert.equal((await inject(app.callback(), { peer: orders })).problem?.code, 'ERR_UNAVAILABLE')
    assert.equal(errors.length, 0)
    const failing = new Koa().use(countersign(guardOptions())).use(() => {
      throw new Error('of the handler')
    })
    failing.on('error', (error) => errors.push(error))
    assert.equal((await inject(failing.callback(), { peer: orders })).status, 500)
    assert.equal(errors.length, 1)
  })

  test(`Koa ${version}: decides on the target as it was sent, whatever was rewritten since`, async () => {
    const app = new Koa()
    app.use((ctx, next) => {
      ctx.url = '/invoices'
      return next()
    })
    app.use(countersign(guardOptions({ authorize: [{ callers: orders.id, paths: '/invoices' }] })))
    app.use((ctx) => {
      ctx.body = 'invoices'
    })
    assert.equal((await inject(app.callback(), { path: '/admin', peer: orders })).problem?.code, 'ERR_FORBIDDEN')
    assert.equal((await inject(app.callback(), { path: '/invoices', peer: orders })).text, 'invoices')
  })

  test(`Koa ${version}: knows the current principal after body parsing and awaits`, async (t) => {
    const guard = guardFor(t)
    const app = new Koa().use(countersign(guard)).use(async (ctx) => {
      const body = await bodyOf(ctx.req)
      await new Promise(setImmediate)
      ctx.body = `${guard.currentPrincipal()?.id} ${guard.principal(ctx).id} ${body.length}`
    })
    const response = await inject(app.callback(), { method: 'POST', body: 'x'.repeat(90_000), peer: orders })
    assert.equal(response.text, `${orders.id} ${orders.id} 90000`)
  })

  test(`Koa ${version}: keeps two guards of one process apart`, async (t) => {
    const [internal, partner] = [guardFor(t), guardFor(t, { authorize: ['spiffe://prod.example/partner'] })]
    const app = new Koa().use(countersign(internal)).use((ctx) => {
      assert.throws(() => partner.principal(ctx), { code: 'ERR_NOT_GUARDED' })
      ctx.body = internal.principal(ctx).id
    })
    assert.equal((await inject(app.callback(), { peer: orders })).text, orders.id)
    const both = new Koa().use(countersign(internal)).use(countersign(partner))
    assert.equal((await inject(both.callback(), { peer: orders })).problem?.code, 'ERR_FORBIDDEN')
  })

  test(`Koa ${version}: sets the RateLimit fields of what it lets in, and 429 with Retry-After beyond`, async () => {
    const limit = { perCaller: { quota: 1, windowSeconds: 60 } }
    const app = new Koa().use(countersign(guardOptions({ limit }))).use((ctx) => {
      ctx.body = 'ok'
    })
    const first = await inject(app.callback(), { peer: orders })
    assert.equal(first.text, 'ok')
    assert.match(String(first.headers['ratelimit']), /r=0/)
    const second = await inject(app.callback(), { peer: orders })
    assert.deepEqual([second.status, second.problem?.code, second.headers['retry-after']], [429, 'ERR_QUOTA_EXCEEDED', '60'])
  })

  test(`Koa ${version}: decides once on a secure server of the same guard, over HTTP/1.1 and HTTP/2`, async (t) => {
    const recorder = createTestRecorder()
    const guard = guardFor(t, { audit: recorder, closeOnDenial: true })
    const app = new Koa().use(countersign(guard)).use((ctx) => {
      ctx.body = `${ctx.state.principal?.id} ${guard.currentPrincipal()?.id} ${ctx.req.httpVersion}`
    })
    const port = await listen(t, secureServer({ ...files, guard }, app.callback()))
    assert.equal((await call(port, { as: orders })).text, `${orders.id} ${orders.id} 1.1`)
    const http2Port = await listen(t, secureHttp2Server({ ...files, guard }, app.callback()))
    const session = connect(`https://localhost:${http2Port}`, { ca: mesh.trustPem, cert: orders.chainPem, key: orders.keyPem })
    t.after(() => session.destroy())
    const stream = session.request({ ':path': '/' }).setEncoding('utf8')
    assert.equal((await once(stream, 'data'))[0], `${orders.id} ${orders.id} 2.0`)
    assert.equal(recorder.of('request.allowed').length, 2)
  })

  test(`Koa ${version}: closes the connection after a denial where the guard says so`, async (t) => {
    const guard = guardFor(t, { closeOnDenial: true })
    const app = new Koa().use(countersign(guard))
    assert.equal((await inject(app.callback())).headers.connection, 'close')
  })
}
