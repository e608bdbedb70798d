import { once } from 'node:events'
import type { TestContext } from 'node:test'
import type { TLSSocket } from 'node:tls'
import type { TestMesh, Workload } from '@countersign/testing'
import { openTls } from './fixture.js'

/** Frame types of RFC 9113 §6. */
export const FRAME = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7, CONTINUATION: 9 } as const
export const FLAG = { NONE: 0, ACK: 1, END_STREAM: 1, END_HEADERS: 4 } as const
export const CANCEL = Buffer.from([0, 0, 0, 8])

/** One frame, whatever sense it makes. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, payload])
}

/** GET https://localhost/, by the static table of HPACK (RFC 7541 App. A). */
export function getRequest(): Buffer {
  return Buffer.concat([Buffer.from([0x82, 0x87, 0x84]), literal(0x41, 'localhost')])
}

/** A field that no table knows (RFC 7541 §6.2.2). */
export function field(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x00]), text(name), text(value)])
}

function literal(prefix: number, value: string): Buffer {
  return Buffer.concat([Buffer.from([prefix]), text(value)])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  // RFC 7541 §5.1, for lengths below 2^14 + 127.
  const rest = bytes.length - 127
  return Buffer.concat([Buffer.from(rest < 128 ? [127, rest] : [127, (rest % 128) + 128, rest >> 7]), bytes])
}

/** A connection that speaks HTTP/2 by hand: the preface and empty settings are sent. */
export async function openRawSession(t: TestContext, mesh: TestMesh, port: number, as: Workload | null): Promise<TLSSocket> {
  const socket = await openTls(t, mesh, port, as, { ALPNProtocols: ['h2'] })
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(frame(FRAME.SETTINGS, FLAG.NONE, 0))
  return socket
}

/** Writes, and waits where the other end does not read as fast. */
export async function writeAll(socket: TLSSocket, bytes: Uint8Array): Promise<void> {
  if (!socket.write(bytes) && !socket.destroyed)
    await Promise.race([once(socket, 'drain'), new Promise((resolve) => socket.once('close', resolve))])
}

const MAX_FRAME_BYTES = 16_384

/** The frames of a GET with these fields added. */
export function requestOf(streamId: number, fields: readonly Buffer[]): Buffer {
  const section = Buffer.concat([getRequest(), ...fields])
  const frames: Buffer[] = []
  for (let at = 0; at < section.length; at += MAX_FRAME_BYTES) {
    const isLast = at + MAX_FRAME_BYTES >= section.length
    const flags = (at === 0 ? FLAG.END_STREAM : FLAG.NONE) | (isLast ? FLAG.END_HEADERS : FLAG.NONE)
    frames.push(frame(at === 0 ? FRAME.HEADERS : FRAME.CONTINUATION, flags, streamId, section.subarray(at, at + MAX_FRAME_BYTES)))
  }
  return Buffer.concat(frames)
}

/** Type of the first frame that the other end sends on a stream; `null` if it closes the connection instead. */
export function firstFrameOf(socket: TLSSocket, streamId: number): Promise<number | null> {
  let bytes = Buffer.alloc(0)
  return new Promise((resolve) => {
    socket.on('close', () => resolve(null))
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
        if (bytes.readUInt32BE(at + 5) === streamId) resolve(bytes[at + 3] ?? null)
      }
    })
  })
}
