import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Agent, request } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import type { Guard } from '@countersign/guard'
import { secureServer } from '@countersign/node'
import { createTestMesh, type TestMesh } from '@countersign/testing'

/** One mesh, and the files of a server in it. */
export interface Arena {
  readonly mesh: TestMesh
  readonly cert: string
  readonly key: string
}

export interface Credential {
  readonly chainPem: string
  readonly keyPem: string
}

export interface Reply {
  readonly status: number
  readonly code: string
  readonly body: string
}

export interface Sent {
  readonly credential?: Credential
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Default: a connection of its own. */
  readonly agent?: Agent
}

export function createArena(t: TestContext): Arena {
  const mesh = createTestMesh('prod.example')
  const folder = mkdtempSync(join(tmpdir(), 'cs-attack-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const server = mesh.authority.issue({ dns: ['localhost'], ip: ['127.0.0.1'] })
  writeFileSync(join(folder, 'server.pem'), server.chainPem)
  writeFileSync(join(folder, 'key.pem'), server.keyPem)
  return { mesh, cert: join(folder, 'server.pem'), key: join(folder, 'key.pem') }
}

/** @returns its port. */
export async function open(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => {
    server.close()
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function') server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

/** A secure server that answers `in` to whoever gets in. */
export async function serve(
  t: TestContext,
  { cert, key }: Arena,
  guard: Guard,
  listener: (req: IncomingMessage, res: ServerResponse) => void = (_, res) => res.end('in'),
): Promise<number> {
  t.after(() => guard.close())
  return open(t, secureServer({ cert, key, guard }, listener))
}

export function send(port: number, { credential, method = 'GET', path = '/', headers = {}, agent }: Sent = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        path,
        method,
        headers: { host: 'localhost', ...headers },
        agent: agent ?? false,
        rejectUnauthorized: false,
        ...(credential === undefined ? {} : { cert: credential.chainPem, key: credential.keyPem }),
      },
      (res) => {
        let body = ''
        res.setEncoding('utf8')
        res.on('data', (text: string) => {
          body += text
        })
        res.on('end', () => resolve({ status: res.statusCode ?? 0, code: codeOf(body), body }))
      },
    )
    sent.on('error', reject)
    sent.end()
  })
}

export function codeOf(body: string): string {
  return /"code":"(\w+)"/.exec(body)?.[1] ?? ''
}

/** A TLS connection for bytes as they are. */
export async function rawSocket(
  t: TestContext,
  port: number,
  credential: Credential | null,
  protocol: 'h2' | 'http/1.1',
): Promise<TLSSocket> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    ALPNProtocols: [protocol],
    rejectUnauthorized: false,
    ...(credential === null ? {} : { cert: credential.chainPem, key: credential.keyPem }),
  })
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  await new Promise<void>((resolve) => {
    socket.once('secureConnect', resolve)
  })
  return socket
}

/** Everything that comes until the server hangs up, or until `done` says that it is enough. */
export function receive(socket: TLSSocket, done: (text: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (done(text)) resolve(text)
    })
    socket.on('close', () => resolve(text))
  })
}
