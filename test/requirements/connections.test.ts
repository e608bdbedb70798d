import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { createServer } from 'node:https'
import { syncBuiltinESMExports } from 'node:module'
import { type TestContext, test } from 'node:test'
import { TLSSocket } from 'node:tls'
import type { Peer } from '@countersign/core'
import { countersign } from '@countersign/node'
import { createTestLogger, createTestMeter } from '@countersign/testing'
import { parseCertificate } from '@countersign/x509'
import { clientOf, createStage, eventsOf, guardOf, listen, oneConnection, openTls, serve } from './stage.js'

const stage = createStage()
const { mesh, cert, key, orders } = stage
const REQUESTS = 20
const CONNECTIONS = 3

async function openSession(t: TestContext, port: number): Promise<ClientHttp2Session> {
  const socket = await openTls(t, { ...clientOf(mesh, port, orders), ALPNProtocols: ['h2'] })
  const session = connectHttp2(`https://localhost:${port}`, { createConnection: () => socket })
  session.on('error', () => {})
  t.after(() => session.destroy())
  return session
}

async function askOn(session: ClientHttp2Session): Promise<string> {
  const stream = session.request({ ':path': '/' }).setEncoding('utf8')
  const [text] = await once(stream, 'data')
  return String(text)
}

test('reads the certificate of a connection once, however many requests it carries, over HTTP/1.1 and HTTP/2', async (t) => {
  // Of the server's ends of connections: clients read the server's certificate too.
  let reads = 0
  let slowReads = 0
  const { getPeerX509Certificate, getPeerCertificate } = TLSSocket.prototype
  const isServer = (socket: TLSSocket): boolean => Reflect.get(socket, 'server') !== undefined && Reflect.get(socket, 'server') !== null
  t.mock.method(TLSSocket.prototype, 'getPeerX509Certificate', function counted(this: TLSSocket) {
    if (isServer(this)) reads++
    return getPeerX509Certificate.call(this)
  })
  t.mock.method(TLSSocket.prototype, 'getPeerCertificate', function counted(this: TLSSocket, detailed?: boolean) {
    if (isServer(this)) slowReads++
    return getPeerCertificate.call(this, detailed)
  })
  const { port, call } = await serve(t, stage)
  const { port: http2Port } = await serve(t, stage, {}, {}, undefined, 'http2')
  for (let connection = 0; connection < CONNECTIONS; connection++) {
    const agent = oneConnection(t, mesh, port, orders)
    for (let request = 0; request < REQUESTS; request++) assert.equal((await call({ agent })).said, orders.id)
    const session = await openSession(t, http2Port)
    for (let request = 0; request < REQUESTS; request++) assert.equal(await askOn(session), orders.id)
  }
  assert.deepEqual([reads, slowReads], [2 * CONNECTIONS, 0])
})

test('reads no file for a request, warm or cold', async (t) => {
  // Files are looked at again by timers, and those stand still here.
  t.mock.timers.enable({ apis: ['setInterval'] })
  const trust = stage.write('spied.pem', mesh.trustPem)
  const crl = stage.write('spied.crl', mesh.crlPem())
  const jwks = stage.write('spied.json', JSON.stringify(mesh.signer.jwks()))
  const { port, call } = await serve(t, stage, {
    mtls: { trust, revocation: { crl: { files: [crl] } } },
    jwt: { ...mesh.jwt({ audience: 'billing' }), keys: { file: jwks } },
  })
  const spies = (['readFileSync', 'readFile', 'openSync', 'open', 'statSync', 'stat', 'readdirSync', 'accessSync'] as const).map((name) =>
    t.mock.method(fs, name),
  )
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  })
  const looks = (): number => spies.reduce((sum, spy) => sum + spy.mock.callCount(), 0)
  fs.statSync(trust)
  assert.equal(looks(), 1, 'the spies see a file that is looked at')
  for (let connection = 0; connection < CONNECTIONS; connection++) {
    const agent = oneConnection(t, mesh, port, orders)
    for (let request = 0; request < REQUESTS; request++) {
      const token = mesh.token({ audience: 'billing', boundTo: orders, claims: { request: request >> 1 } })
      assert.equal((await call({ agent, token })).said, orders.id)
    }
  }
  assert.equal(looks(), 1)
})

test('tells handlers of the certificate of a real handshake what Node itself reads from it, frozen', async (t) => {
  const caller = mesh.workload('/shop/till', { dns: ['till.shop.example', 'till'], ip: ['192.0.2.7'], key: 'rsa' })
  const peers: (Peer | null)[] = []
  const { call } = await serve(t, stage, { asyncContext: true }, {}, (own) => {
    peers.push(own.currentPrincipal()?.peer ?? null)
    return 'seen'
  })
  assert.equal((await call({ as: caller })).said, 'seen')
  const [peer] = peers
  assert.ok(peer !== null && peer !== undefined)
  const { certificate } = peer
  assert.ok(certificate !== null)
  const node = new X509Certificate(caller.certificatePem)
  assert.deepEqual(Buffer.from(certificate.der), node.raw)
  assert.equal(certificate.serialNumber, node.serialNumber.toLowerCase())
  assert.equal(certificate.fingerprint256, node.fingerprint256.replaceAll(':', '').toLowerCase())
  assert.equal(certificate.validFrom.getTime(), Date.parse(node.validFrom))
  assert.equal(certificate.validTo.getTime(), Date.parse(node.validTo))
  assert.deepEqual([certificate.key.type, certificate.key.bits], ['rsa', node.publicKey.asymmetricKeyDetails?.modulusLength])
  assert.equal(certificate.isCa, node.ca)
  assert.deepEqual(
    { ...certificate.sans },
    { dns: ['till.shop.example', 'till'], uri: ['spiffe://prod.example/shop/till'], ip: ['192.0.2.7'], email: [] },
  )
  assert.equal(certificate.spiffeId, caller.id)
  assert.equal(certificate['x5t#S256'], caller['x5t#S256'])
  for (const part of [peer, certificate, certificate.sans, certificate.sans.dns, certificate.key]) assert.ok(Object.isFrozen(part))
})

test('writes one line for each refusal, with the address and the code, and counts it under its code', async (t) => {
  const logger = createTestLogger()
  const meter = createTestMeter()
  const { call } = await serve(t, stage, { audit: { logger }, meter, authorize: [orders.id] })
  const stranger = mesh.workload('/stranger')
  const late = mesh.workload('/late', { validFrom: new Date(mesh.clock.nowMs() - 7_200_000), validSeconds: 3600 })
  assert.equal((await call()).said, 'ERR_PEER_MISSING')
  assert.equal((await call({ as: stranger })).said, 'ERR_FORBIDDEN')
  assert.equal((await call({ as: late })).said, 'ERR_PEER_EXPIRED')
  const lines = logger.lines.filter(({ facts }) => facts['kind'] === 'request.denied')
  assert.deepEqual(
    lines.map(({ level, message, facts }) => [level, message, facts['code'], facts['remoteAddress']]),
    [
      ['warn', 'invalid_client_cert', 'ERR_PEER_MISSING', '127.0.0.1'],
      ['warn', 'access_denied', 'ERR_FORBIDDEN', '127.0.0.1'],
      ['warn', 'invalid_client_cert', 'ERR_PEER_EXPIRED', '127.0.0.1'],
    ],
  )
  assert.deepEqual(
    lines.map(({ facts }) => facts['serialNumber']),
    [undefined, stranger.serialNumber, late.serialNumber],
  )
  assert.equal(meter.total('mtls_rejections_total'), 2)
  assert.equal(meter.total('mtls_rejections_total', { code: 'ERR_PEER_EXPIRED' }), 1)
  assert.equal(meter.total('service_auth_failed_total'), 3)
})

test('counts for each of two guards in one process what it decided, and nothing of the other', async (t) => {
  const counts: number[][] = []
  const meters = [createTestMeter(), createTestMeter()]
  const services = await Promise.all(
    meters.map((meter, index) => serve(t, stage, { meter, authorize: [index === 0 ? orders.id : 'spiffe://prod.example/nobody'] })),
  )
  for (const { call } of services) await call({ as: orders })
  for (const meter of meters) counts.push([meter.total('service_auth_successful_total'), meter.total('service_auth_failed_total')])
  assert.deepEqual(counts, [
    [1, 0],
    [0, 1],
  ])
})

test('does not resume a session from before the ticket keys were rotated, and judges its caller on the new connection', async (t) => {
  const caller = mesh.workload('/rotated')
  const crl = stage.write('rotated.crl', mesh.crlPem())
  const recorder = eventsOf()
  const guard = guardOf(t, stage, {
    mtls: { trust: mesh.trust, revocation: { crl: { files: [crl] } }, reloadIntervalMs: 10 },
    audit: recorder,
  })
  const server = createServer(
    {
      cert: fs.readFileSync(cert),
      key: fs.readFileSync(key),
      ca: mesh.trustPem,
      requestCert: true,
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
    },
    countersign(guard, (_req, res) => res.end('let in')),
  )
  const port = await listen(t, server)
  const session = (await openTls(t, clientOf(mesh, port, caller))).getSession()
  assert.ok(session !== undefined)
  /** Whether the session was resumed, and what the request was told. */
  const ask = async (): Promise<[boolean, string]> => {
    const socket = await openTls(t, { ...clientOf(mesh, port, caller), session })
    const reused = socket.isSessionReused()
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    const chunks: Uint8Array[] = []
    for await (const chunk of socket) chunks.push(chunk as Uint8Array)
    const [, body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n')
    return [reused, body === 'let in' ? body : String(JSON.parse(body).code)]
  }
  assert.deepEqual(await ask(), [true, 'let in'])
  server.setTicketKeys(Buffer.alloc(48, 7))
  assert.deepEqual(await ask(), [false, 'let in'])
  mesh.revoke(caller)
  stage.write('rotated.crl', mesh.crlPem())
  await recorder.next('trust.reloaded')
  assert.deepEqual(await ask(), [false, 'ERR_PEER_REVOKED'])
})

test('lets a caller with the backup pin in, and one of the same authority with another key not', async (t) => {
  const renewed = mesh.workload('/orders')
  const pinOf = ({ certificateDer }: typeof orders): string => parseCertificate(certificateDer).spkiSha256
  const recorder = eventsOf()
  const { call } = await serve(t, stage, { mtls: { trust: mesh.trust, pins: [pinOf(orders), pinOf(renewed)] }, audit: recorder })
  for (const as of [orders, renewed]) assert.equal((await call({ as })).said, orders.id)
  assert.equal((await call({ as: mesh.workload('/orders') })).said, 'ERR_PEER_UNTRUSTED')
  assert.deepEqual(recorder.codes(), ['ERR_PEER_PIN_MISMATCH'])
})
