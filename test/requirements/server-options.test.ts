import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import type { TestContext } from 'node:test'
import {
  type AddressLimitOptions,
  type ProxyProtocolOptions,
  type SecureHttp2ServerOptions,
  type SecureServerOptions,
  secureHttp2Server,
  secureServer,
  type TlsOptions,
} from '@countersign/node'
import { type Effect, type RowsOf, testOptions } from './options.js'
import { clientOf, createStage, guardOf, listen, openTls, serve, whenClosed } from './stage.js'

const stage = createStage()
const { mesh, orders, cert, key } = stage
const other = mesh.workload('/other', { dns: ['localhost'], validSeconds: 90 * 86_400 })
const otherCert = stage.write('other.pem', other.chainPem)
const otherKey = stage.write('other-key.pem', other.keyPem)

type Made = 'https' | 'http2'

/** Behaviour with one of two servers' options. */
function differ(
  make: Made,
  observe: (t: TestContext, port: number) => Promise<unknown>,
  one: Partial<SecureServerOptions>,
  expected: unknown,
  otherwise: Partial<SecureServerOptions>,
  expectedOtherwise: unknown,
): Effect {
  return async (t) => [
    [await observe(t, (await serve(t, stage, {}, one, undefined, make)).port), expected],
    [await observe(t, (await serve(t, stage, {}, otherwise, undefined, make)).port), expectedOtherwise],
  ]
}

/** Of two connections that wait for ever, the one to the impatient server is closed while the other is open. */
function waits(
  make: Made,
  impatient: Partial<SecureServerOptions>,
  patient: Partial<SecureServerOptions>,
  encrypted: boolean,
  written: string,
): Effect {
  return async (t) => {
    const open = async (options: Partial<SecureServerOptions>) => {
      const { port } = await serve(t, stage, {}, options, undefined, make)
      const socket = encrypted ? await openTls(t, clientOf(mesh, port, orders)) : connectTcp(port, '127.0.0.1')
      t.after(() => void socket.destroy())
      socket.on('error', () => {})
      if (written !== '') socket.write(written)
      return socket
    }
    const [short, long] = [await open(impatient), await open(patient)]
    await whenClosed(short)
    return [
      [short.closed, true],
      [long.closed, false],
    ]
  }
}

async function serialNumberOf(t: TestContext, port: number): Promise<unknown> {
  const serialNumber = (await openTls(t, clientOf(mesh, port))).getPeerX509Certificate()?.serialNumber.toLowerCase()
  return serialNumber?.endsWith(other.serialNumber)
}

async function versionOf(t: TestContext, port: number): Promise<string> {
  const settled = openTls(t, { ...clientOf(mesh, port), maxVersion: 'TLSv1.2' })
  return settled.then(
    (socket) => socket.getProtocol() ?? 'none',
    () => 'refused',
  )
}

async function cipherOf(t: TestContext, port: number): Promise<string> {
  return (await openTls(t, { ...clientOf(mesh, port), maxVersion: 'TLSv1.2' })).getCipher().name
}

async function isResumed(t: TestContext, port: number): Promise<boolean> {
  const first = await openTls(t, { ...clientOf(mesh, port), maxVersion: 'TLSv1.2' })
  const session = first.getSession()
  return (
    await openTls(t, { ...clientOf(mesh, port), maxVersion: 'TLSv1.2', ...(session === undefined ? {} : { session }) })
  ).isSessionReused()
}

async function statusOfLarge(t: TestContext, port: number): Promise<number> {
  const socket = await openTls(t, clientOf(mesh, port, orders))
  socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: ${'x'.repeat(3000)}\r\n\r\n`)
  const [data] = await once(socket, 'data')
  return Number(String(data).split(' ')[1])
}

/** How many of three connections, one after the other, were served. */
async function served(t: TestContext, port: number): Promise<number> {
  let count = 0
  for (let index = 0; index < 3; index++)
    await openTls(t, clientOf(mesh, port)).then(
      () => count++,
      () => {},
    )
  return count
}

/** Whether TLS is served behind a PROXY header. */
async function servesBehindHeader(t: TestContext, port: number): Promise<boolean> {
  const socket = connectTcp(port, '127.0.0.1')
  t.after(() => void socket.destroy())
  socket.on('error', () => {}).write('PROXY TCP4 203.0.113.9 10.0.0.1 51000 443\r\n')
  return openTls(t, { ...clientOf(mesh, port), socket }).then(
    () => true,
    () => false,
  )
}

const BOUND = { handshakesPerSecond: 1, handshakeBurst: 1, connections: 1000 } as const
const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n'

const rowsFor = (make: Made): RowsOf<SecureServerOptions> => ({
  cert: {
    refused: [undefined, 5, '', '/nowhere.pem', key, other.certificatePem],
    effect: differ(make, serialNumberOf, {}, false, { cert: otherCert, key: otherKey }, true),
  },
  key: {
    refused: [undefined, 5, '', '/nowhere.pem', cert, otherKey, other.keyPem],
    effect: differ(make, serialNumberOf, { cert: otherCert, key: otherKey }, true, { cert, key }, false),
  },
  guard: {
    refused: [undefined, null, 5, {}, { mtls: null, jwt: null }],
    async effect(t) {
      const said = async (authorize: string): Promise<string> =>
        (await (await serve(t, stage, {}, { guard: guardOf(t, stage, { authorize: [authorize] }) }, undefined, make)).call({ as: orders }))
          .said
      return [
        [await said(orders.id), orders.id],
        [await said('spiffe://prod.example/nobody'), 'ERR_FORBIDDEN'],
      ]
    },
  },
  tls: {
    refused: [5, 'TLSv1.3', [], null, { minVersion: 'TLSv1.1' }, { maxVersion: 'TLSv1.3' }, { ciphers: 'NO-SUCH-CIPHER' }],
    effect: differ(make, versionOf, {}, 'TLSv1.2', { tls: { minVersion: 'TLSv1.3' } }, 'refused'),
  },
  resumption: {
    refused: [0, 'yes', {}],
    effect: differ(make, isResumed, { resumption: true }, true, { resumption: false }, false),
  },
  handshakeTimeoutMs: {
    refused: [0, 99, 3_600_001, 100.5, Number.NaN, '100'],
    effect: waits(make, { handshakeTimeoutMs: 100 }, { handshakeTimeoutMs: 600_000 }, false, ''),
  },
  headersTimeoutMs: {
    refused: [0, 99, 3_600_001, 100.5, Number.NaN, '100', 60_001],
    effect: waits(make, { headersTimeoutMs: 100 }, { headersTimeoutMs: 60_000 }, true, head),
  },
  requestTimeoutMs: {
    refused: [0, 99, 3_600_001, 100.5, Number.NaN, '100'],
    async effect(t) {
      const limits = { headersTimeoutMs: 100 }
      return waits(make, { ...limits, requestTimeoutMs: 200 }, { ...limits, requestTimeoutMs: 600_000 }, true, `${head}\r\nx`)(t)
    },
  },
  maxHeaderBytes: {
    refused: [0, 1023, 1_048_577, 2000.5, Number.NaN, '16384'],
    effect: differ(make, statusOfLarge, { maxHeaderBytes: 2048 }, 431, { maxHeaderBytes: 8192 }, 200),
  },
  perAddress: {
    refused: [5, 'x', [], { connections: 0 }, { perSecond: 5 }],
    effect: differ(make, served, { perAddress: BOUND }, 1, { perAddress: null }, 3),
  },
  proxyProtocol: {
    refused: [5, true, '127.0.0.1', [], {}, { from: null }, { from: '127.0.0.1' }, { from: {} }, { address: '127.0.0.1' }],
    effect: differ(
      make,
      servesBehindHeader,
      { proxyProtocol: { from: { dangerouslyAddress: '127.0.0.1' } } },
      true,
      { proxyProtocol: null },
      false,
    ),
  },
})

const guard = { decide: () => assertNever(), certificateRequest: null, report() {}, meter: null, nowMs: Date.now }
function assertNever(): never {
  throw new Error('nothing is decided while options are checked')
}

function create(options: Partial<Record<keyof SecureHttp2ServerOptions, unknown>>): void {
  // Closed at once where it is not refused, so that the failed test ends.
  secureServer({ cert, key, guard, ...options } as unknown as SecureServerOptions, () => {}).close()
}

testOptions('', rowsFor('https'), (field, value) => create({ [field]: value }), 'secureServer')

const tlsRows: RowsOf<TlsOptions> = {
  minVersion: { refused: [5, '', 'TLSv1', 'TLSv1.1'], effect: rowsFor('https').tls.effect },
  ciphers: {
    refused: [5, '', 'NO-SUCH-CIPHER'],
    effect: differ(
      'https',
      cipherOf,
      { tls: { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } },
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      { tls: { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' } },
      'ECDHE-ECDSA-AES256-GCM-SHA384',
    ),
  },
}
testOptions('tls', tlsRows, (field, value) => create({ tls: { [field]: value } }))

const addressRows: RowsOf<AddressLimitOptions> = {
  handshakesPerSecond: {
    refused: [0, -1, 1.5, Number.NaN, '5'],
    effect: differ('https', served, { perAddress: BOUND }, 1, { perAddress: { ...BOUND, handshakesPerSecond: 1_000_000 } }, 3),
  },
  handshakeBurst: {
    refused: [0, -1, 1.5, Number.NaN, '5'],
    effect: differ('https', served, { perAddress: BOUND }, 1, { perAddress: { ...BOUND, handshakeBurst: 10 } }, 3),
  },
  connections: {
    refused: [0, -1, 1.5, Number.NaN, '5'],
    effect: differ('https', served, { perAddress: { connections: 1 } }, 1, { perAddress: { connections: 10 } }, 3),
  },
}
testOptions('perAddress', addressRows, (field, value) => create({ perAddress: { [field]: value } }))

const proxyRows: RowsOf<ProxyProtocolOptions> = {
  from: {
    refused: [
      undefined,
      null,
      '127.0.0.1',
      [],
      {},
      { unixSocket: false },
      { unixSocket: true, dangerouslyAddress: '127.0.0.1' },
      { address: '127.0.0.1' },
      { dangerouslyAddress: [] },
      { dangerouslyAddress: '' },
      { dangerouslyAddress: 'localhost' },
      { dangerouslyAddress: '127.0.0.1/8' },
      { dangerouslyAddress: '0.0.0.0/0' },
      { dangerouslyAddress: ['127.0.0.1', '::/0'] },
    ],
    effect: differ(
      'https',
      servesBehindHeader,
      { proxyProtocol: { from: { dangerouslyAddress: ['::1', '127.0.0.0/8'] } } },
      true,
      { proxyProtocol: { from: { unixSocket: true } } },
      false,
    ),
  },
}
testOptions('proxyProtocol', proxyRows, (field, value) => create({ proxyProtocol: { [field]: value } }))

/** What the server says in its first SETTINGS frame. */
async function announcedStreams(t: TestContext, maxConcurrentStreams: number): Promise<number | undefined> {
  const server = secureHttp2Server({ cert, key, guard: guardOf(t, stage), maxConcurrentStreams }, (_req, res) => res.end())
  const port = await listen(t, server)
  const socket = await openTls(t, { ...clientOf(mesh, port, orders), ALPNProtocols: ['h2'] })
  const session = connectHttp2('https://localhost', { createConnection: () => socket })
  session.on('error', () => {})
  t.after(() => session.destroy())
  const [settings] = await once(session, 'remoteSettings')
  return settings.maxConcurrentStreams
}

const http2Rows: RowsOf<Omit<SecureHttp2ServerOptions, keyof SecureServerOptions>> = {
  maxConcurrentStreams: {
    refused: [0, -1, 1.5, 10_001, Number.NaN, '100'],
    effect: async (t) => [
      [await announcedStreams(t, 100), 100],
      [await announcedStreams(t, 7), 7],
    ],
  },
}
testOptions(
  '',
  { ...rowsFor('http2'), ...http2Rows },
  (field, value) => secureHttp2Server({ cert, key, guard, [field]: value } as unknown as SecureHttp2ServerOptions, () => {}).close(),
  'secureHttp2Server',
)
