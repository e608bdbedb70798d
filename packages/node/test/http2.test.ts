import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Stream, createSecureServer, type ServerHttp2Stream } from 'node:http2'
import { test } from 'node:test'
import { countersign, protectServer, secureHttp2Server } from '@countersign/node'
import { createTestRecorder } from '@countersign/testing'
import { listen } from '@countersign-internal/fixture'
import { call, callStream, createBench, guardFor, openSession } from './fixture.js'

const bench = createBench()
const { mesh, cert, key, orders, billing } = bench
const PAST_EXPIRY_SECONDS = 3600 + 31

test('serves HTTP/2, and HTTP/1.1 to clients that know nothing else, by the same decisions', async (t) => {
  const guard = guardFor(t, bench)
  const server = secureHttp2Server({ cert, key, guard }, (req, res) => res.end(`${guard.principal(req).id} ${req.httpVersion}`))
  const port = await listen(t, server)
  assert.equal((await callStream(await openSession(t, mesh, port, orders))).text, `${orders.id} 2.0`)
  assert.equal((await call(mesh, port, { as: orders })).text, `${orders.id} 1.1`)
  const refused = [await callStream(await openSession(t, mesh, port, null)), await call(mesh, port)]
  assert.deepEqual(
    refused.map(({ status, code }) => [status, code]),
    [
      [403, 'ERR_PEER_MISSING'],
      [403, 'ERR_PEER_MISSING'],
    ],
  )
  assert.equal(refused[0]?.text, refused[1]?.text)
})

test('closes the session after a denial where the guard says so, and takes no new stream on it', async (t) => {
  const guard = guardFor(t, bench, { closeOnDenial: true })
  const server = secureHttp2Server({ cert, key, guard }, (_req, res) => res.end())
  const session = await openSession(t, mesh, await listen(t, server), null)
  const closed = once(session, 'close')
  assert.equal((await callStream(session)).code, 'ERR_PEER_MISSING')
  await closed
})

test('decides in front of stream handlers, once for the stream and the request that is made of it', async (t) => {
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder })
  const requests: string[] = []
  const server = secureHttp2Server({ cert, key, guard }, (req) => requests.push(guard.principal(req).id))
  const streams: string[] = []
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    assert.equal(guard.currentPrincipal()?.id, orders.id)
    streams.push(`${guard.principal(stream).id} ${headers[':path']}`)
    stream.respond({ ':status': 200 })
    stream.end('raw')
  })
  const port = await listen(t, server)
  const refused = await callStream(await openSession(t, mesh, port, null))
  assert.deepEqual([refused.status, refused.code, refused.headers['content-type']], [403, 'ERR_PEER_MISSING', 'application/problem+json'])
  const head = await callStream(await openSession(t, mesh, port, null), { ':method': 'HEAD' })
  assert.deepEqual([head.status, head.text], [403, ''])
  assert.deepEqual([streams, requests], [[], []])
  assert.equal((await callStream(await openSession(t, mesh, port, orders), { ':path': '/a?b' })).text, 'raw')
  assert.deepEqual([streams, requests], [[`${orders.id} /a?b`], [orders.id]])
  assert.equal(recorder.of('request.allowed').length, 1)
})

test('leaves streams that nobody handles to the middleware, which decides them once', async (t) => {
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder })
  const options = {
    cert: billing.chainPem,
    key: billing.keyPem,
    ca: mesh.trustPem,
    requestCert: true,
    rejectUnauthorized: false,
    allowHTTP1: true,
  }
  const server = protectServer(
    createSecureServer(
      options,
      countersign(guard, (req, res) => res.end(guard.principal(req).id)),
    ),
    guard,
  )
  const port = await listen(t, server)
  assert.equal((await callStream(await openSession(t, mesh, port, orders))).text, orders.id)
  assert.equal((await callStream(await openSession(t, mesh, port, null))).code, 'ERR_PEER_MISSING')
  assert.equal(recorder.of('request.allowed').length, 1)
  assert.equal(recorder.of('request.denied').length, 1)
})

async function statusOf(stream: ClientHttp2Stream): Promise<number> {
  const [headers] = await once(stream, 'response')
  return Number(headers[':status'])
}

test('decides CONNECT and extended CONNECT in front of their handler, and ends both once the certificate has expired', async (t) => {
  const guard = guardFor(t, bench)
  const options = {
    cert: billing.chainPem,
    key: billing.keyPem,
    ca: mesh.trustPem,
    requestCert: true,
    rejectUnauthorized: false,
    settings: { enableConnectProtocol: true },
  }
  const server = protectServer(createSecureServer(options), guard)
  server.on('request', (_req, res) => res.end())
  const connected: string[] = []
  server.on('connect', (req, res) => {
    connected.push(guard.principal(req).id)
    res.writeHead(200)
    res.write('open')
  })
  const port = await listen(t, server)
  const tunnel = { ':method': 'CONNECT', ':authority': 'db.internal:5432' }
  const webSocket = { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'https', ':path': '/chat', ':authority': 'localhost' }
  const anonymous = await openSession(t, mesh, port, null)
  await once(anonymous, 'remoteSettings')
  for (const headers of [tunnel, webSocket]) assert.equal(await statusOf(anonymous.request(headers, { endStream: false })), 403)
  assert.deepEqual(connected, [])

  const session = await openSession(t, mesh, port, orders)
  await once(session, 'remoteSettings')
  const streams = [tunnel, webSocket].map((headers) => session.request(headers, { endStream: false }))
  for (const stream of streams) stream.on('error', () => {})
  assert.deepEqual(await Promise.all(streams.map(statusOf)), [200, 200])
  assert.deepEqual(connected, [orders.id, orders.id])
  const closed = streams.map((stream) => new Promise((resolve) => stream.resume().once('close', resolve)))
  mesh.clock.advanceSeconds(PAST_EXPIRY_SECONDS)
  await Promise.all(closed)
  mesh.clock.advanceSeconds(-PAST_EXPIRY_SECONDS)
})

test('offers h2 and http/1.1 and nothing else', async (t) => {
  const { openTls } = await import('./fixture.js')
  const port = await listen(
    t,
    secureHttp2Server({ cert, key, guard: guardFor(t, bench) }, (_req, res) => res.end()),
  )
  assert.equal((await openTls(t, mesh, port, orders, { ALPNProtocols: ['http/1.1', 'h2'] })).alpnProtocol, 'h2')
  assert.equal((await openTls(t, mesh, port, orders, { ALPNProtocols: ['http/1.1'] })).alpnProtocol, 'http/1.1')
  await assert.rejects(openTls(t, mesh, port, orders, { ALPNProtocols: ['spdy/3'] }), { code: /NO_APPLICATION_PROTOCOL|ECONNRESET/ })
})
