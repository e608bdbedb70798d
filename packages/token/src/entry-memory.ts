import type { Token } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import type { Entry } from './entry.js'
import { retainedBytes } from './retained-bytes.js'
import { entryOf, keepEntry } from './verified-token.js'

/** Tokens that were verified. Only those: garbage never takes a place here. */
export interface EntryMemory {
  /** @param field scheme and token in their one spelling. */
  recall(field: string): Entry | undefined
  remember(entry: Entry): void
  forget(entry: Entry): void
  /** That of a token which this memory was given, forgotten or not. */
  of(token: Token): Entry | undefined
}

const MAX_ENTRIES = 10_000
const MAX_ENTRY_BYTES = 64 * 1024 * 1024
// What an entry takes beside its text and its claims. Measured, rounded up.
const FIXED_BYTES = 2048
// Of the signature: enough that no two tokens meet but by design, and little to hash. Hashing a whole token takes longer than all the rest.
const KEY_LENGTH = 64

export function createEntryMemory(): EntryMemory {
  const byEnd = new LRUCache<string, Entry>({ max: MAX_ENTRIES, maxSize: MAX_ENTRY_BYTES })
  const memory: EntryMemory = {
    recall(field) {
      const entry = byEnd.get(endOf(field))
      // Whole, since nothing less tells one token from another.
      return entry?.field === field ? entry : undefined
    },
    remember(entry) {
      byEnd.set(endOf(entry.field), entry, { size: FIXED_BYTES + entry.field.length + retainedBytes(entry.claims) })
      keepEntry(entry, memory)
    },
    forget(entry) {
      byEnd.delete(endOf(entry.field))
    },
    of: (token) => entryOf(token, memory),
  }
  return memory
}

function endOf(field: string): string {
  return field.slice(-KEY_LENGTH)
}
