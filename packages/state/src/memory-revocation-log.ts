import {
  createRounds,
  mergeRevocations,
  type RevocationEntry,
  type RevocationKind,
  type RevocationPage,
  type RevocationPosition,
  StateError,
  VISITS_AN_ADDITION,
  VISITS_WHEN_FULL,
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

/** Offsets that are kept together. When none of their entries is left, nothing is. */
const SEGMENT = 1024

export function createMemoryRevocationLog(generation: string, maxEntries: number): MemoryRevocationLog {
  const offsetOf: Readonly<Record<RevocationKind, Map<string, number>>> = {
    token: new Map(),
    service: new Map(),
    key: new Map(),
    session: new Map(),
    certificate: new Map(),
  }
  // By the number of the segment and by offset, both in their order. What was superseded or has run out is not there.
  const segments = new Map<number, Map<number, RevocationEntry>>()
  const walk = createRounds(all)
  let size = 0
  let lastOffset = 0

  function* all(): Generator<readonly [offset: number, entry: RevocationEntry]> {
    for (const segment of segments.values()) yield* segment
  }

  function* after(offset: number): Generator<readonly [offset: number, entry: RevocationEntry]> {
    const [first = 0] = segments.keys()
    for (let number = Math.max(first, segmentOf(offset + 1)); number <= segmentOf(lastOffset); number++)
      for (const placed of segments.get(number) ?? []) if (placed[0] > offset) yield placed
  }

  function known({ kind, id }: RevocationEntry): RevocationEntry | undefined {
    const offset = offsetOf[kind].get(id)
    return offset === undefined ? undefined : segments.get(segmentOf(offset))?.get(offset)
  }

  function drop({ kind, id }: RevocationEntry): void {
    const offset = offsetOf[kind].get(id)
    if (offset === undefined) return
    const number = segmentOf(offset)
    const segment = segments.get(number)
    segment?.delete(offset)
    if (segment?.size === 0) segments.delete(number)
    offsetOf[kind].delete(id)
    size--
  }

  function add(entry: RevocationEntry): void {
    const offset = ++lastOffset
    const number = segmentOf(offset)
    const segment = segments.get(number) ?? new Map<number, RevocationEntry>()
    segments.set(number, segment.set(offset, Object.freeze({ ...entry })))
    offsetOf[entry.kind].set(entry.id, offset)
    size++
  }

  function letGo(visits: number, nowMs: number): void {
    walk(visits, ([, entry]) => {
      if (entry.untilMs <= nowMs) drop(entry)
    })
  }

  function countNew(given: readonly RevocationEntry[]): number {
    // Kinds are words of ours, without a space.
    return new Set(given.filter(({ kind, id }) => !offsetOf[kind].has(id)).map(({ kind, id }) => `${kind} ${id}`)).size
  }

  function makeRoom(given: readonly RevocationEntry[], nowMs: number): void {
    if (given.length === 0) return
    letGo(VISITS_AN_ADDITION * given.length, nowMs)
    if (size + given.length > maxEntries) letGo(VISITS_WHEN_FULL, nowMs)
    if (size + given.length > maxEntries && size + countNew(given) > maxEntries) {
      throw new StateError('full', `the store holds ${maxEntries} revocations, and forgets none before its time`)
    }
  }

  function append(given: readonly RevocationEntry[]): void {
    for (const entry of given) {
      const former = known(entry)
      drop(entry)
      add(former === undefined ? entry : mergeRevocations(former, entry))
    }
  }

  return {
    makeRoom,
    append,
    restore(given, nowMs) {
      const news = given.filter((entry) => {
        const former = known(entry)
        return entry.untilMs > nowMs && (former === undefined || mergeRevocations(former, entry) !== former)
      })
      makeRoom(news, nowMs)
      append(news)
    },
    pull(position, limit, nowMs) {
      const offset = position?.generation === generation ? Number(position.offset) : Number.NaN
      const whole = !(offset >= 0 && offset <= lastOffset)
      const found: RevocationEntry[] = []
      let end = whole ? 0 : offset
      let more = false
      for (const [at, entry] of after(end)) {
        more = found.length >= limit
        if (more) break
        end = at
        if (entry.untilMs > nowMs) found.push(entry)
      }
      return { position: { generation, offset: String(more ? end : lastOffset) }, entries: found, more, whole }
    },
    clear() {
      for (const offsets of Object.values(offsetOf)) offsets.clear()
      segments.clear()
      size = 0
    },
  }
}

function segmentOf(offset: number): number {
  return Math.floor(offset / SEGMENT)
}
