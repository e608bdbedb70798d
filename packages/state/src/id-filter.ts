/**
 * Says of most ids that are not in a large set that they are not, without a look into the set: that would read memory in five places
 * which no cache holds. It never says so of one that is in it.
 */
export interface IdFilter {
  add(id: string): void
  mayHold(id: string): boolean
}

/** Of so many bits for each id one is set: one in sixteen that are not there is looked up all the same. */
const BITS_PER_ID = 16

/** @param capacity ids; a power of two, up to 2^24. With more it is right, and of less use. */
export function createIdFilter(capacity: number): IdFilter {
  const words = new Uint32Array((capacity * BITS_PER_ID) / 32)
  const mask = capacity * BITS_PER_ID - 1

  return {
    add(id) {
      const bit = hashOf(id) & mask
      words[bit >>> 5] = (words[bit >>> 5] ?? 0) | (1 << (bit & 31))
    },
    mayHold(id) {
      const bit = hashOf(id) & mask
      return (((words[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1
    },
  }
}

/** FNV-1a over the UTF-16 units, and the last mixing of MurmurHash3. Whoever makes collisions makes his own look-ups slower, no more. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5 | 0
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
