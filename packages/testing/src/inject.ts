import { Agent, createServer, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { checkKeys, MisuseError, type Problem } from '@countersign/core'
import { CLIENT_END, type FakeTlsSocket, fakeTlsSocket } from './fake-tls-socket.js'
import type { Workload } from './workload.js'

/** A listener of a `node:http` server: an Express app, `koa.callback()`, `fastify.routing` (once ready), or a plain function. */
export type InjectedListener = (req: IncomingMessage, res: ServerResponse) => unknown

/** One request. */
export interface InjectOptions {
  /** Default `GET`. */
  readonly method?: string
  /** Sent as it is: the request target. Default `/`. */
  readonly path?: string
  /** A list sends the field once for each entry. `host` defaults to the socket's server name, else `localhost`. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** A text, bytes, or anything else as JSON. */
  readonly body?: unknown
  /** The connection to send it on. Requests on the same socket share the connection. Default: a new one. */
  readonly socket?: FakeTlsSocket
  /** Whose certificate the new connection brings, where no `socket` is given. Default `null`: none. */
  readonly peer?: Workload | null
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string
}

/** What came back. */
export interface InjectedResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body of an `application/problem+json` answer; `null` for any other, and for one to HEAD, which has no body. */
  readonly problem: Problem | null
  /** @throws {SyntaxError} if the body is not JSON. */
  json(): unknown
}

const KEYS = ['method', 'path', 'headers', 'body', 'socket', 'peer', 'token'] as const
const OPENED = Symbol('countersign.testing.opened')

interface Opened {
  readonly listener: InjectedListener
  readonly agent: Agent
}

/**
 * Runs one request through a listener without a network: a real `node:http` server parses it and a real client reads the answer,
 * over a fake socket.
 * @example
 * const response = await inject(app, { path: '/invoices', peer: mesh.workload('/orders') })
 * assert.equal(response.status, 200)
 * @throws {MisuseError} for a wrong option, or a socket that another listener was given.
 * @throws {Error} `ECONNRESET` if the listener closes the connection without an answer.
 */
export async function inject(listener: InjectedListener, options: InjectOptions = {}): Promise<InjectedResponse> {
  const given: unknown = options
  checkListener(listener)
  checkKeys('options', given, KEYS)
  checkTarget(options)
  if (options.socket !== undefined && options.peer !== undefined)
    throw new MisuseError('ERR_OPTION_CONTRADICTION', 'options.peer', 'belongs to the socket: write fakeTlsSocket({ peer })')
  const socket = options.socket ?? fakeTlsSocket({ peer: options.peer ?? null })
  const { agent } = openedBy(listener, socket)
  const { text, bytes } = bodyOf(options.body)
  const host = typeof socket.servername === 'string' ? socket.servername : 'localhost'
  const headers = {
    host,
    ...(text === null ? {} : { 'content-type': text }),
    ...(bytes === null ? {} : { 'content-length': String(bytes.length) }),
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    ...options.headers,
  }
  const { promise, resolve, reject } = newPromise<InjectedResponse>()
  const request = httpRequest({ agent, method: options.method ?? 'GET', path: options.path ?? '/', setHost: false })
  for (const [name, value] of Object.entries(headers)) request.setHeader(name, value)
  request.once('error', reject)
  request.once('response', (response) => readResponse(response).then(resolve, reject))
  request.end(bytes ?? undefined)
  return promise
}

function checkListener(listener: unknown): void {
  if (typeof listener === 'function') return
  throw new MisuseError(
    'ERR_OPTION_INVALID',
    'listener',
    'inject takes a listener: app.callback() for Koa, app.routing after app.ready() for Fastify',
  )
}

// RFC 9112 §3.2: besides a path there are `*`, a whole URL, and the authority of CONNECT.
function checkTarget({ method, path = '/' }: InjectOptions): void {
  const given: unknown = path
  if (typeof given === 'string' && (given.startsWith('/') || given === '*' || given.includes('://') || method === 'CONNECT')) return
  throw new MisuseError('ERR_OPTION_INVALID', 'options.path', 'begins with /')
}

function openedBy(listener: InjectedListener, socket: FakeTlsSocket & { [OPENED]?: Opened }): Opened {
  const known = socket[OPENED]
  if (known !== undefined) {
    if (known.listener !== listener) throw new MisuseError('ERR_OPTION_INVALID', 'options.socket', 'is connected to another listener')
    return known
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  Object.assign(agent, { createConnection: () => clientEndOf(socket) })
  const opened = { listener, agent }
  Object.defineProperty(socket, OPENED, { value: opened })
  createServer((req, res) => void listener(req, res)).emit('connection', socket)
  return opened
}

function clientEndOf(socket: FakeTlsSocket): Duplex {
  const end = socket[CLIENT_END]
  if (end.destroyed || end.listenerCount('free') > 0) throw new Error('the fake connection is closed')
  return end
}

async function readResponse(response: IncomingMessage): Promise<InjectedResponse> {
  const chunks: Uint8Array[] = []
  for await (const chunk of response) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('utf8')
  const isProblem = response.headers['content-type']?.startsWith('application/problem+json') === true
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    problem: isProblem && text !== '' ? JSON.parse(text) : null,
    json: () => JSON.parse(text),
  }
}

function bodyOf(body: unknown): { readonly text: string | null; readonly bytes: Uint8Array | null } {
  if (body === undefined) return { text: null, bytes: null }
  if (typeof body === 'string') return { text: 'text/plain; charset=utf-8', bytes: Buffer.from(body) }
  if (body instanceof Uint8Array) return { text: 'application/octet-stream', bytes: body }
  return { text: 'application/json', bytes: Buffer.from(JSON.stringify(body)) }
}

function newPromise<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (reason: unknown) => void = () => {}
  const promise = new Promise<T>((accept, refuse) => {
    resolve = accept
    reject = refuse
  })
  return { promise, resolve, reject }
}
