import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, request as requestPlain } from 'node:http'
import { createServer as createHttpsServer, request } from 'node:https'
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import type { Finding, Peer, PeerVerifier } from '@countersign/core'
import { principalSignal, protectServer, secureServer } from '@countersign/node'
import { createTestRecorder } from '@countersign/testing'
import { listen } from '@countersign-internal/fixture'
import { WebSocket, WebSocketServer } from 'ws'
import { answerFrom, clientTls, createBench, guardFor, openTls, readAll } from './fixture.js'

const bench = createBench()
const { mesh, cert, key, orders } = bench
const PAST_EXPIRY_SECONDS = 3600 + 31

function socketTo(port: number, as: typeof orders | null): WebSocket {
  return new WebSocket(`wss://localhost:${port}/updates`, { ...clientTls(mesh, as), host: 'localhost' })
}

test('refuses a WebSocket of a caller without a certificate on the wire, with the same problem as a request', async (t) => {
  const guard = guardFor(t, bench)
  const server = secureServer({ cert, key, guard }, () => {})
  let upgraded = 0
  new WebSocketServer({ server }).on('connection', () => upgraded++)
  const client = socketTo(await listen(t, server), null)
  const [, response] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage]
  const chunks: Uint8Array[] = []
  for await (const chunk of response) chunks.push(chunk)
  const answer = answerFrom(response.statusCode ?? 0, response.headers, Buffer.concat(chunks).toString())
  assert.deepEqual([answer.status, answer.code, answer.headers.connection], [403, 'ERR_PEER_MISSING', 'close'])
  assert.equal(answer.headers['content-length'], String(answer.text.length))
  assert.equal(upgraded, 0)
})

test('lets a WebSocket of a proven caller in, knows its principal, and closes it once the certificate has expired', async (t) => {
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder })
  const server = secureServer({ cert, key, guard }, () => {})
  new WebSocketServer({ server }).on('connection', (socket, req) => {
    assert.equal(guard.currentPrincipal()?.id, orders.id)
    socket.on('message', (data) => socket.send(`${guard.principal(req).id} said ${data}`))
  })
  const client = socketTo(await listen(t, server), orders)
  await once(client, 'open')
  client.send('hello')
  assert.equal(String((await once(client, 'message'))[0]), `${orders.id} said hello`)
  assert.deepEqual(recorder.of('connection.ended'), [])
  const closed = once(client, 'close')
  mesh.clock.advanceSeconds(PAST_EXPIRY_SECONDS)
  await closed
  mesh.clock.advanceSeconds(-PAST_EXPIRY_SECONDS)
  const ended = recorder.of('connection.ended')
  assert.deepEqual(
    ended.map(({ severity, code, facts }) => [severity, code, facts['peer'], facts['remoteAddress']]),
    [['warn', 'ERR_PEER_EXPIRED', orders.id, '127.0.0.1']],
  )
})

test('lets a handler say goodbye in its own protocol before an upgraded connection is closed', async (t) => {
  const guard = guardFor(t, bench)
  const server = secureServer({ cert, key, guard }, () => {})
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (req, socket, head) =>
    sockets.handleUpgrade(req, socket, head, (webSocket) => {
      principalSignal(guard, req, socket).addEventListener('abort', () => webSocket.close(1008, 'certificate expired'))
    }),
  )
  const client = socketTo(await listen(t, server), orders)
  await once(client, 'open')
  mesh.clock.advanceSeconds(PAST_EXPIRY_SECONDS)
  assert.equal((await once(client, 'close'))[0], 1008)
  mesh.clock.advanceSeconds(-PAST_EXPIRY_SECONDS)
})

test('ends upgraded connections when the guard closes, and says so while there is a log', async (t) => {
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder })
  const server = secureServer({ cert, key, guard }, () => {})
  new WebSocketServer({ server })
  const client = socketTo(await listen(t, server), orders)
  await once(client, 'open')
  await guard.close()
  await once(client, 'close')
  assert.deepEqual(
    recorder.of('connection.ended').map(({ code }) => code),
    ['ERR_UNAVAILABLE'],
  )
})

test('covers upgrade handlers of an existing server, added before or after it was protected', async (t) => {
  const guard = guardFor(t, bench)
  const server = createHttpsServer({
    cert: bench.billing.chainPem,
    key: bench.billing.keyPem,
    ca: mesh.trustPem,
    requestCert: true,
    rejectUnauthorized: false,
  })
  let upgraded = 0
  server.on('upgrade', () => upgraded++)
  protectServer(protectServer(server, guard), guard)
  server.prependListener('upgrade', (_req, socket: Duplex) => {
    upgraded++
    socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  })
  const port = await listen(t, server)
  const upgrade = 'GET /updates HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n'
  const refused = await openTls(t, mesh, port, null)
  refused.write(upgrade)
  assert.match(await readAll(refused), /^HTTP\/1\.1 403 Forbidden\r\n.*ERR_PEER_MISSING/s)
  assert.equal(upgraded, 0)
  const allowed = await openTls(t, mesh, port, orders)
  allowed.write(upgrade)
  assert.match(await readAll(allowed), /^HTTP\/1\.1 101 /)
  assert.equal(upgraded, 2)
})

test('tunnels CONNECT for a proven caller alone, and cuts the tunnel once its certificate has expired', async (t) => {
  const echo = createTcpServer((socket) => socket.pipe(socket))
  const echoPort = await listen(t, echo)
  const guard = guardFor(t, bench, { authorize: [{ callers: orders.id, methods: 'CONNECT' }] })
  const server = secureServer({ cert, key, guard }, () => {})
  let connected = 0
  server.on('connect', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    connected++
    assert.equal(guard.principal(req).id, orders.id)
    const upstream = connectTcp(echoPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.write(head)
      upstream.pipe(socket).pipe(upstream)
    })
    upstream.on('error', () => {})
    socket.on('close', () => upstream.destroy())
  })
  const port = await listen(t, server)
  const connectAs = (as: typeof orders | null) => {
    const req = request({
      ...clientTls(mesh, as),
      port,
      method: 'CONNECT',
      path: `127.0.0.1:${echoPort}`,
      headers: { host: `127.0.0.1:${echoPort}` },
      agent: false,
    })
    req.end()
    return once(req, 'connect') as Promise<[IncomingMessage, Socket, Buffer]>
  }
  const [refused, , body] = await connectAs(null)
  assert.equal(refused.statusCode, 403)
  assert.match(String(body), /^(?:|.*ERR_PEER_MISSING.*)$/)
  assert.equal(connected, 0)

  const [answer, tunnel] = await connectAs(orders)
  assert.equal(answer.statusCode, 200)
  tunnel.write('through')
  assert.equal(String((await once(tunnel, 'data'))[0]), 'through')
  const closed = once(tunnel, 'close')
  tunnel.on('error', () => {})
  mesh.clock.advanceSeconds(PAST_EXPIRY_SECONDS)
  await closed
  mesh.clock.advanceSeconds(-PAST_EXPIRY_SECONDS)
})

/** A verifier of the user's own that answers when it is told to. */
function slowVerifier() {
  let answer: (finding: Finding<Peer>) => void = () => {}
  let asked: () => void = () => {}
  const whenAsked = new Promise<void>((resolve) => {
    asked = resolve
  })
  const verifier: PeerVerifier = {
    kind: 'mtls',
    trustAnchors: () => [],
    recall: () => undefined,
    verify: () =>
      new Promise((resolve) => {
        answer = resolve
        asked()
      }),
    judge: () => null,
    ready: async () => {},
    close: async () => {},
    toString: () => 'slow',
  }
  return { verifier, whenAsked, answer: (finding: Finding<Peer>) => answer(finding) }
}

test('survives a client that resets its upgrade while it is being decided, and does not hand it over', async (t) => {
  const { verifier, whenAsked, answer } = slowVerifier()
  const guard = guardFor(t, bench, { mtls: verifier, require: 'optional', authorize: 'anyone' })
  const server = protectServer(createHttpServer(), guard)
  let upgraded = 0
  server.on('upgrade', () => upgraded++)
  const port = await listen(t, server)
  const accepted = once(server, 'connection')
  const client = connectTcp(port, '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n')
  const [serverSide] = (await accepted) as [Socket]
  await whenAsked
  // Not once(): it would listen to `error` too, and it is the missing listener that would end the process.
  const gone = new Promise((resolve) => serverSide.on('close', resolve))
  client.resetAndDestroy()
  await gone
  answer(null)
  await new Promise(setImmediate)
  assert.equal(upgraded, 0)
})

test('hands over what a client sent right behind its upgrade, also where the decision took its time', async (t) => {
  const { verifier, whenAsked, answer } = slowVerifier()
  const guard = guardFor(t, bench, { mtls: verifier, require: 'optional', authorize: 'anyone' })
  const server = protectServer(createHttpServer(), guard)
  server.on('upgrade', (_req, socket: Duplex, head: Buffer) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
    socket.write(head)
    socket.pipe(socket)
  })
  const client = connectTcp(await listen(t, server), '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nearly ')
  await whenAsked
  client.write('late')
  answer(null)
  client.end()
  assert.match(await readAll(client), /^HTTP\/1\.1 101 .*\r\n\r\nearly late$/s)
})

test('says once that a server has handlers which no middleware stands in front of, with the line that mends it', async (t) => {
  const { countersign } = await import('@countersign/node')
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder })
  const server = createHttpServer(countersign(guard, (_req, res) => res.end()))
  server.on('upgrade', (_req, socket: Duplex) => socket.destroy())
  const port = await listen(t, server)
  const send = async (): Promise<void> => {
    const sent = requestPlain({ port, host: '127.0.0.1', agent: false }).end()
    const [response] = await once(sent, 'response')
    response.resume()
  }
  await send()
  await send()
  const misuse = recorder.of('guard.misused').filter(({ code }) => code === 'ERR_SERVER_UNGUARDED')
  assert.equal(misuse.length, 1)
  assert.match(misuse[0]?.message ?? '', /protectServer\(server, guard\)/)
  assert.deepEqual(misuse[0]?.facts, { events: ['upgrade'] })
  assert.ok((server.address() as AddressInfo).port > 0)
})
