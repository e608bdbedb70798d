const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const [DATA, HEADERS, RST_STREAM, SETTINGS, CONTINUATION] = [0, 1, 3, 4, 9] as const
const MAX_FRAME_BYTES = 16_384

export function opening(): Buffer {
  return Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, Buffer.alloc(0))])
}

export function dataFrame(streamId: number, text: string): Buffer {
  return frame(DATA, 0, streamId, Buffer.from(text))
}

export function resetFrame(streamId: number, code: number): Buffer {
  return frame(RST_STREAM, 0, streamId, Buffer.from([0, 0, 0, code]))
}

/** The frames of one header section. */
export function headerFrames(streamId: number, block: Buffer, endStream: boolean): Buffer {
  const end = endStream ? 1 : 0
  if (block.length <= MAX_FRAME_BYTES) return frame(HEADERS, end | 4, streamId, block)
  return Buffer.concat([
    frame(HEADERS, end, streamId, block.subarray(0, MAX_FRAME_BYTES)),
    frame(CONTINUATION, 4, streamId, block.subarray(MAX_FRAME_BYTES)),
  ])
}

/** The fields of a request, then what is given (RFC 7541 §6.2.2, without indexing). */
export function requestBlock(method: string, ...more: readonly Buffer[]): Buffer {
  return Buffer.concat([
    field(':method', method),
    field(':scheme', 'https'),
    field(':path', '/'),
    field(':authority', 'localhost'),
    ...more,
  ])
}

export function field(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)])
}

/** One large field that is put into the table and named five times more (RFC 7541 §6.2.1, §6.1): large when it is read, small on the wire. */
export function swollenField(): Buffer {
  return Buffer.concat([Buffer.from([0x40]), text('x'), text('a'.repeat(3900)), Buffer.from([0xbe, 0xbe, 0xbe, 0xbe, 0xbe])])
}

function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, payload])
}

function text(value: string): Buffer {
  const octets: number[] = []
  let rest = value.length
  if (rest < 127) octets.push(rest)
  else {
    octets.push(127)
    for (rest -= 127; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128)
    octets.push(rest)
  }
  return Buffer.concat([Buffer.from(octets), Buffer.from(value, 'latin1')])
}
