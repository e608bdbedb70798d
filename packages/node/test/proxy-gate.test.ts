import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdirSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net'
import { join } from 'node:path'
import { duplexPair, PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import type { GuardOptions } from '@countersign/guard'
import { type SecureServerOptions, secureHttp2Server, secureServer } from '@countersign/node'
import { createTestMesh, createTestRecorder, type TestRecorder, type Workload } from '@countersign/testing'
import { listen } from '@countersign-internal/fixture'
import { createProxyGate } from '../dist/proxy-gate.js'
import { callStream, clientTls, createBench, guardFor, readAll } from './fixture.js'
import { inet, inet6, v2 } from './proxy-header.js'

const bench = createBench()
const { mesh, cert, key, orders } = bench
const LOOPBACK = { from: { dangerouslyAddress: '127.0.0.1' } } as const
const V1 = Buffer.from('PROXY TCP4 203.0.113.9 10.0.0.1 51000 443\r\n')

/** How the header and the first bytes of TLS reach the server. */
type Delivery = 'one segment' | 'byte by byte' | 'header first'

/** Opens TLS behind a PROXY header. */
async function openBehind(
  t: TestContext,
  to: NetConnectOpts,
  header: Buffer,
  { delivery = 'one segment', as = orders, ...options }: { delivery?: Delivery; as?: Workload | null } & ConnectionOptions = {},
): Promise<TLSSocket> {
  const raw = connectTcp(to).setNoDelay(true)
  const [ours, theirs] = duplexPair()
  const socket = connectTls({ ...clientTls(mesh, as), ...options, socket: ours })
  for (const end of [raw, socket]) {
    end.on('error', () => {})
    t.after(() => void end.destroy())
  }
  raw.pipe(theirs)
  const [hello] = (await once(theirs, 'data')) as [Buffer]
  theirs.pause()
  if (delivery === 'header first') {
    await write(raw, header)
    await write(raw, hello)
  } else if (delivery === 'one segment') await write(raw, Buffer.concat([header, hello]))
  else for (const byte of Buffer.concat([header, hello])) await write(raw, Buffer.from([byte]))
  theirs.pipe(raw)
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    raw.once('close', () => reject(new Error('closed')))
  })
  return socket
}

function write(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => socket.write(bytes, () => resolve()))
}

async function statusOf(socket: TLSSocket, field = ''): Promise<number> {
  socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\n${field}\r\n`)
  const [data] = await once(socket, 'data')
  return Number(String(data).split(' ')[1])
}

interface Served {
  readonly port: number
  readonly recorder: TestRecorder
}

async function serve(
  t: TestContext,
  options: Partial<SecureServerOptions> = {},
  changes: Partial<GuardOptions> = {},
  make: 'https' | 'http2' = 'https',
): Promise<Served> {
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder, ...changes })
  const all = { cert, key, guard, proxyProtocol: LOOPBACK, ...options }
  const server = make === 'https' ? secureServer(all, (_req, res) => res.end()) : secureHttp2Server(all, (_req, res) => res.end())
  return { port: await listen(t, server), recorder }
}

/** What the audit log says of who was let in. */
function addressesIn(recorder: TestRecorder): unknown[] {
  return recorder.of('request.allowed').map(({ facts }) => [facts['remoteAddress'], facts['proxyAddress'], facts['clientAddress']])
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const delivery of ['one segment', 'byte by byte', 'header first'] as const) {
    for (const [name, header, address] of [
      ['version 1', V1, '203.0.113.9'],
      ['version 2', v2({ family: 2, addresses: inet6(), checksum: true }), '2001:db8::9'],
    ] as const) {
      const options = { delivery, minVersion: version, maxVersion: version }
      test(`the client's address is what a ${name} header says: ${version}, ${delivery}, HTTP/1.1`, async (t) => {
        const { port, recorder } = await serve(t)
        const socket = await openBehind(t, { host: '127.0.0.1', port }, header, options)
        assert.equal(socket.getProtocol(), version)
        assert.deepEqual([await statusOf(socket), await statusOf(socket)], [200, 200])
        assert.deepEqual(addressesIn(recorder), Array(2).fill([address, '127.0.0.1', undefined]))
      })

      test(`the client's address is what a ${name} header says: ${version}, ${delivery}, HTTP/2`, async (t) => {
        const { port, recorder } = await serve(t, {}, {}, 'http2')
        const socket = await openBehind(t, { host: '127.0.0.1', port }, header, { ...options, ALPNProtocols: ['h2'] })
        const session = connectHttp2('https://localhost', { createConnection: () => socket })
        session.on('error', () => {})
        t.after(() => session.destroy())
        assert.deepEqual([(await callStream(session)).status, (await callStream(session)).status], [200, 200])
        assert.deepEqual(addressesIn(recorder), Array(2).fill([address, '127.0.0.1', undefined]))
      })
    }
  }
}

test('a header without an address leaves that of the connection, and says that it is the proxy’s own', async (t) => {
  const { port, recorder } = await serve(t)
  const headers = [
    v2({ command: 0, family: 0, transport: 0, addresses: Buffer.alloc(0) }),
    v2({ family: 3, addresses: Buffer.alloc(216) }),
    Buffer.from('PROXY UNKNOWN\r\n'),
  ]
  for (const header of headers) assert.equal(await statusOf(await openBehind(t, { host: '127.0.0.1', port }, header)), 200)
  assert.deepEqual(addressesIn(recorder), Array(3).fill(['127.0.0.1', '127.0.0.1', undefined]))
})

test('a proxy whose connection does not begin with a valid header is cut off, and each reason is told of once', async (t) => {
  const { port, recorder } = await serve(t)
  const broken: readonly [reason: string, bytes: Buffer][] = [
    ['no-header', Buffer.from([0x16, 3, 1, 0, 5])],
    ['malformed', Buffer.from('PROXY TCP4 203.0.113.9\r\n')],
    ['too-long', v2({ length: 5000 })],
    ['checksum', v2({ additions: [Buffer.from([3, 0, 4, 0, 0, 0, 0])] })],
  ]
  for (const [, bytes] of [...broken, ...broken]) {
    const socket = connectTcp(port, '127.0.0.1').on('error', () => {})
    socket.write(bytes)
    assert.equal(await readAll(socket), '')
  }
  assert.deepEqual(
    recorder.of('connection.ended').map(({ facts }) => [facts['reason'], facts['remoteAddress']]),
    broken.map(([reason]) => [reason, '127.0.0.1']),
  )
  await assert.rejects(openBehind(t, { host: '127.0.0.1', port }, Buffer.alloc(0)), /closed/)
})

test('a second header is a handshake that fails', async (t) => {
  const { port } = await serve(t)
  await assert.rejects(openBehind(t, { host: '127.0.0.1', port }, Buffer.concat([V1, V1])), /closed/)
})

test('a header from an address that is not listed is a handshake that fails, and TLS without one is served', async (t) => {
  const { port, recorder } = await serve(t, { proxyProtocol: { from: { dangerouslyAddress: ['10.0.0.0/8', '::1'] } } })
  await assert.rejects(openBehind(t, { host: '127.0.0.1', port }, V1), /closed/)
  await assert.rejects(openBehind(t, { host: '127.0.0.1', port }, v2()), /closed/)
  assert.equal(await statusOf(await openBehind(t, { host: '127.0.0.1', port }, Buffer.alloc(0))), 200)
  assert.deepEqual(addressesIn(recorder), [['127.0.0.1', undefined, undefined]])
})

test('without the option no connection may begin with a header', async (t) => {
  const { port } = await serve(t, { proxyProtocol: null })
  await assert.rejects(openBehind(t, { host: '127.0.0.1', port }, V1), /closed/)
})

test('a header that does not come in time is not waited for', async (t) => {
  const { port, recorder } = await serve(t, { handshakeTimeoutMs: 100 })
  for (const bytes of ['', 'PROXY TCP4 203.0']) {
    const socket = connectTcp(port, '127.0.0.1').on('error', () => {})
    socket.write(bytes)
    assert.equal(await readAll(socket), '')
  }
  assert.deepEqual(
    recorder.of('connection.ended').map(({ facts }) => facts['reason']),
    ['timeout'],
  )
})

test('the handshake after the header has a time limit too, also where the client has closed its side', async (t) => {
  const { port } = await serve(t, { handshakeTimeoutMs: 100 })
  for (const end of [false, true]) {
    const socket = connectTcp(port, '127.0.0.1').on('error', () => {})
    socket.write(Buffer.concat([V1, Buffer.from([0x16, 3, 1])]))
    if (end) socket.end()
    assert.equal(await readAll(socket), '')
    socket.destroy()
  }
})

test('who closes before the header is told of only where a part of one came', async (t) => {
  const { port, recorder } = await serve(t)
  for (const bytes of ['', 'PROXY ']) {
    const socket = connectTcp(port, '127.0.0.1').on('error', () => {})
    socket.end(bytes)
    assert.equal(await readAll(socket), '')
  }
  const reset = connectTcp(port, '127.0.0.1')
  await once(reset, 'connect')
  reset.resetAndDestroy()
  const { facts } = await recorder.waitFor(({ kind }) => kind === 'connection.ended')
  assert.equal(facts['reason'], 'ended')
  assert.equal(await statusOf(await openBehind(t, { host: '127.0.0.1', port }, V1)), 200)
  assert.equal(recorder.of('connection.ended').length, 1)
})

test('connections count for the client and not for its proxy', async (t) => {
  const { port, recorder } = await serve(t, { perAddress: { connections: 1 } })
  const to = { host: '127.0.0.1', port }
  const first = await openBehind(t, to, v2({ addresses: inet([203, 0, 113, 9]) }))
  assert.equal(await statusOf(await openBehind(t, to, v2({ addresses: inet([203, 0, 113, 10]) }))), 200)
  await assert.rejects(openBehind(t, to, v1For('203.0.113.9')), /closed/)
  const { facts } = await recorder.waitFor(({ kind }) => kind === 'request.denied')
  assert.deepEqual(facts, { remoteAddress: '203.0.113.9', exceeded: 'perAddress.connections' })
  assert.equal(await statusOf(first), 200)
})

test('failed attempts count for the client and not for its proxy, and no header field makes another client of it', async (t) => {
  const { port, recorder } = await serve(t, {}, { limit: { perAddress: { quota: 1, windowSeconds: 3600 } } })
  const to = { host: '127.0.0.1', port }
  const as = createTestMesh('other.example').workload('/orders')
  const attempt = async (address: string, field = ''): Promise<void> => {
    await statusOf(await openBehind(t, to, v1For(address), { as }), field)
  }
  await attempt('203.0.113.9')
  await attempt('203.0.113.9', 'X-Forwarded-For: 198.51.100.7\r\n')
  await attempt('203.0.113.9', 'Forwarded: for=198.51.100.8\r\n')
  await attempt('203.0.113.10')
  const [first, ...others] = recorder.codes()
  assert.deepEqual(others, ['ERR_ATTEMPTS_EXCEEDED', 'ERR_ATTEMPTS_EXCEEDED', first])
})

test('on a Unix socket that is closed to others every connection begins with a header', async (t) => {
  const { recorder, path } = await serveOnPath(t, 'closed', 0o600)
  assert.equal(await statusOf(await openBehind(t, { path }, V1)), 200)
  assert.deepEqual(addressesIn(recorder), [['203.0.113.9', undefined, undefined]])
  await assert.rejects(openBehind(t, { path }, Buffer.alloc(0)), /closed/)
  assert.deepEqual(recorder.of('connection.ended')[0]?.facts, { remoteAddress: null, reason: 'no-header' })
})

test('on a Unix socket that anyone may connect to nobody is believed', async (t) => {
  const { recorder, path } = await serveOnPath(t, 'open', 0o666)
  await assert.rejects(openBehind(t, { path }, V1), /closed/)
  assert.deepEqual(recorder.of('connection.ended')[0]?.facts, { remoteAddress: null, reason: 'socket-not-private' })
})

test('with unixSocket, a header on TCP is a handshake that fails', async (t) => {
  const { port } = await serve(t, { proxyProtocol: { from: { unixSocket: true } } })
  await assert.rejects(openBehind(t, { host: '127.0.0.1', port }, V1), /closed/)
})

test('no more than a thousand connections wait for their header, and those that leave make room', () => {
  const recorder = createTestRecorder()
  const proxyProtocol = { isProxyAddress: () => true }
  const guard = { report: recorder.record } as unknown as Parameters<typeof createProxyGate>[0]['guard']
  const gate = createProxyGate({ proxyProtocol, handshakeTimeoutMs: 600_000, guard }, { address: () => null })
  const open = (): Socket => {
    const socket = Object.assign(new PassThrough(), { remoteAddress: '127.0.0.1' }) as unknown as Socket
    gate.pass(socket, () => assert.fail('there was no header'))
    return socket
  }
  const waiting = Array.from({ length: 1000 }, open)
  assert.equal(waiting.filter(({ destroyed }) => destroyed).length, 0)
  assert.equal(open().destroyed, true)
  assert.deepEqual(
    recorder.events.map(({ facts }) => facts['reason']),
    ['too-many-waiting'],
  )
  waiting[0]?.emit('end')
  const late = open()
  assert.equal(late.destroyed, false)
  for (const socket of [...waiting, late]) socket.emit('end')
})

function v1For(address: string): Buffer {
  return Buffer.from(`PROXY TCP4 ${address} 10.0.0.1 51000 443\r\n`)
}

async function serveOnPath(t: TestContext, folder: string, mode: number): Promise<{ recorder: TestRecorder; path: string }> {
  // A path of its own, whose folder lets others through: the folder of all tests does not.
  const path = join(bench.folder, folder)
  mkdirSync(path)
  chmodSync(path, 0o755)
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder })
  const server = secureServer({ cert, key, guard, proxyProtocol: { from: { unixSocket: true } } }, (_req, res) => res.end())
  server.listen(join(path, 'service.sock'))
  await once(server, 'listening')
  t.after(() => server.close())
  chmodSync(join(path, 'service.sock'), mode)
  return { recorder, path: join(path, 'service.sock') }
}
