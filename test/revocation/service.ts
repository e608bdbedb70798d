import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { Agent, createServer, request } from 'node:https'
import type { TestContext } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { createGuard, type Guard } from '@countersign/guard'
import { countersign, secureHttp2Server, secureServer } from '@countersign/node'
import { createTestClock, createTestRecorder, type TestClock, type TestRecorder } from '@countersign/testing'
import type { CertificateRevocationOptions } from '@countersign/x509'
import { listen } from '../requirements/stage.js'
import type { Credential, OpensslAuthority } from './openssl-authority.js'

/** A guard that checks revocation, its clock, and what it wrote down. */
export interface Guarded {
  readonly guard: Guard
  readonly clock: TestClock
  readonly recorder: TestRecorder
}

export function guardFor(t: TestContext, { ca }: OpensslAuthority, revocation: CertificateRevocationOptions): Guarded {
  const clock = createTestClock()
  const recorder = createTestRecorder()
  const guard: Guard = createGuard({
    mtls: { trust: { trustDomain: 'prod.example', file: ca.certFile }, revocation: { scope: 'leaf', ...revocation }, reloadIntervalMs: 10 },
    jwt: null,
    authorize: 'any-authenticated',
    limit: null,
    audit: recorder,
    runtime: { clock },
  })
  t.after(() => guard.close())
  return { guard, clock, recorder }
}

/** Sends one request and says what came back: the name of the caller, or the code of the refusal. */
export type Send = () => Promise<string>

/** How a caller stays: on one HTTP/1.1 connection, on one HTTP/2 session, or by resuming its TLS session each time. */
export const WAYS = ['an open HTTP/1.1 connection', 'an open HTTP/2 session', 'a resumed TLS session'] as const

export async function callerOver(
  t: TestContext,
  way: (typeof WAYS)[number],
  { guard }: Guarded,
  { ca }: OpensslAuthority,
  server: Credential,
  as: Credential,
): Promise<Send> {
  const tls = { host: '127.0.0.1', servername: 'localhost', ca: ca.cert, cert: as.cert, key: as.key }
  const files = { cert: server.certFile, key: server.keyFile, guard }
  const name = (req: object): string => guard.attached(req)?.principal.id ?? 'nobody'
  switch (way) {
    case 'an open HTTP/1.1 connection': {
      const port = await listen(
        t,
        secureServer(files, (req, res) => res.end(name(req))),
      )
      const agent = new Agent({ ...tls, keepAlive: true, maxSockets: 1 })
      t.after(() => agent.destroy())
      return async () => {
        const sent = request({ host: '127.0.0.1', port, agent, headers: { host: `localhost:${port}` } })
        sent.end()
        const [response] = await once(sent, 'response')
        return said(response)
      }
    }
    case 'an open HTTP/2 session': {
      const port = await listen(
        t,
        secureHttp2Server(files, (req, res) => res.end(name(req))),
      )
      const session = connectHttp2(`https://localhost:${port}`, tls)
      session.on('error', () => {})
      t.after(() => session.destroy())
      await once(session, 'connect')
      return async () => {
        const stream = session.request({ ':path': '/' })
        await once(stream, 'response')
        return said(stream)
      }
    }
    case 'a resumed TLS session': {
      // A server as people write them, which lets sessions be resumed.
      const options = { cert: server.cert, key: server.key, ca: ca.cert, requestCert: true, rejectUnauthorized: false }
      const own = createServer(options, (req, res) => countersign(guard, (asked, answer) => answer.end(name(asked)))(req, res))
      return resuming(t, { ...tls, port: await listen(t, own) })
    }
  }
}

/** Each call is a connection of its own that resumes the session of the one before. */
function resuming(t: TestContext, tls: object): Send {
  let session: Buffer | undefined
  return async () => {
    const socket: TLSSocket = connect({ ...tls, ...(session === undefined ? {} : { session }) })
    t.after(() => socket.destroy())
    const resumes = session !== undefined
    socket.on('session', (ticket) => {
      session = ticket
    })
    await once(socket, 'secureConnect')
    if (resumes && !socket.isSessionReused()) throw new Error('the session was not resumed')
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    const text = await textOf(socket)
    return answerIn(text.slice(text.indexOf('\r\n\r\n') + 4).replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/g, ''))
  }
}

async function said(stream: AsyncIterable<unknown>): Promise<string> {
  return answerIn(await textOf(stream))
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks).toString()
}

function answerIn(text: string): string {
  return text.startsWith('{') ? String(JSON.parse(text).code) : text
}

/** One call on a connection of its own. */
export async function callOnce(
  t: TestContext,
  guarded: Guarded,
  authority: OpensslAuthority,
  server: Credential,
  as: Credential,
): Promise<string> {
  const send = await callerOver(t, 'an open HTTP/1.1 connection', guarded, authority, server, as)
  return send()
}
