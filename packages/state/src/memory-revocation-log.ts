import {
  mergeRevocations,
  type RevocationEntry,
  type RevocationKind,
  type RevocationPage,
  type RevocationPosition,
  StateError,
} from '@countersign/core'

/** The log of a {@link createMemoryStateStore}: every entry once, where it was changed last. */
export interface MemoryRevocationLog {
  /** @throws {StateError} `full`, before anything is changed. */
  makeRoom(entries: readonly RevocationEntry[], nowMs: number): void
  append(entries: readonly RevocationEntry[]): void
  /** {@link append}, but for what would change nothing. */
  restore(entries: readonly RevocationEntry[], nowMs: number): void
  pull(after: RevocationPosition | null, limit: number, nowMs: number): Omit<RevocationPage, 'completeSinceMs' | 'storeNowMs'>
  clear(): void
}

// Looked through when it has doubled since: so each entry is looked at a constant number of times.
const FIRST_SWEEP = 1024

export function createMemoryRevocationLog(generation: string, maxEntries: number): MemoryRevocationLog {
  const entryOf: Readonly<Record<RevocationKind, Map<string, RevocationEntry>>> = {
    token: new Map(),
    service: new Map(),
    key: new Map(),
    session: new Map(),
    certificate: new Map(),
  }
  // In the order of their offsets. One that is no longer the entry of its id has been superseded.
  let entries: RevocationEntry[] = []
  let offsets: number[] = []
  let size = 0
  let lastOffset = 0
  let sweepAt = FIRST_SWEEP

  function isLast(entry: RevocationEntry): boolean {
    return entryOf[entry.kind].get(entry.id) === entry
  }

  function sweep(nowMs: number): void {
    const kept: typeof entries = []
    const keptOffsets: number[] = []
    for (const [index, entry] of entries.entries()) {
      if (!isLast(entry)) continue
      if (entry.untilMs > nowMs) {
        kept.push(entry)
        keptOffsets.push(offsets[index] ?? 0)
      } else {
        entryOf[entry.kind].delete(entry.id)
        size--
      }
    }
    entries = kept
    offsets = keptOffsets
    sweepAt = Math.max(FIRST_SWEEP, 2 * kept.length)
  }

  function countNew(given: readonly RevocationEntry[]): number {
    // Kinds are words of ours, without a space.
    return new Set(given.filter(({ kind, id }) => !entryOf[kind].has(id)).map(({ kind, id }) => `${kind} ${id}`)).size
  }

  function makeRoom(given: readonly RevocationEntry[], nowMs: number): void {
    if (given.length === 0) return
    if (entries.length + given.length > sweepAt || size + given.length > maxEntries) sweep(nowMs)
    if (size + given.length > maxEntries && size + countNew(given) > maxEntries) {
      throw new StateError('full', `the store holds ${maxEntries} revocations, and forgets none before its time`)
    }
  }

  function append(given: readonly RevocationEntry[]): void {
    for (const entry of given) {
      const known = entryOf[entry.kind].get(entry.id)
      // Another object each time, so that the former place in the log is known to be superseded.
      const next = known === undefined ? Object.freeze({ ...entry }) : Object.freeze({ ...mergeRevocations(known, entry) })
      if (known === undefined) size++
      entryOf[entry.kind].set(entry.id, next)
      entries.push(next)
      offsets.push(++lastOffset)
    }
  }

  return {
    makeRoom,
    append,
    restore(given, nowMs) {
      const news = given.filter((entry) => {
        const known = entryOf[entry.kind].get(entry.id)
        return entry.untilMs > nowMs && (known === undefined || mergeRevocations(known, entry) !== known)
      })
      makeRoom(news, nowMs)
      append(news)
    },
    pull(after, limit, nowMs) {
      const offset = after?.generation === generation ? Number(after.offset) : Number.NaN
      const whole = !(offset >= 0 && offset <= lastOffset)
      const found: RevocationEntry[] = []
      let index = whole ? 0 : firstAfter(offsets, offset)
      let end = whole ? 0 : offset
      for (; index < entries.length && found.length < limit; index++) {
        const entry = entries[index]
        if (entry === undefined) break
        end = offsets[index] ?? end
        if (entry.untilMs > nowMs && isLast(entry)) found.push(entry)
      }
      const more = index < entries.length
      return { position: { generation, offset: String(more ? end : lastOffset) }, entries: found, more, whole }
    },
    clear() {
      for (const known of Object.values(entryOf)) known.clear()
      entries = []
      offsets = []
      size = 0
    },
  }
}

function firstAfter(offsets: readonly number[], offset: number): number {
  let low = 0
  let high = offsets.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((offsets[middle] ?? offset) <= offset) low = middle + 1
    else high = middle
  }
  return low
}
