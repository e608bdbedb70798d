import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DerError, DerReader } from '../dist/der/der-reader.js'
import { readBitString, readBoolean, readInteger, readOid, readSmallInteger, readTime } from '../dist/der/der-values.js'
import { bytes, der, integer, oid, sequence, text } from './der.js'

function fails(read: () => unknown, reason: RegExp): void {
  assert.throws(read, (error) => error instanceof DerError && reason.test(error.message))
}

test('refuses lengths that are indefinite, not the shortest, cut off or past the end', () => {
  const lengths: readonly (readonly [number[], RegExp])[] = [
    [[0x30], /header/],
    [[0x30, 0x80, 0, 0], /indefinite/],
    [[0x30, 0x81], /cut off/],
    [[0x30, 0x81, 0x05, 0, 0, 0, 0, 0], /shortest/],
    [[0x30, 0x82, 0x00, 0x80, ...new Array<number>(128).fill(0)], /shortest/],
    [[0x30, 0x85, 0, 0, 0, 0, 1, 0], /too long/],
    [[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff], /past the end/],
    [[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], /past the end/],
    [[0x30, 0xff], /too long/],
    [[0x30, 0x02, 0x05], /past the end/],
    [[0x1f, 0x01, 0x00], /one octet/],
    [[0x3f, 0x81, 0x00, 0x00], /one octet/],
  ]
  for (const [octets, reason] of lengths) fails(() => new DerReader(bytes(...octets)).next(), reason)
})

test('stays within the element that was entered', () => {
  const inner = new DerReader(Buffer.concat([sequence(bytes(0x02, 0x05, 1)), bytes(1, 1, 1, 1)])).take(0x30).enter()
  fails(() => inner.next(), /past the end/)
})

test('refuses another type, and what is left over', () => {
  const reader = new DerReader(integer(5))
  fails(() => reader.take(0x30), /another type/)
  assert.equal(reader.optional(0x30), false)
  fails(() => reader.finish(), /left over/)
  reader.take(0x02)
  reader.finish()
  assert.ok(reader.atEnd)
})

test('refuses nesting that is deeper than any certificate', () => {
  let nested = integer(1)
  for (let i = 0; i < 2000; i++) nested = sequence(nested)
  fails(() => {
    let reader = new DerReader(nested)
    for (let i = 0; i < 2000; i++) reader = reader.take(0x30).enter()
  }, /too deep/)
})

test('reads object identifiers of any arc and refuses those that are cut off or padded', () => {
  for (const dotted of [
    '2.5.29.17',
    '1.2.840.113549.1.1.11',
    '0.9.2342.19200300.100.1.25',
    '2.25.329800735698586629295641978511506172918',
    '2.999.1',
  ]) {
    assert.equal(readOid(new DerReader(oid(dotted))), dotted)
  }
  for (const octets of [
    [0x06, 0],
    [0x06, 2, 0x55, 0x80],
    [0x06, 3, 0x55, 0x80, 0x01],
    [0x06, 65, ...new Array<number>(65).fill(1)],
  ]) {
    fails(() => readOid(new DerReader(bytes(...octets))), /OID/)
  }
})

test('reads integers in their shortest form only', () => {
  assert.equal(readSmallInteger(new DerReader(integer(0))), 0)
  assert.equal(readSmallInteger(new DerReader(integer(0x7fffffff))), 0x7fffffff)
  for (const octets of [
    [2, 0],
    [2, 2, 0, 1],
    [2, 2, 0xff, 0x80],
  ])
    fails(() => readInteger(new DerReader(bytes(...octets))), /INTEGER/)
  for (const octets of [
    [2, 1, 0x80],
    [2, 5, 1, 0, 0, 0, 0],
  ])
    fails(() => readSmallInteger(new DerReader(bytes(...octets))), /range/)
})

test('reads booleans and bit strings strictly', () => {
  assert.equal(readBoolean(new DerReader(bytes(1, 1, 0xff))), true)
  assert.equal(readBoolean(new DerReader(bytes(1, 1, 0))), false)
  for (const octets of [
    [1, 1, 1],
    [1, 0],
    [1, 2, 0xff, 0xff],
  ])
    fails(() => readBoolean(new DerReader(bytes(...octets))), /BOOLEAN/)
  assert.deepEqual(readBitString(new DerReader(bytes(3, 2, 1, 0x80))), { unusedBits: 1, bytes: bytes(0x80) })
  for (const octets of [
    [3, 0],
    [3, 1, 1],
    [3, 2, 8, 0],
    [3, 2, 1, 0x81],
  ])
    fails(() => readBitString(new DerReader(bytes(...octets))), /BIT STRING/)
})

test('reads times with seconds, in UTC, and only those that exist', () => {
  const read = (value: string, tag: number): number => readTime(new DerReader(text(value, tag)))
  assert.equal(read('491231235959Z', 0x17), Date.parse('2049-12-31T23:59:59Z'))
  assert.equal(read('500101000000Z', 0x17), Date.parse('1950-01-01T00:00:00Z'))
  assert.equal(read('00010101000000Z', 0x18), Date.parse('0001-01-01T00:00:00Z'))
  assert.equal(read('20240229000000Z', 0x18), Date.parse('2024-02-29T00:00:00Z'))
  for (const value of [
    '20230229000000Z',
    '20240101000000.5Z',
    '20240101000000',
    '202401010000Z',
    '20240101000000+0000',
    '20240132000000Z',
  ]) {
    fails(() => read(value, 0x18), /time/)
  }
  fails(() => read('2401010000Z', 0x17), /time/)
  fails(() => readTime(new DerReader(der(0x0c, bytes(0x30)))), /another type/)
})
