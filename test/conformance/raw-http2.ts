import { type ClientHttp2Session, connect } from 'node:http2'
import { Duplex } from 'node:stream'
import { type Answer, NO_ANSWER } from './answer.js'
import { deferred } from './deferred.js'
import type { Field } from './raw-http1.js'

const PREFACE_BYTES = 24 // RFC 9113 §3.4
const FRAME_HEAD_BYTES = 9
const MAX_FRAME_BYTES = 16_384
const HEADERS_FRAME = 0x1
const CONTINUATION_FRAME = 0x9
const END_STREAM = 0x1
const END_HEADERS = 0x4

/**
 * Sends one HTTP/2 request with exactly these fields, pseudo-fields among them, in this order, however wrong they are. Node's own client
 * would put them right, so the header block that it writes is replaced on its way out; it still reads the answer.
 */
export async function requestHttp2(socket: Duplex, fields: readonly Field[]): Promise<Answer> {
  const wire = new HeaderReplacer(socket, fields)
  const session = connect('https://localhost', { createConnection: () => wire })
  try {
    return await readAnswer(session, fields.find(([name]) => name === ':method')?.[1] === 'HEAD' ? 'HEAD' : 'GET')
  } finally {
    session.destroy()
    socket.destroy()
  }
}

// The client must know of HEAD, or it would wait for the body.
function readAnswer(session: ClientHttp2Session, method: 'GET' | 'HEAD'): Promise<Answer> {
  const { promise, resolve } = deferred<Answer>()
  const hungUp = (): void => resolve(NO_ANSWER)
  session.on('error', hungUp)
  session.on('close', hungUp)
  const stream = session.request({ ':method': method, ':path': '/', ':scheme': 'https', ':authority': 'localhost' }, { endStream: true })
  let body = ''
  let status = 0
  let headers: Field[] = []
  stream.setEncoding('utf8')
  stream.on('response', (fields) => {
    status = Number(fields[':status'])
    headers = Object.entries(fields).flatMap(([name, value]) =>
      name.startsWith(':') ? [] : [value ?? []].flat().map((one): Field => [name, String(one)]),
    )
  })
  stream.on('data', (text: string) => {
    body += text
  })
  stream.on('error', hungUp)
  stream.on('close', () => resolve(status === 0 ? NO_ANSWER : { status, headers, body }))
  return promise
}

/** Between a client session and its socket: the one header block that goes out is replaced. */
class HeaderReplacer extends Duplex {
  readonly #socket: Duplex
  readonly #fields: readonly Field[]
  #pending = Buffer.alloc(0)
  #prefaceSent = false

  constructor(socket: Duplex, fields: readonly Field[]) {
    super()
    this.#socket = socket
    this.#fields = fields
    socket.on('data', (chunk: Buffer) => this.push(chunk))
    socket.on('end', () => this.push(null))
    socket.on('error', () => this.destroy())
    socket.on('close', () => this.destroy())
  }

  override _read(): void {
    // The socket pushes as it receives; a test's answers are small.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#pending = Buffer.concat([this.#pending, chunk])
    this.#socket.write(this.#replaced(), (error) => done(error ?? null))
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done())
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }

  #replaced(): Buffer {
    const out: Buffer[] = []
    if (!this.#prefaceSent) {
      if (this.#pending.length < PREFACE_BYTES) return Buffer.alloc(0)
      out.push(this.#take(PREFACE_BYTES))
      this.#prefaceSent = true
    }
    while (this.#pending.length >= FRAME_HEAD_BYTES) {
      const length = FRAME_HEAD_BYTES + this.#pending.readUIntBE(0, 3)
      if (this.#pending.length < length) break
      const frame = this.#take(length)
      out.push(...(frame[3] === HEADERS_FRAME ? headerFrames(frame.readUInt32BE(5), this.#fields) : [frame]))
    }
    return Buffer.concat(out)
  }

  #take(length: number): Buffer {
    const taken = this.#pending.subarray(0, length)
    this.#pending = this.#pending.subarray(length)
    return taken
  }
}

function headerFrames(streamId: number, fields: readonly Field[]): Buffer[] {
  const block = Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]))
  const frames: Buffer[] = []
  for (let at = 0; at === 0 || at < block.length; at += MAX_FRAME_BYTES) {
    const part = block.subarray(at, at + MAX_FRAME_BYTES)
    const last = at + MAX_FRAME_BYTES >= block.length
    const head = Buffer.alloc(FRAME_HEAD_BYTES)
    head.writeUIntBE(part.length, 0, 3)
    head[3] = at === 0 ? HEADERS_FRAME : CONTINUATION_FRAME
    head[4] = (at === 0 ? END_STREAM : 0) | (last ? END_HEADERS : 0)
    head.writeUInt32BE(streamId, 5)
    frames.push(head, part)
  }
  return frames
}

// RFC 7541 §6.2.2 with §5.2: a literal without indexing, its strings as they are, so neither side's tables are touched.
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  return Buffer.concat([Buffer.from(prefixedInteger(bytes.length)), bytes])
}

function prefixedInteger(value: number): number[] {
  if (value < 127) return [value]
  const octets = [127]
  let rest = value - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128)
  return [...octets, rest]
}
