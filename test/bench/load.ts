import { connect, type TLSSocket } from 'node:tls'
import type { CallerCredentials } from './credentials.js'
import { SERVER_NAME } from './names.js'

/** A caller that keeps its connections open and sends the same bytes again as soon as it has its answer: one request at a time on each. */
export interface Load {
  /** Sends this many requests and waits for all of their answers. Rejects for an answer that is not 200. */
  run(requests: number): Promise<void>
  close(): void
}

interface Line {
  readonly socket: TLSSocket
  /** Sends one request and calls back with its answer. */
  ask(answered: (error: Error | null) => void): void
}

const HEAD_END = '\r\n\r\n'
const STATUS_OFFSET = 'HTTP/1.1 '.length
const OK = '200'

export async function openLoad(port: number, connections: number, request: Buffer, caller: CallerCredentials): Promise<Load> {
  const lines = await Promise.all(Array.from({ length: connections }, () => openLine(port, request, caller)))
  return {
    run(requests) {
      return new Promise((resolve, reject) => {
        let toSend = requests
        let toCome = requests
        const next = (line: Line): void => {
          if (toSend === 0) return
          toSend -= 1
          line.ask((error) => {
            if (error !== null) return reject(error)
            toCome -= 1
            if (toCome === 0) resolve()
            else next(line)
          })
        }
        for (const line of lines) next(line)
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

function openLine(port: number, request: Buffer, caller: CallerCredentials): Promise<Line> {
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
    let answered: ((error: Error | null) => void) | null = null
    let answer = ''
    const finish = (error: Error | null): void => {
      const waiting = answered
      answered = null
      answer = ''
      waiting?.(error)
    }
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
      if (!isWhole(answer)) return
      finish(answer.startsWith(OK, STATUS_OFFSET) ? null : new Error(`the server answered:\n${answer}`))
    })
    socket.once('error', (error) => {
      reject(error)
      finish(error)
    })
    socket.once('close', () => finish(new Error('the server closed the connection')))
    socket.once('secureConnect', () => {
      resolve({
        socket,
        ask(callback) {
          answered = callback
          socket.write(request)
        },
      })
    })
  })
}

function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf(HEAD_END)
  if (headEnd === -1) return false
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(answer) ?? []
  if (length === undefined) throw new Error(`an answer without a length:\n${answer.slice(0, headEnd)}`)
  return answer.length >= headEnd + HEAD_END.length + Number(length)
}
