import { type RevocationEntry, type RevocationPage, type RevocationPosition, StateError } from '@countersign/core'
import { mergeEntries } from './merge-entries.js'

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

interface Line {
  readonly offset: number
  readonly entry: RevocationEntry
}

// Looked through when it has doubled since: so each line is looked at a constant number of times.
const FIRST_SWEEP = 1024

export function createMemoryRevocationLog(generation: string, maxEntries: number): MemoryRevocationLog {
  const lineOf = new Map<string, Line>()
  // In the order of their offsets; a line that is no longer its entry's has been superseded.
  let lines: Line[] = []
  let lastOffset = 0
  let sweepAt = FIRST_SWEEP

  function sweep(nowMs: number): void {
    lines = lines.filter((line) => {
      const key = keyOf(line.entry)
      if (lineOf.get(key) !== line) return false
      if (line.entry.untilMs > nowMs) return true
      lineOf.delete(key)
      return false
    })
    sweepAt = Math.max(FIRST_SWEEP, 2 * lines.length)
  }

  function countNew(entries: readonly RevocationEntry[]): number {
    return new Set(entries.map(keyOf).filter((key) => !lineOf.has(key))).size
  }

  function makeRoom(entries: readonly RevocationEntry[], nowMs: number): void {
    if (entries.length === 0) return
    if (lines.length + entries.length > sweepAt || lineOf.size + entries.length > maxEntries) sweep(nowMs)
    if (lineOf.size + countNew(entries) > maxEntries) {
      throw new StateError('full', `the store holds ${maxEntries} revocations, and forgets none before its time`)
    }
  }

  function append(entries: readonly RevocationEntry[]): void {
    for (const entry of entries) {
      const key = keyOf(entry)
      const known = lineOf.get(key)
      const line = { offset: ++lastOffset, entry: known === undefined ? Object.freeze({ ...entry }) : mergeEntries(known.entry, entry) }
      lineOf.set(key, line)
      lines.push(line)
    }
  }

  return {
    makeRoom,
    append,
    restore(entries, nowMs) {
      const news = entries.filter((entry) => {
        const known = lineOf.get(keyOf(entry))?.entry
        return entry.untilMs > nowMs && (known === undefined || mergeEntries(known, entry) !== known)
      })
      makeRoom(news, nowMs)
      append(news)
    },
    pull(after, limit, nowMs) {
      const offset = after?.generation === generation ? Number(after.offset) : Number.NaN
      const whole = !(offset >= 0 && offset <= lastOffset)
      const entries: RevocationEntry[] = []
      let index = whole ? 0 : firstAfter(lines, offset)
      let end = whole ? 0 : offset
      for (; index < lines.length && entries.length < limit; index++) {
        const line = lines[index]
        if (line === undefined) break
        end = line.offset
        if (line.entry.untilMs > nowMs && lineOf.get(keyOf(line.entry)) === line) entries.push(line.entry)
      }
      const more = index < lines.length
      return { position: { generation, offset: String(more ? end : lastOffset) }, entries, more, whole }
    },
    clear() {
      lineOf.clear()
      lines = []
    },
  }
}

// Kinds are words of ours, without a space.
function keyOf({ kind, id }: RevocationEntry): string {
  return `${kind} ${id}`
}

function firstAfter(lines: readonly Line[], offset: number): number {
  let low = 0
  let high = lines.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((lines[middle]?.offset ?? offset) <= offset) low = middle + 1
    else high = middle
  }
  return low
}
