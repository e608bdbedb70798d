import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, createServer } from 'node:https'
import { test } from 'node:test'
import { countersign } from '@countersign/express'
import { createGuard } from '@countersign/guard'
import { principalSignal, secureServer } from '@countersign/node'
import express from 'express'
import { createArena, open, rawSocket, receive, send, serve } from './harness.js'

test('an Object.prototype that somebody polluted lets nobody in', async (t) => {
  const arena = createArena(t)
  const { mesh } = arena
  const guard = createGuard({ mtls: { trust: mesh.trust }, jwt: null, authorize: [mesh.workload('/orders').id], audit: null })
  const port = await serve(t, arena, guard)
  for (const name of ['allowed', 'anonymous', 'everything', 'principal', 'require', 'deny']) {
    const credential = mesh.workload('/stranger')
    Object.defineProperty(Object.prototype, name, { value: true, configurable: true, writable: true })
    try {
      assert.notEqual((await send(port, { credential })).body, 'in', name)
    } finally {
      Reflect.deleteProperty(Object.prototype, name)
    }
  }
})

test('a clock that tells no time makes no certificate valid', async (t) => {
  const arena = createArena(t)
  const { mesh } = arena
  let nowMs = mesh.clock.nowMs()
  const guard = createGuard({
    mtls: { trust: mesh.trust },
    jwt: null,
    authorize: 'any-authenticated',
    limit: null,
    audit: null,
    runtime: { clock: { nowMs: () => nowMs } },
  })
  const port = await serve(t, arena, guard)
  const credential = mesh.workload('/orders', { validFrom: new Date(nowMs - 7_200_000), validSeconds: 3600 })
  nowMs = Number.NaN
  assert.notEqual((await send(port, { credential })).status, 200)
})

test('a meter that throws decides nothing', async (t) => {
  const arena = createArena(t)
  const { mesh } = arena
  let broken = false
  const take = (): void => {
    if (broken) throw new Error('no figures today')
  }
  const instrument = { add: take, record: take }
  const guard = createGuard({
    mtls: { trust: mesh.trust },
    jwt: mesh.jwt({ audience: 'billing' }),
    authorize: 'any-authenticated',
    audit: null,
    meter: { createCounter: () => instrument, createHistogram: () => instrument, createGauge: () => instrument },
  })
  const port = await serve(t, arena, guard)
  broken = true
  const orders = mesh.workload('/orders')
  const headers = { authorization: `Bearer ${mesh.token({ audience: 'billing', boundTo: orders })}` }
  assert.equal((await send(port, { credential: orders, headers })).status, 200)
  assert.equal((await send(port, { credential: orders })).status, 401)
  broken = false
})

test('a request that was answered while it was decided goes no further and ends nothing', async (t) => {
  const arena = createArena(t)
  const { mesh } = arena
  const keys = JSON.stringify(mesh.signer.jwks())
  const asked = new EventEmitter()
  const guard = createGuard({
    mtls: null,
    jwt: {
      issuer: mesh.signer.issuer,
      audience: 'billing',
      keys: { jwksUri: 'https://issuer.example/jwks' },
      subjects: [{ trustDomain: 'prod.example' }],
      binding: 'if-bound',
    },
    authorize: 'any-authenticated',
    audit: null,
    runtime: {
      fetch: async () => {
        asked.emit('asked')
        await once(asked, 'answer')
        return new Response(keys)
      },
    },
  })
  t.after(() => guard.close())
  const app = express()
  app.use((_, res, next) => {
    asked.once('asked', () => res.status(503).end('too late'))
    next()
  })
  let handled = 0
  app.use(countersign(guard))
  app.use((_, res) => {
    handled++
    res.end()
  })
  const port = await open(t, createServer({ cert: readFileSync(arena.cert), key: readFileSync(arena.key) }, app))
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const headers = { authorization: `Bearer ${mesh.token({ audience: 'billing' })}` }
  assert.equal((await send(port, { agent, headers })).status, 503)
  asked.emit('answer')
  await guard.ready()
  assert.equal((await send(port, { agent, headers })).status, 200)
  assert.equal(handled, 1)
})

test('a watch that ends leaves the tunnel of the same caller watched', async (t) => {
  const arena = createArena(t)
  const { mesh } = arena
  const guard = createGuard({
    mtls: { trust: mesh.trust },
    jwt: null,
    authorize: 'any-authenticated',
    audit: null,
    runtime: { clock: mesh.clock },
  })
  t.after(() => guard.close())
  const server = secureServer({ cert: arena.cert, key: arena.key, guard }, (_, res) => res.end())
  server.on('upgrade', (req, socket) => {
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n')
    const job = new EventEmitter()
    principalSignal(guard, req, job)
    job.emit('close')
  })
  const socket = await rawSocket(t, await open(t, server), mesh.workload('/orders'), 'http/1.1')
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n')
  assert.match(await receive(socket, () => true), / 101 /)
  const closed = once(socket, 'close')
  mesh.clock.advanceSeconds(7200)
  await closed
})
