import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import {
  countersign,
  createGuard,
  type Guard,
  type GuardOptions,
  protectServer,
  type SecureServerOptions,
  secureServer,
} from '@countersign/node'
import { createTestRecorder, type TestRecorder } from '@countersign/testing'
import type { Site } from './site.js'
import type { Service } from './stage.js'

/** What the handler of the guarded service saw. */
export interface Seen {
  readonly id: string
  readonly provenance: string | null
  readonly clientAddress: string | null
  /** The same for all requests of one connection. */
  readonly connection: number | null
  /** The names of all fields that reached the handler, in lower case. */
  readonly fields: readonly string[]
}

export interface GuardedService extends Service {
  readonly recorder: TestRecorder
}

/** The service of the guide. The client and whoever it might want to be may call it alike: a forgery that is believed is seen. */
function guardOf({ mesh, client, other, ingress }: Site, recorder: TestRecorder, options: Partial<GuardOptions>): Guard {
  return createGuard({
    mtls: { trust: mesh.trust },
    jwt: null,
    authorize: [client.id, other.id, ingress.id],
    authority: 'any',
    limit: null,
    audit: recorder,
    runtime: { clock: mesh.clock },
    ...options,
  })
}

function listenerOf(guard: Guard) {
  return (req: IncomingMessage, res: ServerResponse): void => {
    const { id, peer } = guard.principal(req)
    const names = [...Object.keys(req.headers), ...Object.keys(req.headersDistinct), ...req.rawHeaders.filter((_, at) => at % 2 === 0)]
    const seen: Seen = {
      id,
      provenance: peer?.provenance ?? null,
      clientAddress: guard.attached(req)?.inbound.clientAddress ?? null,
      connection: req.socket.remotePort ?? null,
      fields: [...new Set(names.map((name) => name.toLowerCase()))],
    }
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify(seen))
  }
}

/** Over TLS, as the guide says. It also takes upgrades, to a protocol in which it names the caller and the fields and hangs up. */
export async function startGuardedService(
  site: Site,
  options: Partial<GuardOptions>,
  tls: Partial<SecureServerOptions> = {},
): Promise<GuardedService> {
  const recorder = createTestRecorder()
  const guard = guardOf(site, recorder, options)
  const { cert, key } = site.service
  const server = secureServer({ cert, key, guard, perAddress: null, ...tls }, listenerOf(guard))
  server.on('upgrade', (req, socket) => {
    const names = Object.keys(req.headers).join(' ')
    const answer = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n${guard.principal(req).id} ${names}\n`
    socket.on('error', () => {}).end(answer, () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, recorder, close: () => closeAll(server, guard) }
}

/** Without TLS, on a Unix socket. */
export async function startSocketService(site: Site, path: string, options: Partial<GuardOptions>): Promise<GuardedService> {
  const recorder = createTestRecorder()
  const guard = guardOf(site, recorder, options)
  const server = createServer(countersign(guard, listenerOf(guard)))
  protectServer(server, guard)
  server.listen(path)
  await once(server, 'listening')
  // No port: the proxies of the guide want a number all the same.
  return { port: 1, recorder, close: () => closeAll(server, guard) }
}

async function closeAll(server: Server & { closeAllConnections(): void }, guard: Guard): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
  await guard.close()
}
