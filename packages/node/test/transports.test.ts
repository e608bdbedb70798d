import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { type Connection, connectionOf, countersign, protectServer, secureHttp2Server, secureServer } from '@countersign/node'
import { createTestRecorder } from '@countersign/testing'
import { listen } from '@countersign-internal/fixture'
import { call, callPlain, callStream, createBench, guardFor, keepAliveAgent, openSession, readAll } from './fixture.js'

const bench = createBench()
const { mesh, cert, key, orders, billing } = bench

test('refuses plain HTTP where certificates are required', async (t) => {
  const server = createServer(countersign(guardFor(t, bench), (_req, res) => res.end()))
  const answer = await callPlain({ host: '127.0.0.1', port: await listen(t, server) })
  assert.deepEqual([answer.status, answer.code], [403, 'ERR_PEER_UNENCRYPTED'])
})

test('serves tokens on plain HTTP where no certificate is looked at', async (t) => {
  const guard = guardFor(t, bench, {
    mtls: null,
    jwt: mesh.jwt({ audience: 'billing', binding: 'if-bound' }),
    authorize: 'any-authenticated',
  })
  const server = createServer(countersign(guard, (req, res) => res.end(guard.principal(req).id)))
  const headers = { authorization: `Bearer ${mesh.token({ audience: 'billing' })}` }
  assert.equal((await callPlain({ host: '127.0.0.1', port: await listen(t, server), headers })).text, 'spiffe://prod.example/test')
})

test('answers on a Unix socket, where there is no address, as cleanly as elsewhere', async (t) => {
  const recorder = createTestRecorder()
  const connections: Connection[] = []
  const guard = guardFor(t, bench, { audit: recorder, limit: {} })
  const server = createServer((req, res) => {
    connections.push(connectionOf(req))
    countersign(guard, () => res.end())(req, res)
  })
  const socketPath = join(bench.folder, 'service.sock')
  server.listen(socketPath)
  await once(server, 'listening')
  t.after(() => server.close())
  const answer = await callPlain({ socketPath, headers: { host: 'localhost' } })
  assert.deepEqual([answer.status, answer.code], [403, 'ERR_PEER_UNENCRYPTED'])
  assert.deepEqual(
    connections.map(({ transport, remoteAddress }) => [transport, remoteAddress]),
    [['unix', null]],
  )
  assert.deepEqual(recorder.codes(), ['ERR_PEER_UNENCRYPTED'])
  assert.deepEqual(
    recorder.of('guard.misused').filter(({ code }) => code === 'ERR_PEER_UNENCRYPTED'),
    [],
  )
})

test('serves certificates over TLS on a Unix socket', async (t) => {
  const guard = guardFor(t, bench)
  const server = secureServer({ cert, key, guard }, (req, res) => res.end(guard.principal(req).id))
  const socketPath = join(bench.folder, 'secure.sock')
  server.listen(socketPath)
  await once(server, 'listening')
  t.after(() => server.close())
  const ask = (as: typeof orders | null) =>
    call(mesh, 0, { agent: Object.assign(keepAliveAgent(t, mesh, as), { keepAlive: false }), socketPath, host: 'localhost' })
  assert.equal((await ask(orders)).text, orders.id)
  assert.equal((await ask(null)).code, 'ERR_PEER_MISSING')
})

test('knows the certificate where a TLS server of the service hands its connections to an HTTP server', async (t) => {
  const guard = guardFor(t, bench)
  const http = createServer(countersign(guard, (req, res) => res.end(guard.principal(req).id)))
  const options = { cert: billing.chainPem, key: billing.keyPem, ca: mesh.trustPem, requestCert: true, rejectUnauthorized: false }
  const server = createTlsServer(options, (socket) => http.emit('connection', socket))
  const port = await listen(t, server)
  assert.equal((await call(mesh, port, { as: orders })).text, orders.id)
  assert.equal((await call(mesh, port)).code, 'ERR_PEER_MISSING')
})

test('says that a server asks for no certificates, and refuses by a code of its own', async (t) => {
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder })
  const server = createHttpsServer(
    { cert: billing.chainPem, key: billing.keyPem },
    countersign(guard, (_req, res) => res.end()),
  )
  const port = await listen(t, server)
  for (const _ of [1, 2]) assert.deepEqual([(await call(mesh, port, { as: orders })).status], [503])
  assert.deepEqual(recorder.codes(), ['ERR_SERVER_WITHOUT_REQUEST_CERT', 'ERR_SERVER_WITHOUT_REQUEST_CERT'])
  assert.match(String(recorder.of('request.denied')[0]?.facts['fix']), /requestCert: true, rejectUnauthorized: false/)
  const misuse = recorder.of('guard.misused').filter(({ code }) => code === 'ERR_SERVER_WITHOUT_REQUEST_CERT')
  assert.equal(misuse.length, 1)
  assert.match(misuse[0]?.message ?? '', /requestCert: true, rejectUnauthorized: false/)
})

test('refuses at the start to protect a TLS server that asks for no certificates', (t) => {
  const server = createHttpsServer({ cert: billing.chainPem, key: billing.keyPem })
  assert.throws(() => protectServer(server, guardFor(t, bench)), { code: 'ERR_OPTION_CONTRADICTION', option: 'server.requestCert' })
})

const CUTS_OFF = /is on, so Node cuts callers off before the guard can answer: set it to false/

test('refuses at the start to protect a TLS server that cuts callers off by itself, unless no certificate is looked at', (t) => {
  const server = createHttpsServer({ cert: billing.chainPem, key: billing.keyPem, ca: mesh.trustPem, requestCert: true })
  assert.throws(() => protectServer(server, guardFor(t, bench)), {
    code: 'ERR_OPTION_CONTRADICTION',
    option: 'server.rejectUnauthorized',
    message: CUTS_OFF,
  })
  const jwt = mesh.jwt({ audience: 'billing', binding: 'if-bound' })
  assert.equal(protectServer(server, guardFor(t, bench, { mtls: null, jwt, authorize: 'any-authenticated' })), server)
})

test('says once, at the first request, that a TLS server cuts callers off by itself', async (t) => {
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder })
  const server = createHttpsServer(
    { cert: billing.chainPem, key: billing.keyPem, ca: mesh.trustPem, requestCert: true },
    countersign(guard, (_req, res) => res.end()),
  )
  const port = await listen(t, server)
  for (const _ of [1, 2]) assert.equal((await call(mesh, port, { as: orders })).status, 200)
  const misuse = recorder.of('guard.misused').filter(({ code }) => code === 'ERR_OPTION_CONTRADICTION')
  assert.equal(misuse.length, 1)
  assert.match(misuse[0]?.message ?? '', /^server\.rejectUnauthorized: /)
  assert.match(misuse[0]?.message ?? '', CUTS_OFF)
})

test('says once that nobody can bring over plain HTTP what the guard requires, before middleware and before upgrades', async (t) => {
  for (const headers of [{}, { connection: 'Upgrade', upgrade: 'websocket' }]) {
    const recorder = createTestRecorder()
    const guard = guardFor(t, bench, { audit: recorder })
    const server = createServer(countersign(guard, (_req, res) => res.end()))
    server.on('upgrade', (_req, socket) => socket.destroy())
    const port = await listen(t, protectServer(server, guard))
    for (const _ of [1, 2]) assert.equal((await callPlain({ host: '127.0.0.1', port, headers })).code, 'ERR_PEER_UNENCRYPTED')
    const misuse = recorder.of('guard.misused').filter(({ code }) => code === 'ERR_PEER_UNENCRYPTED')
    assert.equal(misuse.length, 1)
    assert.match(misuse[0]?.message ?? '', /serve with secureServer\(\{ cert, key, guard \}, app\)/)
  }
})

test('closes the connection after a denial where the guard says so, and keeps it otherwise', async (t) => {
  for (const [closeOnDenial, connection] of [
    [true, 'close'],
    [false, 'keep-alive'],
  ] as const) {
    const guard = guardFor(t, bench, { closeOnDenial })
    const port = await listen(
      t,
      secureServer({ cert, key, guard }, () => {}),
    )
    const answer = await call(mesh, port, { agent: keepAliveAgent(t, mesh, null) })
    assert.deepEqual([answer.code, answer.headers.connection], ['ERR_PEER_MISSING', connection])
  }
})

test('tells a refused caller nothing of the certificate it presented', async (t) => {
  const guard = guardFor(t, bench)
  const port = await listen(
    t,
    secureServer({ cert, key, guard }, () => {}),
  )
  const stranger = mesh.workload('/stranger')
  const answer = await call(mesh, port, { as: stranger })
  assert.equal(answer.code, 'ERR_FORBIDDEN')
  const sent = JSON.stringify(answer)
  for (const secret of ['stranger', 'Root of', stranger.serialNumber]) assert.ok(!sent.includes(secret), secret)
})

test('survives clients that are gone before they are answered', async (t) => {
  for (const make of [secureServer, secureHttp2Server] as const) {
    let finish: () => void = () => {}
    const decided = new Promise<void>((resolve) => {
      finish = resolve
    })
    let asked: () => void = () => {}
    const whenAsked = new Promise<void>((resolve) => {
      asked = resolve
    })
    const guard = guardFor(t, bench, {
      mtls: null,
      jwt: {
        kind: 'jwt',
        recall: () => undefined,
        async verify() {
          asked()
          await decided
          return null
        },
        bind: () => null,
        judge: () => null,
        ready: async () => {},
        close: async () => {},
      },
      require: 'optional',
      authorize: 'anyone',
    })
    let handled = 0
    const server = make({ cert, key, guard }, () => handled++)
    const gone = new Promise((resolve) => server.once('secureConnection', (socket) => socket.once('close', resolve)))
    const port = await listen(t, server)
    if (make === secureServer) {
      const agent = keepAliveAgent(t, mesh, orders)
      const sent = call(mesh, port, { agent }).catch(() => null)
      await whenAsked
      agent.destroy()
      await sent
    } else {
      const session = await openSession(t, mesh, port, orders)
      session.request({ ':path': '/' })
      await whenAsked
      session.destroy()
    }
    await gone
    finish()
    await new Promise(setImmediate)
    assert.equal(handled, 0)
  }
})

test('hands no request of a plain TCP connection to a TLS port to anybody', async (t) => {
  const port = await listen(
    t,
    secureServer({ cert, key, guard: guardFor(t, bench) }, () => assert.fail('handled')),
  )
  const socket = connectTcp(port, '127.0.0.1')
  socket.end('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  assert.doesNotMatch(await readAll(socket), /HTTP\/1\.1 [23]/)
})

test('refuses a request for another host than the handshake named, over HTTP/1.1 and HTTP/2', async (t) => {
  const guard = guardFor(t, bench)
  const port = await listen(
    t,
    secureHttp2Server({ cert, key, guard }, (req, res) => res.end(guard.principal(req).id)),
  )
  const headers = { host: 'other.example' }
  const overHttp1 = await call(mesh, port, { as: orders, headers })
  const overHttp2 = await callStream(await openSession(t, mesh, port, orders), { ':authority': 'other.example' })
  for (const { status, code } of [overHttp1, overHttp2]) assert.deepEqual([status, code], [421, 'ERR_MISDIRECTED'])
})
