import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { countersign, secureServer } from '@countersign/express'
import { assertGuardFirst, createTestRecorder, inject } from '@countersign/testing'
import { call, comparable, DENIAL, guardFor, guardOptions, listen, mesh, orders, serverFiles } from '@countersign-internal/fixture'
import express5, { type NextFunction, type Request, type Response } from 'express'

const express4: typeof express5 = createRequire(import.meta.url)('express4')
const files = serverFiles()
const VERSIONS = [
  ['4', express4],
  ['5', express5],
] as const

for (const [version, express] of VERSIONS) {
  test(`Express ${version}: one line lets a proven caller in as req.principal and refuses everybody else`, async () => {
    const app = express()
    app.use(countersign(guardOptions()))
    app.get('/', (req, res) => void res.json({ hello: req.principal?.id }))
    assertGuardFirst(app)
    assert.deepEqual((await inject(app, { peer: orders })).json(), { hello: orders.id })
    assert.deepEqual(comparable(await inject(app)), DENIAL)
  })

  test(`Express ${version}: refuses routes that do not exist, so that nobody can look for those that do`, async () => {
    const app = express().use(countersign(guardOptions()))
    assert.equal((await inject(app, { path: '/no-such-route' })).problem?.code, 'ERR_PEER_MISSING')
    assert.equal((await inject(app, { path: '/no-such-route', peer: orders })).status, 404)
  })

  test(`Express ${version}: never parses the body of a refused request`, async () => {
    let parsed = 0
    const app = express()
    app.use(countersign(guardOptions()))
    app.use(express.json({ verify: () => void parsed++ }))
    app.post('/', (req, res) => void res.json(req.body))
    const body = { amount: 1 }
    assert.equal((await inject(app, { method: 'POST', body })).status, 403)
    assert.equal(parsed, 0)
    assert.deepEqual((await inject(app, { method: 'POST', body, peer: orders })).json(), body)
    assert.equal(parsed, 1)
  })

  test(`Express ${version}: refuses to stand behind a body parser`, async () => {
    const app = express().use(express.json()).use(countersign(guardOptions()))
    const response = await inject(app, { method: 'POST', body: { amount: 1 }, peer: orders })
    assert.deepEqual([response.status, response.problem?.code], [503, 'ERR_UNAVAILABLE'])
  })

  test(`Express ${version}: never calls error handlers, nor next with an error, for a refusal or for a fault of its own`, async () => {
    const app = express()
    let failed = 0
    const fault = {
      authorize: () => {
        throw new Error('broken')
      },
      toString: () => 'broken',
    }
    app.use('/broken', countersign(guardOptions({ authorize: fault })))
    app.use(countersign(guardOptions()))
    app.use((_error: unknown, _req: Request, res: Response, _next: NextFunction) => {
      failed++
      res.status(500).end()
    })
    assert.equal((await inject(app)).status, 403)
    assert.equal((await inject(app, { path: '/broken', peer: orders })).problem?.code, 'ERR_UNAVAILABLE')
    assert.equal(failed, 0)
  })

  test(`Express ${version}: leaves an error handler only errors of callers that were let in`, async () => {
    const app = express().use(countersign(guardOptions()))
    app.get('/', () => {
      throw new Error('of the handler')
    })
    app.use((_error: unknown, req: Request, res: Response, _next: NextFunction) => void res.status(500).json({ for: req.principal?.id }))
    assert.deepEqual((await inject(app, { peer: orders })).json(), { for: orders.id })
    assert.equal((await inject(app)).status, 403)
  })

  test(`Express ${version}: decides on the target as it was sent, below a mounted router too`, async () => {
    const rules = [{ callers: orders.id, paths: '/api/invoices' }]
    const router = express.Router().use(countersign(guardOptions({ authorize: rules })))
    router.get('/invoices', (_req, res) => void res.end('invoices'))
    router.get('/orders', (_req, res) => void res.end('orders'))
    const app = express().use('/api', router)
    assert.equal((await inject(app, { path: '/api/invoices', peer: orders })).text, 'invoices')
    assert.equal((await inject(app, { path: '/api/orders', peer: orders })).problem?.code, 'ERR_FORBIDDEN')
  })

  test(`Express ${version}: knows the current principal after body parsing and awaits`, async (t) => {
    const guard = guardFor(t)
    const app = express().use(countersign(guard)).use(express.json())
    app.post('/', async (_req, res) => {
      await new Promise(setImmediate)
      res.end(guard.currentPrincipal()?.id)
    })
    const body = { large: 'x'.repeat(90_000) }
    const both = [mesh.workload('/orders'), orders].map((peer) => inject(app, { method: 'POST', body, peer }))
    for (const response of await Promise.all(both)) assert.equal(response.text, orders.id)
    assert.equal(guard.currentPrincipal(), null)
  })

  test(`Express ${version}: keeps two guards of one process apart`, async (t) => {
    const [internal, partner] = [guardFor(t), guardFor(t, { authorize: ['spiffe://prod.example/partner'] })]
    const app = express()
    app.use('/internal', countersign(internal), (req, res) => void res.end(internal.principal(req).id))
    app.use('/partner', countersign(partner), (req, res) => void res.end(partner.principal(req).id))
    app.use('/both', countersign(internal), countersign(partner), (_req, res) => void res.end('both'))
    app.use('/mixed', countersign(internal), (req, res) => {
      assert.throws(() => partner.principal(req), { code: 'ERR_NOT_GUARDED' })
      res.end('apart')
    })
    assert.equal((await inject(app, { path: '/internal', peer: orders })).text, orders.id)
    assert.equal((await inject(app, { path: '/partner', peer: orders })).problem?.code, 'ERR_FORBIDDEN')
    assert.equal((await inject(app, { path: '/both', peer: orders })).problem?.code, 'ERR_FORBIDDEN')
    assert.equal((await inject(app, { path: '/mixed', peer: orders })).text, 'apart')
  })

  test(`Express ${version}: decides once on a secure server of the same guard, before anything of the app runs`, async (t) => {
    const recorder = createTestRecorder()
    const guard = guardFor(t, { audit: recorder })
    const app = express()
    let early = 0
    app.use((_req, _res, next) => {
      early++
      next()
    })
    app.use(countersign(guard))
    app.get('/', (req, res) => void res.end(`${req.principal?.id} ${guard.currentPrincipal()?.id} ${guard.principal(req).id}`))
    const port = await listen(t, secureServer({ ...files, guard }, app))
    assert.deepEqual(comparable(await call(port)), DENIAL)
    assert.equal(early, 0)
    assert.equal((await call(port, { as: orders })).text, `${orders.id} ${orders.id} ${orders.id}`)
    assert.deepEqual([recorder.of('request.allowed').length, recorder.of('request.denied').length], [1, 1])
  })
}
