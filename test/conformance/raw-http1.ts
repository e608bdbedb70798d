import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { type Answer, NO_ANSWER } from './answer.js'
import { deferred } from './deferred.js'

/** A header field as it is written on the wire: name and value, byte for byte. */
export type Field = readonly [name: string, value: string]

export interface RawRequest {
  readonly method: string
  readonly target: string
  readonly version?: string
  readonly fields: readonly Field[]
  readonly body?: string
}

/** An HTTP/1.1 request, as bytes. Nothing is checked, added or made right. */
export function bytesOf({ method, target, version = 'HTTP/1.1', fields, body = '' }: RawRequest): Buffer {
  const lines = [`${method} ${target} ${version}`, ...fields.map(([name, value]) => `${name}: ${value}`), '', body]
  return Buffer.from(lines.join('\r\n'), 'latin1')
}

/** A connection that bytes go out on and answers come in from, in order. */
export interface RawConnection {
  /** Sends bytes and waits for as many answers as `methods`, or for the server to hang up: then the rest are {@link NO_ANSWER}. */
  exchange(bytes: Buffer, methods: readonly string[]): Promise<readonly Answer[]>
  /** The same until an answer is the last one, or the server hangs up: then without it. Methods beyond the list are taken for GET. */
  exchangeUntil(bytes: Buffer, methods: readonly string[], isLast: (answer: Answer) => boolean): Promise<readonly Answer[]>
  /** Resolves once the server has ended the connection. */
  readonly ended: Promise<unknown>
  destroy(): void
}

export function rawConnection(socket: Duplex): RawConnection {
  let received = Buffer.alloc(0)
  let over = false
  let wake = (): void => {}
  const finish = (): void => {
    over = true
    wake()
  }
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    wake()
  })
  socket.on('error', finish)
  socket.on('end', finish)
  socket.on('close', finish)
  const ended = once(socket, 'end').catch(() => {})

  async function next(method: string): Promise<Answer> {
    for (;;) {
      const read = readAnswer(received, method, over)
      if (read !== null) {
        received = received.subarray(read.length)
        // RFC 9110 §15.2: an interim answer announces another one.
        if (read.answer.status >= 200) return read.answer
        continue
      }
      if (over) return NO_ANSWER
      const { promise, resolve } = deferred<void>()
      wake = resolve
      await promise
    }
  }

  return {
    ended,
    async exchange(bytes, methods) {
      socket.write(bytes)
      const answers: Answer[] = []
      for (const method of methods) answers.push(await next(method))
      return answers
    },
    async exchangeUntil(bytes, methods, isLast) {
      socket.write(bytes)
      const answers: Answer[] = []
      for (;;) {
        const answer = await next(methods[answers.length] ?? 'GET')
        if (answer === NO_ANSWER || isLast(answer)) return answers
        answers.push(answer)
      }
    },
    destroy: () => void socket.destroy(),
  }
}

interface Read {
  readonly answer: Answer
  readonly length: number
}

function readAnswer(received: Buffer, method: string, over: boolean): Read | null {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd === -1) return null
  const [statusLine = '', ...lines] = received.subarray(0, headEnd).toString('latin1').split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(statusLine)?.[1])
  const headers = lines.map((line): Field => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
  const fieldValue = (name: string): string | undefined => headers.find(([key]) => key.toLowerCase() === name)?.[1]
  const start = headEnd + 4
  const done = (body: Buffer, length: number): Read => ({ answer: { status, headers, body: body.toString('utf8') }, length })
  if (method === 'HEAD' || status === 204 || status === 304 || status < 200) return done(Buffer.alloc(0), start)
  if (fieldValue('transfer-encoding') === 'chunked') return readChunks(received, start, done)
  const announced = fieldValue('content-length')
  if (announced === undefined) return over ? done(received.subarray(start), received.length) : null
  const end = start + Number(announced)
  return received.length < end ? null : done(received.subarray(start, end), end)
}

function readChunks(received: Buffer, start: number, done: (body: Buffer, length: number) => Read): Read | null {
  const chunks: Buffer[] = []
  let at = start
  for (;;) {
    const lineEnd = received.indexOf('\r\n', at)
    if (lineEnd === -1) return null
    const size = Number.parseInt(received.subarray(at, lineEnd).toString('latin1'), 16)
    const end = lineEnd + 2 + size
    if (received.length < end + 2) return null
    if (size === 0) return done(Buffer.concat(chunks), end + 2)
    chunks.push(received.subarray(lineEnd + 2, end))
    at = end + 2
  }
}
