import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { GuardOptions } from '@countersign/guard'
import { createDevAuthority, type IssuedCertificate } from '@countersign/issuer'
import { countersign, principalSignal, protectServer, secureHttp2Server, secureServer } from '@countersign/node'
import { createTestRecorder, type Workload } from '@countersign/testing'
import { listen } from '@countersign-internal/fixture'
import { call, callPlain, callStream, clientTls, createBench, guardFor, keepAliveAgent, openSession, readAll } from './fixture.js'

const bench = createBench()
const { mesh, orders } = bench
const ingress = mesh.workload('/ingress')
const stranger = mesh.workload('/stranger')
const from = { peer: ingress.id }
const NGINX = { format: 'nginx', from } as const

/** What nginx writes for a client with this certificate. */
function nginx(client: Workload, verify = 'SUCCESS'): Record<string, string> {
  return { 'x-ssl-client-cert': encodeURIComponent(client.certificatePem), 'x-ssl-client-verify': verify }
}

interface Seen {
  readonly id: string
  readonly provenance: string | undefined
  readonly clientAddress: string | null
  readonly fields: readonly string[]
}

function seenBy(guard: ReturnType<typeof guardFor>, req: IncomingMessage): Seen {
  const grant = guard.attached(req)
  const fields = [...req.rawHeaders.filter((_, i) => i % 2 === 0), ...Object.keys(req.headers), ...Object.keys(req.headersDistinct)]
  return {
    id: grant?.principal.id ?? 'nobody',
    provenance: grant?.principal.peer?.provenance,
    clientAddress: grant?.inbound.clientAddress ?? null,
    fields: fields.map((name) => name.toLowerCase()).filter((name) => /cert|ssl|forwarded/.test(name)),
  }
}

async function serve(t: TestContext, changes: Partial<GuardOptions>): Promise<number> {
  const guard = guardFor(t, bench, changes)
  const server = secureServer({ cert: bench.cert, key: bench.key, guard }, (req, res) => res.end(JSON.stringify(seenBy(guard, req))))
  return listen(t, server)
}

test('knows each caller behind one connection of a proxy by its own certificate', async (t) => {
  const port = await serve(t, { forwarded: NGINX, authorize: [orders.id, stranger.id] })
  const agent = keepAliveAgent(t, mesh, ingress)
  for (const client of [orders, stranger, orders]) {
    const { id, provenance, fields } = JSON.parse((await call(mesh, port, { agent, headers: nginx(client) })).text) as Seen
    assert.deepEqual([id, provenance], [client.id, 'proxy-verified'])
    assert.ok(fields.includes('x-ssl-client-cert'), 'what the proxy wrote stays on the request')
  }
  assert.equal((await call(mesh, port, { agent })).code, 'ERR_PEER_MISSING')
})

test('judges a forwarded certificate again on each request: expired, revoked, its anchor gone', async (t) => {
  const own = createBench()
  const proxy = own.mesh.workload('/ingress', { validSeconds: 90_000 })
  const recorder = createTestRecorder()
  const guard = guardFor(t, own, {
    mtls: { trust: own.mesh.trust, revocation: { crl: own.mesh.crls } },
    forwarded: NGINX,
    authorize: 'any-authenticated',
    audit: recorder,
  })
  const port = await listen(
    t,
    secureServer({ cert: own.cert, key: own.key, guard }, (_req, res) => res.end('in')),
  )
  const agent = keepAliveAgent(t, own.mesh, proxy)
  const send = (client: Workload) => call(own.mesh, port, { agent, headers: nginx(client) })
  const revoked = own.mesh.workload('/orders', { validSeconds: 90_000 })
  assert.equal((await send(revoked)).text, 'in')
  own.mesh.revoke(revoked)
  assert.equal((await send(revoked)).code, 'ERR_PEER_REVOKED')
  const short = own.mesh.workload('/orders', { validSeconds: 600 })
  assert.equal((await send(short)).text, 'in')
  own.mesh.clock.advanceSeconds(700)
  assert.equal((await send(short)).code, 'ERR_PEER_EXPIRED')
  own.mesh.revoke(proxy)
  assert.equal((await send(own.mesh.workload('/orders', { validSeconds: 90_000 }))).code, 'ERR_PEER_REVOKED')
})

test('believes no field of a caller that is not the proxy, takes it away and writes that down', async (t) => {
  const recorder = createTestRecorder()
  const port = await serve(t, { forwarded: NGINX, authorize: [stranger.id], audit: recorder })
  const answer = await call(mesh, port, {
    as: stranger,
    headers: { ...nginx(orders), x_ssl_client_cert: 'x', 'x-forwarded-client-cert': 'Hash=00', 'Client-Cert': ':AA==:' },
  })
  const { id, provenance, fields } = JSON.parse(answer.text) as Seen
  assert.deepEqual([id, provenance, fields], [stranger.id, 'connection', []])
  const [event] = recorder.events.filter(({ kind }) => kind === 'forwarded.ignored')
  assert.deepEqual([...((event?.facts['fields'] ?? []) as string[])].sort(), [
    'client-cert',
    'x-forwarded-client-cert',
    'x-ssl-client-cert',
    'x-ssl-client-verify',
    'x_ssl_client_cert',
  ])
  assert.equal(event?.facts['remoteAddress'], '127.0.0.1')
})

test('takes such fields away on exempt routes too, and where no proxy is trusted at all', async (t) => {
  const port = await serve(t, { routes: [{ path: '/health', require: 'none' }], authorize: [stranger.id] })
  for (const options of [{ path: '/health' }, { as: stranger, path: '/' }])
    assert.deepEqual((JSON.parse((await call(mesh, port, { ...options, headers: nginx(orders) })).text) as Seen).fields, [])
})

test('takes such fields from handlers of HTTP/2 streams as well', async (t) => {
  const guard = guardFor(t, bench, { authorize: [stranger.id] })
  const server = secureHttp2Server({ cert: bench.cert, key: bench.key, guard }, () => {})
  server.removeAllListeners('request')
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
    stream.respond({ ':status': 200 })
    stream.end(JSON.stringify([...Object.keys(headers), ...rawHeaders].filter((name) => name.includes('client-cert'))))
  })
  const session = await openSession(t, mesh, await listen(t, server), stranger)
  assert.equal((await callStream(session, { 'x-forwarded-client-cert': 'Hash=00', 'client-cert': ':AA==:' })).text, '[]')
})

test('lets a proxy on a Unix socket speak whose rights keep others out, and nobody on one that is open to all', async (t) => {
  for (const [mode, expected] of [
    [0o700, orders.id],
    [0o755, 'ERR_PEER_UNENCRYPTED'],
  ] as const) {
    const folder = join(bench.folder, `sockets-${mode}`)
    mkdirSync(folder)
    chmodSync(folder, mode)
    const path = join(folder, 'service.sock')
    const recorder = createTestRecorder()
    const guard = guardFor(t, bench, { forwarded: { format: 'nginx', from: { unixSocket: true } }, audit: recorder })
    const server = createServer(countersign(guard, (req, res) => res.end(guard.principal(req).id)))
    server.listen(path)
    t.after(() => server.close())
    await once(server, 'listening')
    chmodSync(path, 0o777)
    for (const headers of [nginx(orders), nginx(orders)]) {
      const answer = await callPlain({ socketPath: path, headers })
      assert.equal(answer.code ?? answer.text, expected)
    }
    const told = recorder.events.filter(({ kind, message }) => kind === 'guard.misused' && message.includes('unixSocket'))
    assert.equal(told.length, mode === 0o755 ? 1 : 0)
  }
})

test('takes an address for a proxy only where that is said to be dangerous', async (t) => {
  const guard = guardFor(t, bench, { forwarded: { format: 'nginx', from: { dangerouslyAddress: '127.0.0.0/8' } } })
  const port = await listen(t, createServer(countersign(guard, (req, res) => res.end(guard.principal(req).id))))
  assert.equal((await callPlain({ port, host: '127.0.0.1', headers: nginx(orders) })).text, orders.id)
  assert.equal((await callPlain({ port, host: '127.0.0.1' })).code, 'ERR_PEER_MISSING')
})

test('judges forwarded certificates by anchors of their own where the options name some', async (t) => {
  const clients = createBench().mesh
  const port = await serve(t, {
    forwarded: { ...NGINX, trust: { trustDomain: 'prod.example', pem: clients.trustPem } },
    authorize: 'any-authenticated',
  })
  const send = (client: Workload) => call(mesh, port, { as: ingress, headers: nginx(client) })
  assert.equal((JSON.parse((await send(clients.workload('/orders'))).text) as Seen).id, orders.id)
  assert.equal((await send(orders)).code, 'ERR_PEER_UNTRUSTED')
  assert.equal((await call(mesh, port, { as: clients.workload('/ingress') })).code, 'ERR_PEER_UNTRUSTED')
})

test('counts and writes down the address that the proxy tells, and nobody else’s', async (t) => {
  const recorder = createTestRecorder()
  const port = await serve(t, {
    forwarded: { ...NGINX, clientAddress: 'x-forwarded-for' },
    authorize: [orders.id, stranger.id],
    audit: recorder,
  })
  const headers = { ...nginx(orders), 'x-forwarded-for': '203.0.113.9, 192.0.2.7' }
  const behind = JSON.parse((await call(mesh, port, { as: ingress, headers })).text) as Seen
  assert.equal(behind.clientAddress, '192.0.2.7')
  await call(mesh, port, { as: ingress, headers: { ...headers, 'x-ssl-client-verify': 'FAILED:x' } })
  assert.equal(recorder.events.find(({ kind }) => kind === 'request.denied')?.facts['clientAddress'], '192.0.2.7')
  const direct = JSON.parse((await call(mesh, port, { as: stranger, headers: { 'x-forwarded-for': '192.0.2.7' } })).text) as Seen
  assert.deepEqual([direct.clientAddress, direct.fields], ['127.0.0.1', []])
})

test('gives two clients behind one proxy a failure budget each', async (t) => {
  const port = await serve(t, {
    forwarded: { ...NGINX, clientAddress: 'x-forwarded-for' },
    limit: { perCaller: null, perAddress: { quota: 2, windowSeconds: 60 } },
  })
  const unknown = createBench().mesh.workload('/orders')
  const fail = async (address: string) =>
    (await call(mesh, port, { as: ingress, headers: { ...nginx(unknown), 'x-forwarded-for': address } })).code
  assert.deepEqual(
    [await fail('192.0.2.1'), await fail('192.0.2.1'), await fail('192.0.2.1'), await fail('192.0.2.2')],
    ['ERR_PEER_UNTRUSTED', 'ERR_PEER_UNTRUSTED', 'ERR_ATTEMPTS_EXCEEDED', 'ERR_PEER_UNTRUSTED'],
  )
})

test('closes what a proxy opened once the certificate of the client or that of the proxy is revoked', async (t) => {
  for (const who of ['client', 'proxy'] as const) {
    const own = createBench()
    const proxy = own.mesh.workload('/ingress')
    const client = own.mesh.workload('/orders')
    const guard = guardFor(t, own, { mtls: { trust: own.mesh.trust, revocation: { crl: own.mesh.crls } }, forwarded: NGINX })
    const server = secureServer({ cert: own.cert, key: own.key, guard }, (req, res) => {
      res.write('first')
      principalSignal(guard, req, res).addEventListener('abort', () => res.end(' and last'))
    })
    const port = await listen(t, server)
    const answered = call(own.mesh, port, { as: proxy, headers: nginx(client) })
    await once(server, 'request')
    own.mesh.revoke(who === 'client' ? client : proxy)
    assert.equal((await answered).text, 'first and last')
  }
})

test('decides upgrades of callers behind a proxy by the forwarded certificate', async (t) => {
  const guard = guardFor(t, bench, { forwarded: NGINX })
  const server = protectServer(
    secureServer({ cert: bench.cert, key: bench.key, guard }, (_req, res) => res.end()),
    guard,
  )
  server.on('upgrade', (req: IncomingMessage, socket) => {
    socket.end(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\nX-Id: ${guard.principal(req).id}\r\n\r\n`)
  })
  const port = await listen(t, server)
  const upgrade = { connection: 'Upgrade', upgrade: 'test' }
  assert.equal((await call(mesh, port, { as: ingress, headers: { ...upgrade } })).code, 'ERR_PEER_MISSING')
  assert.equal((await call(mesh, port, { as: ingress, headers: { ...upgrade, ...nginx(stranger) } })).code, 'ERR_FORBIDDEN')
})

test('knows a proxy by a SPIFFE ID or a DNS name, and by no common name that says the same', async (t) => {
  const host = 'ingress.prod.example'
  const plain = createDevAuthority({ name: 'Plain root', clock: mesh.clock })
  const guard = guardFor(t, bench, {
    mtls: {
      trust: [
        { trustDomain: 'prod.example', pem: mesh.trustPem },
        { trustDomain: null, pem: plain.certificatePem },
      ],
      identifyBy: ['spiffe', 'dns', 'cn'],
    },
    forwarded: { format: 'nginx', from: { peer: host } },
    authorize: 'any-authenticated',
  })
  const port = await listen(
    t,
    secureServer({ cert: bench.cert, key: bench.key, guard }, (req, res) => res.end(guard.principal(req).id)),
  )
  const as = (issued: IssuedCertificate) => ({ ...orders, ...issued })
  const headers = nginx(orders)
  assert.equal((await call(mesh, port, { as: as(plain.issue({ dns: [host] })), headers })).text, orders.id)
  assert.equal((await call(mesh, port, { as: as(plain.issue({ commonName: host })), headers })).text, host)
})

test('takes a balancer that speaks the PROXY protocol for no proxy that reads requests, though it has the address of one', async (t) => {
  const guard = guardFor(t, bench, {
    forwarded: { format: 'nginx', from: { dangerouslyAddress: '127.0.0.0/8' } },
    authorize: [stranger.id],
  })
  const server = secureServer(
    { cert: bench.cert, key: bench.key, guard, proxyProtocol: { from: { dangerouslyAddress: '127.0.0.1' } } },
    (req, res) => res.end(guard.principal(req).id),
  )
  const port = await listen(t, server)
  for (const line of ['PROXY UNKNOWN\r\n', 'PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n']) {
    const accepted = connectTcp(port, '127.0.0.1')
    accepted.write(line)
    const socket = connectTls({ ...clientTls(mesh, stranger), socket: accepted })
    t.after(() => socket.destroy())
    await once(socket, 'secureConnect')
    const fields = Object.entries(nginx(orders)).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${fields.join('')}\r\n`)
    assert.ok((await readAll(socket)).endsWith(stranger.id))
  }
})
