import { crc32cOf } from '../dist/crc32c.js'

/** Header bytes of version 2, as a proxy would send them. */
export interface V2Header {
  readonly version?: number
  readonly command?: number
  readonly family?: number
  readonly transport?: number
  readonly addresses?: Buffer
  readonly additions?: readonly Buffer[]
  /** Adds the checksum of all the rest. */
  readonly checksum?: boolean
  /** What the length field says, if it is not what follows. */
  readonly length?: number
}

export const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

export function v2(header: V2Header = {}): Buffer {
  const { version = 2, command = 1, family = 1, transport = 1, addresses = inet(), additions = [], checksum = false } = header
  const rest = Buffer.concat([addresses, ...additions, ...(checksum ? [addition(3, Buffer.alloc(4))] : [])])
  const length = Buffer.alloc(2)
  length.writeUInt16BE(header.length ?? rest.length)
  const bytes = Buffer.concat([SIGNATURE, Buffer.from([(version << 4) | command, (family << 4) | transport]), length, rest])
  if (checksum) bytes.writeUInt32BE(crc32cOf(bytes), bytes.length - 4)
  return bytes
}

export function inet(source: readonly number[] = [203, 0, 113, 9]): Buffer {
  return Buffer.from([...source, 10, 0, 0, 1, 0xc7, 0x38, 0x01, 0xbb])
}

export function inet6(source = '20010db8000000000000000000000009'): Buffer {
  return Buffer.concat([Buffer.from(source, 'hex'), Buffer.from(`${'0'.repeat(31)}1`, 'hex'), Buffer.from([0xc7, 0x38, 0x01, 0xbb])])
}

export function addition(type: number, value: Buffer): Buffer {
  const head = Buffer.from([type, 0, 0])
  head.writeUInt16BE(value.length, 1)
  return Buffer.concat([head, value])
}
