import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { Workload } from '@countersign/testing'
import { PUBLIC_NAME, type Site } from './site.js'

export interface Answer {
  readonly status: number
  readonly text: string
  /** Of a problem; `null` where the answer is none of ours. */
  readonly code: string | null
}

/** How a client comes. */
export interface Way {
  readonly as?: Workload | null
  readonly session?: Buffer
  readonly tls?: ConnectionOptions
}

/** Lines of a request beside `Host`, as they are sent. */
export type Lines = readonly string[]

/** TLS options of a client of the proxy. */
export function tlsOf(site: Site, { as = null, session, tls }: Way): ConnectionOptions {
  return {
    host: '127.0.0.1',
    servername: PUBLIC_NAME,
    ca: site.mesh.trustPem,
    ...(as === null ? {} : { cert: as.chainPem, key: as.keyPem }),
    ...(session === undefined ? {} : { session }),
    ...tls,
  }
}

/** One request over HTTP/1.1, its header lines written just as they are given. */
export async function send(site: Site, port: number, way: Way = {}, lines: Lines = []): Promise<Answer> {
  return (await sendOnce(site, port, way, lines)).answer
}

/** The same, and the session that the server gave, for a connection that resumes it. */
export async function sendOnce(
  site: Site,
  port: number,
  way: Way = {},
  lines: Lines = [],
): Promise<{ readonly answer: Answer; readonly session: Buffer | null; readonly reused: boolean }> {
  const socket: TLSSocket = connect({ ...tlsOf(site, way), port, ALPNProtocols: ['http/1.1'] })
  let session: Buffer | null = null
  socket.on('session', (given) => {
    session = given
  })
  const chunks: Uint8Array[] = []
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    // Where an upgrade was asked for, proxies leave the connection open, whatever became of it.
    if (isWhole(Buffer.concat(chunks).toString())) socket.destroy()
  })
  await once(socket, 'secureConnect')
  const reused = socket.isSessionReused()
  const ended = new Promise<void>((resolve, reject) => {
    socket.once('close', resolve)
    socket.once('error', reject)
  })
  const closing = lines.some((line) => /^connection:/i.test(line)) ? [] : ['Connection: close']
  socket.write(['GET /who HTTP/1.1', `Host: ${PUBLIC_NAME}`, ...closing, ...lines, '', ''].join('\r\n'))
  await ended
  return { answer: answerFrom(Buffer.concat(chunks).toString()), session, reused }
}

/** A line in a tunnel, or as many bytes as were announced. */
function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return false
  const head = text.slice(0, end)
  const body = text.slice(end + 4)
  if (head.startsWith('HTTP/1.1 101')) return body.endsWith('\n')
  const [, length] = /^content-length: (\d+)$/im.exec(head) ?? []
  return length === undefined ? body.endsWith('0\r\n\r\n') : body.length >= Number(length)
}

function answerFrom(text: string): Answer {
  const split = text.indexOf('\r\n\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0)
  const chunked = /\r\ntransfer-encoding: chunked/i.test(text.slice(0, split))
  return withCode(status, chunked ? unchunked(text.slice(split + 4)) : text.slice(split + 4))
}

function unchunked(body: string): string {
  const end = body.indexOf('\r\n')
  const size = Number.parseInt(body.slice(0, end), 16)
  return size > 0 ? body.slice(end + 2, end + 2 + size) + unchunked(body.slice(end + 2 + size + 2)) : ''
}

function withCode(status: number, text: string): Answer {
  try {
    const parsed: unknown = JSON.parse(text)
    return { status, text, code: typeof parsed === 'object' && parsed !== null && 'code' in parsed ? String(parsed.code) : null }
  } catch {
    return { status, text, code: null }
  }
}

/** One request over HTTP/2. */
export async function sendHttp2(
  site: Site,
  port: number,
  way: Way = {},
  fields: Readonly<Record<string, string | string[]>> = {},
): Promise<Answer> {
  const session = connectHttp2(`https://${PUBLIC_NAME}:${port}`, {
    createConnection: () => connect({ ...tlsOf(site, way), port, ALPNProtocols: ['h2'] }),
  })
  const failed = new Promise<never>((_, reject) => session.once('error', reject))
  try {
    const stream = session.request({ ':path': '/who', ':authority': PUBLIC_NAME, ...fields })
    const [answered] = await Promise.race([once(stream, 'response'), failed])
    const chunks: Uint8Array[] = []
    for await (const chunk of stream) chunks.push(chunk)
    return withCode(Number(answered[':status']), Buffer.concat(chunks).toString())
  } finally {
    session.close()
  }
}
