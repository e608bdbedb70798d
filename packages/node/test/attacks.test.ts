import assert from 'node:assert/strict'
import { connect as connectTcp } from 'node:net'
import { type TestContext, test } from 'node:test'
import { secureHttp2Server, secureServer } from '@countersign/node'
import { createTestRecorder } from '@countersign/testing'
import { listen } from '@countersign-internal/fixture'
import { call, callStream, createBench, guardFor, openSession, openTls, readAll } from './fixture.js'
import { CANCEL, FLAG, FRAME, field, firstFrameOf, frame, getRequest, openRawSession, requestOf, writeAll } from './h2-frames.js'

const bench = createBench()
const { mesh, cert, key, orders } = bench
/** More than every bound, and little enough to take a moment only. */
const FLOOD = 5000

interface Attacked {
  readonly port: number
  readonly handled: () => number
  readonly recorder: ReturnType<typeof createTestRecorder>
  /** Resolves once an honest client, on a session of its own and on a new connection, was answered. */
  readonly serves: () => Promise<void>
}

async function attacked(t: TestContext): Promise<Attacked> {
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder })
  let handled = 0
  const server = secureHttp2Server({ cert, key, guard }, (_req, res) => {
    handled++
    res.end('honest work')
  })
  const port = await listen(t, server)
  const honest = await openSession(t, mesh, port, orders)
  await callStream(honest)
  handled = 0
  return {
    port,
    handled: () => handled,
    recorder,
    async serves() {
      assert.equal((await callStream(honest)).text, 'honest work')
      assert.equal((await call(mesh, port, { as: orders })).text, 'honest work')
    },
  }
}

for (const [who, as] of [
  ['a proven caller', orders],
  ['a stranger', null],
] as const) {
  test(`ends the session of ${who} that opens streams and resets them at once, and goes on serving others`, async (t) => {
    const { port, handled, recorder, serves } = await attacked(t)
    const socket = await openRawSession(t, mesh, port, as)
    const closed = readAll(socket)
    const flood: Buffer[] = []
    for (let index = 0; index < FLOOD; index++) {
      const stream = index * 2 + 1
      flood.push(
        frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, stream, getRequest()),
        frame(FRAME.RST_STREAM, FLAG.NONE, stream, CANCEL),
      )
    }
    await writeAll(socket, Buffer.concat(flood))
    await serves()
    await closed
    assert.ok(handled() < 1000, `${handled()} of ${FLOOD} requests were handled`)
    const ended = recorder.events.filter(({ message }) => message.startsWith('an HTTP/2 session was ended'))
    assert.equal(ended.length, 1)
    await serves()
  })
}

const FRAME_FLOODS = {
  pings: () => frame(FRAME.PING, FLAG.NONE, 0, new Uint8Array(8)),
  settings: () => frame(FRAME.SETTINGS, FLAG.NONE, 0),
} as const

for (const [what, make] of Object.entries(FRAME_FLOODS)) {
  test(`ends a session that floods the server with ${what}, and goes on serving others`, async (t) => {
    const { port, recorder, serves } = await attacked(t)
    const socket = await openRawSession(t, mesh, port, orders)
    const closed = readAll(socket)
    await writeAll(socket, Buffer.concat(Array.from({ length: FLOOD }, make)))
    await serves()
    await closed
    assert.equal(recorder.events.filter(({ message }) => message.startsWith('an HTTP/2 session was ended')).length, 1)
    await serves()
  })
}

test('ends a session whose header section goes on for ever, without handing it to anybody', async (t) => {
  const { port, handled, serves } = await attacked(t)
  const socket = await openRawSession(t, mesh, port, orders)
  const closed = readAll(socket)
  await writeAll(socket, frame(FRAME.HEADERS, FLAG.END_STREAM, 1, getRequest()))
  const continuation = frame(FRAME.CONTINUATION, FLAG.NONE, 1, field('x-filler', 'x'.repeat(1000)))
  for (let sent = 0; sent < FLOOD && !socket.destroyed; sent += 100)
    await writeAll(socket, Buffer.concat(Array.from({ length: 100 }, () => continuation)))
  await serves()
  await closed
  assert.equal(handled(), 2)
})

test('takes no HTTP/2 request with more fields or larger ones than it said', async (t) => {
  const { port, handled, serves } = await attacked(t)
  // A client that minds the server's settings would not send these.
  const sections = [
    Array.from({ length: 200 }, (_, index) => field(`x-${index}`, '1')),
    Array.from({ length: 4 }, (_, index) => field(`x-${index}`, 'x'.repeat(5000))),
    Array.from({ length: 13 }, (_, index) => field(`x-${index}`, 'x'.repeat(5000))),
  ]
  for (const fields of sections) {
    const socket = await openRawSession(t, mesh, port, orders)
    const answered = firstFrameOf(socket, 1)
    await writeAll(socket, requestOf(1, fields))
    const type = await answered
    assert.ok(type === FRAME.HEADERS || type === FRAME.RST_STREAM || type === null, `frame of type ${type}`)
  }
  await serves()
  assert.equal(handled(), 2)
})

test('answers an HTTP/1.1 request with larger fields than allowed by 431, without handing it to anybody', async (t) => {
  const { port, handled } = await attacked(t)
  const socket = await openTls(t, mesh, port, orders, { ALPNProtocols: ['http/1.1'] })
  socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`)
  assert.match(await readAll(socket), /^HTTP\/1\.1 431 /)
  assert.equal(handled(), 0)
})

test('cuts off handshakes that are never finished', async (t) => {
  const guard = guardFor(t, bench)
  const server = secureServer({ cert, key, guard, handshakeTimeoutMs: 200 }, (_req, res) => res.end('honest work'))
  const port = await listen(t, server)
  const sockets = Array.from({ length: 50 }, () => connectTcp(port, '127.0.0.1'))
  // Half a ClientHello, and nothing.
  const ended = sockets.map((socket, index) => {
    socket.on('error', () => {})
    if (index % 2 === 0) socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]))
    return readAll(socket)
  })
  assert.equal((await call(mesh, port, { as: orders })).text, 'honest work')
  await Promise.all(ended)
})

test('cuts off requests whose headers never end, and serves others meanwhile', async (t) => {
  const guard = guardFor(t, bench)
  const server = secureServer({ cert, key, guard, headersTimeoutMs: 200 }, (_req, res) => res.end('honest work'))
  const port = await listen(t, server)
  const sockets = await Promise.all(Array.from({ length: 30 }, () => openTls(t, mesh, port, null)))
  const answers = sockets.map((socket) => {
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n')
    const drip = setInterval(() => socket.write('X-Slow: 1\r\n'), 50)
    socket.once('close', () => clearInterval(drip))
    return readAll(socket)
  })
  assert.equal((await call(mesh, port, { as: orders })).text, 'honest work')
  for (const answer of await Promise.all(answers)) assert.match(answer, /^(?:|HTTP\/1\.1 408 .*)$/s)
})

test('cuts off bodies that never end', async (t) => {
  const guard = guardFor(t, bench)
  const server = secureServer({ cert, key, guard, headersTimeoutMs: 200, requestTimeoutMs: 300 }, (req) => req.resume())
  const port = await listen(t, server)
  const socket = await openTls(t, mesh, port, orders)
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n')
  const drip = setInterval(() => socket.write('x'), 50)
  socket.once('close', () => clearInterval(drip))
  assert.match(await readAll(socket), /^(?:|HTTP\/1\.1 408 .*)$/s)
})

test('closes connections beyond the handshakes that one address may make, before any TLS work, and says so once', async (t) => {
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder })
  const server = secureServer({ cert, key, guard, perAddress: { handshakesPerSecond: 1, handshakeBurst: 10 } }, (_req, res) => res.end())
  let handshakes = 0
  server.on('secureConnection', () => handshakes++)
  const port = await listen(t, server)
  const attempts = await Promise.allSettled(Array.from({ length: 200 }, () => openTls(t, mesh, port, null)))
  assert.ok(handshakes >= 10 && handshakes < 30, `${handshakes} handshakes`)
  assert.equal(attempts.filter(({ status }) => status === 'fulfilled').length, handshakes)
  const [denied, ...more] = recorder.of('request.denied')
  assert.deepEqual(
    [denied?.code, denied?.facts, more.length],
    ['ERR_QUOTA_EXCEEDED', { remoteAddress: '127.0.0.1', exceeded: 'perAddress.handshakesPerSecond' }, 0],
  )
})

test('bounds the connections that one address holds open, and takes new ones once old ones are gone', async (t) => {
  const guard = guardFor(t, bench)
  const server = secureServer({ cert, key, guard, perAddress: { connections: 3 } }, (_req, res) => res.end('honest work'))
  const port = await listen(t, server)
  const open = await Promise.all([1, 2, 3].map(() => openTls(t, mesh, port, null)))
  await assert.rejects(openTls(t, mesh, port, null))
  const [first] = open
  assert.ok(first !== undefined)
  first.destroy()
  for (;;) {
    const answer = await call(mesh, port, { as: orders }).catch(() => null)
    if (answer === null) continue
    assert.equal(answer.text, 'honest work')
    break
  }
})

test('answers an honest client while strangers flood it with requests that are refused', async (t) => {
  const { port, serves, recorder } = await attacked(t)
  const strangers = await Promise.all(Array.from({ length: 10 }, () => openSession(t, mesh, port, null)))
  const flood = strangers.flatMap((session) => Array.from({ length: 100 }, () => callStream(session)))
  await serves()
  for (const answer of await Promise.all(flood)) assert.equal(answer.code, 'ERR_PEER_MISSING')
  assert.equal(recorder.of('request.denied').length, 1000)
})

test('lets no refused caller go on sending its body, over HTTP/1.1 or HTTP/2', async (t) => {
  const guard = guardFor(t, bench)
  const server = secureHttp2Server({ cert, key, guard, headersTimeoutMs: 200, requestTimeoutMs: 300 }, () => assert.fail('handled'))
  const port = await listen(t, server)
  const session = await openSession(t, mesh, port, null)
  const stream = session.request({ ':path': '/', ':method': 'POST' }, { endStream: false })
  stream.on('error', () => {})
  const closed = new Promise((resolve) => stream.resume().once('close', resolve))
  stream.write('the beginning')
  await closed

  const socket = await openTls(t, mesh, port, null, { ALPNProtocols: ['http/1.1'] })
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n')
  const drip = setInterval(() => socket.write('x'), 50)
  socket.once('close', () => clearInterval(drip))
  assert.match(await readAll(socket), /^HTTP\/1\.1 403 .*ERR_PEER_MISSING/s)
})
