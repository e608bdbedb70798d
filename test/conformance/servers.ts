import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect as connectTcp, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { Guard } from '@countersign/guard'
import { secureHttp2Server, secureServer } from '@countersign/node'
import { type Credential, HOST } from './certificates.js'
import type { World } from './world.js'

/**
 * How requests arrive. On `https` and `http2` the server is Node's own, so it is the adapter that decides; on the `secure-` ones the server
 * decides before anything else runs, and the adapter finds the decision made. `http1-on-http2`: the secure server of HTTP/2, talked to in HTTP/1.1.
 */
export const TRANSPORTS = ['https', 'secure-https', 'http2', 'secure-http2', 'http1-on-http2', 'http', 'unix'] as const
export type Transport = (typeof TRANSPORTS)[number]

export type RequestListener = (req: IncomingMessage, res: ServerResponse) => void

export interface ServerSetup {
  readonly guard: Guard
  readonly world: World
  readonly asksForCertificate: boolean
}

export function isTls(transport: Transport): boolean {
  return transport !== 'http' && transport !== 'unix'
}

/** The server is one of HTTP/2, whatever is spoken. */
export function hasHttp2Server(transport: Transport): boolean {
  return isHttp2(transport) || transport === 'http1-on-http2'
}

/** HTTP/2 is spoken. */
export function isHttp2(transport: Transport): boolean {
  return transport === 'http2' || transport === 'secure-http2'
}

/** Makes the server of a transport, not listening yet. */
export function makeServer(transport: Transport, setup: ServerSetup, listener: RequestListener): Server {
  const { guard, world, asksForCertificate } = setup
  const { chainPem, keyPem } = world.certificates.serverCredential
  const ca = [...(guard.certificateRequest?.trustAnchors() ?? [])]
  const own = {
    cert: chainPem,
    key: keyPem,
    requestCert: asksForCertificate,
    rejectUnauthorized: false,
    ...(ca.length === 0 ? {} : { ca }),
  }
  const files = { cert: world.serverCertificateFile, key: world.serverKeyFile, guard, perAddress: null }
  // The compatibility API of http2 fits listeners of node:http, by its own account.
  const forHttp2 = listener as unknown as Parameters<typeof createSecureServer>[1]
  switch (transport) {
    case 'https':
      return createHttpsServer(own, listener)
    case 'secure-https':
      return secureServer(files, listener)
    case 'http2':
      return createSecureServer(own, forHttp2)
    case 'secure-http2':
    case 'http1-on-http2':
      return secureHttp2Server(files, forHttp2 as Parameters<typeof secureHttp2Server>[1])
    case 'http':
    case 'unix':
      return createServer(listener)
  }
}

/** How a client connects. */
export interface ClientSetup {
  readonly credential: Credential | null
  /** SNI; `null` sends none. */
  readonly serverName: string | null
  /** OpenSSL refuses to load some certificates at its usual security level. */
  readonly loadsAnything: boolean
}

export interface Listening {
  connect(client: ClientSetup): Promise<Duplex>
  close(): Promise<void>
}

let sockets = 0

/** Starts a server on the loopback address or on a Unix socket. */
export async function listen(transport: Transport, server: Server, world: World): Promise<Listening> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  const path = join(world.folder, `${sockets++}.sock`)
  if (transport === 'unix') server.listen(path)
  else server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = transport === 'unix' ? 0 : (server.address() as AddressInfo).port

  return {
    async connect({ credential, serverName, loadsAnything }) {
      if (!isTls(transport)) {
        const socket = transport === 'unix' ? connectTcp(path) : connectTcp(port, '127.0.0.1')
        await once(socket, 'connect')
        return socket
      }
      const socket = connectTls({
        port,
        host: '127.0.0.1',
        ca: world.certificates.root.certificatePem,
        servername: serverName ?? '',
        checkServerIdentity: () => undefined,
        ALPNProtocols: [isHttp2(transport) ? 'h2' : 'http/1.1'],
        ...(credential === null ? {} : { cert: credential.chainPem, key: credential.keyPem }),
        ...(loadsAnything ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}),
      })
      await once(socket, 'secureConnect')
      return socket
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

/** The authority that requests name, where a row says nothing else: with a port, as clients do. */
export const AUTHORITY = `${HOST}:8443`
