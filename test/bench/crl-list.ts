import { DAY_MS, NOW_MS, nameFrom, OID } from '../chains/certificate.js'
import { bits, der, integer, sequence, time } from '../chains/der.js'
import { createKey, type Key, signWith } from '../chains/keys.js'
import { LIST_OID, listExtension } from '../chains/revocation-list.js'

/** A CRL of so many entries, whose serial numbers have sixteen octets as those of most issuers. */
export interface LongList {
  readonly der: Uint8Array
  readonly issuer: { readonly name: Uint8Array; readonly key: Key }
  /** Lowercase hexadecimal, of the entry at that place. */
  serialAt(index: number): string
  /** Such as is not in it. */
  absentAt(index: number): string
}

const SERIAL_OCTETS = 16

export function createLongList(count: number): LongList {
  const key = createKey('p256')
  const name = nameFrom(['O', 'Bench'], ['CN', 'issuer of a long list'])
  const date = time(NOW_MS - DAY_MS)
  const entry = sequence(der(0x02, new Uint8Array(SERIAL_OCTETS)), date)
  const at = 4
  const entries = Buffer.alloc(entry.length * count)
  for (let index = 0; index < count; index++) {
    entries.set(entry, index * entry.length)
    entries.set(serialOf(index), index * entry.length + at)
  }
  const { algorithm, digest } = key.signature
  const signed = sequence(
    integer(1),
    algorithm,
    name,
    date,
    time(NOW_MS + DAY_MS),
    sequence(entries),
    der(
      0xa0,
      sequence(listExtension(OID.authorityKeyId, false, sequence(der(0x80, key.keyId))), listExtension(LIST_OID.number, false, integer(7))),
    ),
  )
  return {
    der: Uint8Array.from(sequence(signed, algorithm, bits(signWith(key, signed, digest)))),
    issuer: { name, key },
    serialAt: (index) => Buffer.from(serialOf(index)).toString('hex'),
    absentAt: (index) => Buffer.from(serialOf(index + count)).toString('hex'),
  }
}

/** Looks random, has its first bit not set, and its first octet not zero. */
function serialOf(index: number): Uint8Array {
  const serial = new Uint8Array(SERIAL_OCTETS)
  let state = Math.imul(index + 1, 0x9e3779b1)
  for (let at = 0; at < SERIAL_OCTETS; at++) {
    state = Math.imul(state ^ (state >>> 15), 0x85ebca6b) + at
    serial[at] = state >>> 24
  }
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f)
  // The index itself in it keeps them apart.
  new DataView(serial.buffer).setUint32(SERIAL_OCTETS - 4, index)
  return serial
}
