import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingHttpHeaders, type RequestOptions, request as requestPlain } from 'node:http'
import { type ClientHttp2Session, type ClientSessionOptions, connect as connectHttp2, type SecureClientSessionOptions } from 'node:http2'
import { Agent, request as requestTls } from 'node:https'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { Problem } from '@countersign/core'
import { createGuard, type Guard, type GuardOptions } from '@countersign/guard'
import { createTestMesh, type TestMesh, type Workload } from '@countersign/testing'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The code of the problem; `null` where the answer is none. */
  readonly code: string | null
}

const DAY_SECONDS = 86_400

/** A folder that is gone after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-node-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** One mesh for the tests of a file, with the server's certificate on disk. */
export interface Bench {
  readonly mesh: TestMesh
  readonly folder: string
  readonly cert: string
  readonly key: string
  readonly billing: Workload
  readonly orders: Workload
}

export function createBench(): Bench {
  const mesh = createTestMesh('prod.example')
  const folder = temporaryFolder()
  const billing = serverWorkload(mesh)
  const bench = {
    mesh,
    folder,
    cert: join(folder, 'billing.pem'),
    key: join(folder, 'billing-key.pem'),
    billing,
    orders: mesh.workload('/orders'),
  }
  writeFileSync(bench.cert, billing.chainPem)
  writeFileSync(bench.key, billing.keyPem)
  return bench
}

export function serverWorkload(mesh: TestMesh, validSeconds = 90 * DAY_SECONDS): Workload {
  return mesh.workload('/billing', { dns: ['localhost'], ip: ['127.0.0.1'], validSeconds })
}

/** A guard that lets `orders` of the mesh in, without quotas, closed after the test. */
export function guardFor(t: TestContext, { mesh, orders }: Bench, changes: Partial<GuardOptions> = {}): Guard {
  const guard: Guard = createGuard({
    mtls: { trust: mesh.trust },
    jwt: null,
    authorize: [orders.id],
    limit: null,
    audit: null,
    asyncContext: true,
    runtime: { clock: mesh.clock },
    ...changes,
  })
  t.after(() => guard.close())
  return guard
}

export interface CallOptions extends RequestOptions {
  readonly as?: Workload | null
  readonly body?: string
  readonly agent?: Agent
}

/** TLS options of a client of the mesh. */
export function clientTls(mesh: TestMesh, as: Workload | null): ConnectionOptions {
  return {
    host: '127.0.0.1',
    servername: 'localhost',
    ca: mesh.trustPem,
    ...(as === null ? {} : { cert: as.chainPem, key: as.keyPem }),
  }
}

/** An agent that keeps one connection open until the test is over. */
export function keepAliveAgent(t: TestContext, mesh: TestMesh, as: Workload | null): Agent {
  const agent = new Agent({ ...clientTls(mesh, as), keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  return agent
}

/** One HTTPS request on a connection of its own, unless an agent is given. */
export function call(mesh: TestMesh, port: number, { as = null, body, agent, ...options }: CallOptions = {}): Promise<Answer> {
  const tls = agent === undefined ? { ...clientTls(mesh, as), agent: false as const } : { agent }
  return answerOf(
    requestTls({ host: '127.0.0.1', port, headers: { host: `localhost:${port}`, ...options.headers }, ...tls, ...withoutHeaders(options) }),
    body,
  )
}

function withoutHeaders({ headers: _, ...options }: RequestOptions): RequestOptions {
  return options
}

/** One plain HTTP request. */
export function callPlain(options: RequestOptions, body?: string): Promise<Answer> {
  return answerOf(requestPlain({ agent: false, ...options }), body)
}

async function answerOf(request: ReturnType<typeof requestPlain>, body?: string): Promise<Answer> {
  request.end(body)
  const [response] = await once(request, 'response')
  const chunks: Uint8Array[] = []
  for await (const chunk of response) chunks.push(chunk)
  return answerFrom(response.statusCode, response.headers, Buffer.concat(chunks).toString())
}

export function answerFrom(status: number, headers: IncomingHttpHeaders, text: string): Answer {
  const problem: Problem | null = headers['content-type'] === 'application/problem+json' && text !== '' ? JSON.parse(text) : null
  return { status, headers, text, code: problem?.code ?? null }
}

/** An HTTP/2 session, closed after the test. */
export async function openSession(
  t: TestContext,
  mesh: TestMesh,
  port: number,
  as: Workload | null,
  options: ClientSessionOptions & SecureClientSessionOptions = {},
): Promise<ClientHttp2Session> {
  const session = connectHttp2(`https://localhost:${port}`, { ...clientTls(mesh, as), ...options })
  session.on('error', () => {})
  t.after(() => session.destroy())
  await once(session, 'connect')
  return session
}

/** One request on an HTTP/2 session. */
export async function callStream(session: ClientHttp2Session, headers: Record<string, string> = {}, body?: string): Promise<Answer> {
  const stream = session.request({ ':path': '/', ...headers }, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  const [answered] = await once(stream, 'response')
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return answerFrom(Number(answered[':status']), answered, Buffer.concat(chunks).toString())
}

/** A TLS connection of a client, once its handshake is done. */
export async function openTls(
  t: TestContext,
  mesh: TestMesh,
  port: number,
  as: Workload | null,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connect({ ...clientTls(mesh, as), port, ...options })
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

/** Everything that the other end sends until it closes. */
export async function readAll(socket: Socket): Promise<string> {
  const chunks: Uint8Array[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  // Not once(): it would reject where the other end resets the connection.
  if (!socket.closed) await new Promise((resolve) => socket.on('close', resolve))
  return Buffer.concat(chunks).toString()
}
