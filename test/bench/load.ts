import { connect, type TLSSocket } from 'node:tls'
import type { CallerCredentials } from './credentials.js'
import { AUDIENCE_URI, SERVER_NAME } from './names.js'

/** A caller that keeps its connections open and sends the same bytes again as soon as it has its answer: one request at a time on each. */
export interface Load {
  /** Sends this many requests and waits for all of their answers. Rejects for an answer that is not 200. */
  run(requests: number): Promise<void>
  /** Sends one request, on one connection, and tells the status of its answer. */
  status(request: Buffer): Promise<string>
  close(): void
}

interface Line {
  readonly socket: TLSSocket
  /** Sends one request and calls back with its answer, head and body. */
  ask(request: Buffer, answered: (answer: string | Error) => void): void
}

const HEAD_END = '\r\n\r\n'
const STATUS_OFFSET = 'HTTP/1.1 '.length
const OK = '200'

export async function openLoad(port: number, connections: number, request: Buffer, caller: CallerCredentials): Promise<Load> {
  const lines = await Promise.all(Array.from({ length: connections }, () => openLine(port, caller)))
  return {
    run(requests) {
      return new Promise((resolve, reject) => {
        let toSend = requests
        let toCome = requests
        const next = (line: Line): void => {
          if (toSend === 0) return
          toSend -= 1
          line.ask(request, (answer) => {
            if (typeof answer !== 'string') return reject(answer)
            if (statusOf(answer) !== OK) return reject(new Error(`the server answered:\n${answer}`))
            toCome -= 1
            if (toCome === 0) resolve()
            else next(line)
          })
        }
        for (const line of lines) next(line)
      })
    },
    status(other) {
      return new Promise((resolve, reject) => {
        lines[0]?.ask(other, (answer) => (typeof answer === 'string' ? resolve(statusOf(answer)) : reject(answer)))
      })
    },
    close() {
      for (const { socket } of lines) socket.destroy()
    },
  }
}

/** The bytes of the request: what an ordinary client sends, with its token. */
export function requestBytes(token: string | null, path = '/invoices'): Buffer {
  return Buffer.from(
    [
      `GET ${path} HTTP/1.1`,
      `host: ${SERVER_NAME}`,
      'connection: keep-alive',
      'accept: application/json',
      'accept-encoding: gzip, deflate, br',
      'user-agent: countersign-bench',
      ...(token === null ? [] : [`authorization: Bearer ${token}`]),
      '',
      '',
    ].join('\r\n'),
  )
}

/** A request for a token, by client credentials and the certificate of the connection. */
export function tokenRequestBytes(clientId: string): Buffer {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    resource: AUDIENCE_URI,
    scope: 'read',
  }).toString()
  return Buffer.from(
    [
      'POST /token HTTP/1.1',
      `host: ${SERVER_NAME}`,
      'connection: keep-alive',
      'accept: application/json',
      'user-agent: countersign-bench',
      'content-type: application/x-www-form-urlencoded',
      `content-length: ${form.length}`,
      '',
      form,
    ].join('\r\n'),
  )
}

function openLine(port: number, caller: CallerCredentials): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: SERVER_NAME,
      key: caller.keyPem,
      cert: caller.chainPem,
      ca: caller.caPem,
      ALPNProtocols: ['http/1.1'],
    })
    let answered: ((answer: string | Error) => void) | null = null
    let answer = ''
    const finish = (result: string | Error): void => {
      const waiting = answered
      answered = null
      answer = ''
      waiting?.(result)
    }
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
      if (isWhole(answer)) finish(answer)
    })
    socket.once('error', (error) => {
      reject(error)
      finish(error)
    })
    socket.once('close', () => finish(new Error('the server closed the connection')))
    socket.once('secureConnect', () => {
      resolve({
        socket,
        ask(request, callback) {
          answered = callback
          socket.write(request)
        },
      })
    })
  })
}

function statusOf(answer: string): string {
  return answer.slice(STATUS_OFFSET, STATUS_OFFSET + OK.length)
}

function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf(HEAD_END)
  if (headEnd === -1) return false
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(answer) ?? []
  if (length === undefined) throw new Error(`an answer without a length:\n${answer.slice(0, headEnd)}`)
  return answer.length >= headEnd + HEAD_END.length + Number(length)
}
