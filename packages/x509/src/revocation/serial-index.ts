import { DerError } from '../der/der-reader.js'

/** Slots looked at for each entry, on average: half of them are free, so that it is less than two unless somebody chose the numbers. */
const MAX_PROBES = 32
/** A short list may be unlucky. */
const FREE_PROBES = 10_000

/** The serial numbers of a CRL. */
export interface SerialIndex {
  readonly size: number
  /** @param serialNumber Lowercase hexadecimal, without leading zeros. */
  has(serialNumber: string): boolean
}

/**
 * Finds serial numbers where they stand in the DER of the CRL: eight bytes an entry instead of an object, built in one pass.
 * @param offsets Where the INTEGERs of the serial numbers begin. Each is not longer than 127 octets, so its length is one octet.
 * @throws {DerError} for numbers that were chosen to be found slowly: nobody has verified yet who did.
 */
export function createSerialIndex(der: Uint8Array, offsets: Uint32Array): SerialIndex {
  const size = offsets.length
  const capacity = 2 ** Math.ceil(Math.log2(2 * size + 2))
  const mask = capacity - 1
  /** Offset of the content, 0 where the slot is free. */
  const slots = new Uint32Array(capacity)
  let probes = 0

  /** Where this number stands, or the free slot where it belongs. */
  function slotOf(octets: Uint8Array, from: number, length: number): number {
    let slot = hash(octets, from, length) & mask
    for (let at = slots[slot] ?? 0; at !== 0; at = slots[slot] ?? 0) {
      if (der[at - 1] === length && same(octets, from, at, length)) break
      slot = (slot + 1) & mask
      probes++
    }
    return slot
  }

  function same(octets: Uint8Array, from: number, at: number, length: number): boolean {
    for (let i = 0; i < length; i++) if (der[at + i] !== octets[from + i]) return false
    return true
  }

  for (const offset of offsets) {
    const at = offset + 2
    slots[slotOf(der, at, der[at - 1] ?? 0)] = at
    if (probes > FREE_PROBES + MAX_PROBES * size) throw new DerError('serial numbers that are all alike')
  }
  return {
    size,
    has(serialNumber) {
      if (size === 0) return false
      const octets = integerOctets(serialNumber)
      return slots[slotOf(octets, 0, octets.length)] !== 0
    },
  }
}

/** FNV-1a. Collisions can be computed, by whoever forges a list: that is why probes are counted. */
function hash(octets: Uint8Array, from: number, length: number): number {
  let value = 0x811c9dc5
  for (let i = from; i < from + length; i++) value = Math.imul(value ^ (octets[i] ?? 0), 0x01000193)
  return value ^ (value >>> 15)
}

/** Content octets of the DER INTEGER of a serial number in hexadecimal. */
export function integerOctets(hexadecimal: string): Uint8Array {
  const even = hexadecimal.length % 2 === 0 ? hexadecimal : `0${hexadecimal}`
  return Buffer.from(Number.parseInt(even.slice(0, 2), 16) >= 0x80 ? `00${even}` : even, 'hex')
}
