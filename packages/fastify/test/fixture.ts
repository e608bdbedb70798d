import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import type { SecurityEvent } from '@countersign/core'
import { createGuard, type Guard, type GuardOptions } from '@countersign/guard'
import { createTestMesh, type Workload } from '@countersign/testing'

export const mesh = createTestMesh('prod.example')
export const orders = mesh.workload('/orders')
const billing = mesh.workload('/billing', { dns: ['localhost'], ip: ['127.0.0.1'] })

/** Options of a guard that lets `orders` in. */
export function guardOptions(changes: Partial<GuardOptions> = {}): GuardOptions {
  return {
    mtls: { trust: mesh.trust },
    jwt: null,
    authorize: [orders.id],
    limit: null,
    audit: null,
    asyncContext: true,
    runtime: { clock: mesh.clock },
    ...changes,
  }
}

export function guardFor(t: TestContext, changes: Partial<GuardOptions> = {}): Guard {
  const guard: Guard = createGuard(guardOptions(changes))
  t.after(() => guard.close())
  return guard
}

/** Keeps the kinds and codes of events. */
export function createTestRecorder() {
  const events: SecurityEvent[] = []
  return {
    of: (kind: SecurityEvent['kind']) => events.filter((event) => event.kind === kind),
    wants: () => true,
    record: (event: SecurityEvent) => events.push(event) > 0,
    close: async () => {},
  }
}

/** Paths of the server's certificate and key. */
export function serverFiles(): { readonly cert: string; readonly key: string } {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-adapter-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const files = { cert: join(folder, 'billing.pem'), key: join(folder, 'billing-key.pem') }
  writeFileSync(files.cert, billing.chainPem)
  writeFileSync(files.key, billing.keyPem)
  return files
}

/** Listens on a free port of the loopback interface, until the test is over. */
export async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return (server.address() as AddressInfo).port
}

export interface Called {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly text: string
}

/** One HTTPS request on a connection of its own. */
export async function call(
  port: number,
  {
    as = null,
    method = 'GET',
    path = '/',
    headers = {},
    body,
  }: { as?: Workload | null; method?: string; path?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Called> {
  const client = as === null ? {} : { cert: as.chainPem, key: as.keyPem }
  const sent = request({
    ...client,
    host: '127.0.0.1',
    servername: 'localhost',
    port,
    ca: mesh.trustPem,
    agent: false,
    method,
    path,
    headers: { host: `localhost:${port}`, ...headers },
  })
  sent.end(body)
  const [response] = await once(sent, 'response')
  const chunks: Uint8Array[] = []
  for await (const chunk of response) chunks.push(chunk)
  return { status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() }
}

/** What every adapter sends to a caller without a certificate, byte for byte. */
export const DENIAL = {
  status: 403,
  headers: { 'cache-control': 'no-store', 'content-length': '140', 'content-type': 'application/problem+json' },
  text: '{"type":"https://countersign.dev/errors/ERR_PEER_MISSING","title":"A client certificate is required","status":403,"code":"ERR_PEER_MISSING"}',
}

/** Without what the HTTP layer and the framework put on every answer. */
export function comparable({
  status,
  headers,
  text,
}: {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly text: string
}) {
  const { date: _, connection: __, 'keep-alive': ___, 'x-powered-by': ____, ...rest } = headers
  return { status, headers: rest, text }
}
