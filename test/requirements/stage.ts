import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { SecurityEvent } from '@countersign/core'
import { createGuard, type Guard, type GuardOptions } from '@countersign/guard'
import { type SecureServerOptions, secureHttp2Server, secureServer } from '@countersign/node'
import { createTestMesh, type TestMesh, type Workload } from '@countersign/testing'

/** What one call saw of a service. */
export interface Seen {
  readonly status: number
  /** The code of the problem, else what the handler answered. */
  readonly said: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Call {
  readonly as?: Workload | null
  readonly token?: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly agent?: Agent
  readonly tls?: ConnectionOptions
}

/** One mesh, and the server's certificate on disk. */
export interface Stage {
  readonly mesh: TestMesh
  readonly folder: string
  readonly cert: string
  readonly key: string
  readonly orders: Workload
  readonly shipping: Workload
  /** Writes a file into the folder and says where it is. */
  write(name: string, text: string): string
}

/** What nobody closes in time is closed with the folder, after the tests of a file. */
export function createStage(): Stage {
  const mesh = createTestMesh('prod.example')
  const folder = mkdtempSync(join(tmpdir(), 'countersign-requirements-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const billing = mesh.workload('/billing', { dns: ['localhost', 'billing.example'], ip: ['127.0.0.1'], validSeconds: 90 * 86_400 })
  return {
    mesh,
    folder,
    cert: write('billing.pem', billing.chainPem),
    key: write('billing-key.pem', billing.keyPem),
    orders: mesh.workload('/orders'),
    shipping: mesh.workload('/shipping'),
    write,
  }
}

export interface Served {
  readonly guard: Guard
  readonly port: number
  call(call?: Call): Promise<Seen>
}

/** A guard that takes every certificate of the mesh, closed after the test. */
export function guardOf(t: TestContext, { mesh }: Stage, changes: Partial<GuardOptions> = {}): Guard {
  const guard: Guard = createGuard({
    mtls: { trust: mesh.trust },
    jwt: null,
    authorize: 'any-authenticated',
    limit: null,
    audit: null,
    runtime: { clock: mesh.clock },
    ...changes,
  })
  t.after(() => guard.close())
  return guard
}

/** A service behind a guard, over TLS on loopback, that answers with the name of its caller. */
export async function serve(
  t: TestContext,
  stage: Stage,
  changes: Partial<GuardOptions> = {},
  server: Partial<SecureServerOptions> = {},
  answer?: (guard: Guard) => string,
  make: 'https' | 'http2' = 'https',
): Promise<Served> {
  const guard = server.guard ?? guardOf(t, stage, changes)
  const { cert, key, mesh } = stage
  const options = { cert, key, guard, ...server }
  const said = (req: object): string => answer?.(guard) ?? guard.attached(req)?.principal.id ?? 'nobody'
  const secure =
    make === 'https'
      ? secureServer(options, (req, res) => res.end(said(req.resume())))
      : secureHttp2Server(options, (req, res) => res.end(said(req.resume())))
  const port = await listen(t, secure)
  return { guard, port, call: (asked = {}) => callOf(mesh, port, asked) }
}

export async function listen(t: TestContext, server: Server): Promise<number> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of open) socket.destroy()
    await closed
  })
  return (server.address() as AddressInfo).port
}

/** TLS options of a client of the mesh. */
export function clientOf(mesh: TestMesh, port: number, as: Workload | null = null): ConnectionOptions {
  return {
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    ca: mesh.trustPem,
    ...(as === null ? {} : { cert: as.chainPem, key: as.keyPem }),
  }
}

/** An agent that keeps its one connection until the test is over. */
export function oneConnection(t: TestContext, mesh: TestMesh, port: number, as: Workload | null): Agent {
  const agent = new Agent({ ...clientOf(mesh, port, as), keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  return agent
}

async function callOf(mesh: TestMesh, port: number, { as = null, token, agent, tls, headers, ...rest }: Call): Promise<Seen> {
  const sent = request({
    ...(agent === undefined ? { ...clientOf(mesh, port, as), agent: false, ...tls } : { agent, host: '127.0.0.1', port }),
    ...rest,
    headers: { host: `localhost:${port}`, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
  })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const chunks: Uint8Array[] = []
  for await (const chunk of response) chunks.push(chunk as Uint8Array)
  const text = Buffer.concat(chunks).toString()
  const isProblem = response.headers['content-type'] === 'application/problem+json'
  return { status: response.statusCode ?? 0, said: isProblem ? String(JSON.parse(text).code) : text, headers: response.headers, text }
}

/** A TLS connection, once its handshake is done. */
export async function openTls(t: TestContext, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect(options)
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

/** Resolves once the other end has closed. */
export async function whenClosed(socket: Socket): Promise<void> {
  socket.on('error', () => {}).resume()
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
}

/** A recorder that keeps every event, and lets a test wait for one. */
export function eventsOf() {
  const events: SecurityEvent[] = []
  const waiting = new Set<() => void>()
  return {
    events,
    codes: () => events.flatMap(({ kind, code }) => (kind === 'request.denied' ? [code] : [])),
    async next(kind: SecurityEvent['kind']): Promise<SecurityEvent> {
      // Reloads are announced by timers that keep no process alive.
      const alive = setInterval(() => {}, 60_000)
      try {
        for (;;) {
          const found = events.find((event) => event.kind === kind)
          if (found !== undefined) return found
          await new Promise<void>((resolve) => waiting.add(resolve))
        }
      } finally {
        clearInterval(alive)
      }
    },
    wants: () => true,
    record(event: SecurityEvent) {
      events.push(event)
      for (const wake of waiting) wake()
      waiting.clear()
      return true
    },
    close: async () => {},
  }
}
