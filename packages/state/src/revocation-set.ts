import type { RevocationEntry, RevocationKind } from '@countersign/core'
import { createIdFilter } from './id-filter.js'

/**
 * Entries by kind and id, in columns: a million of them take about 90 bytes each beside the text of the id, and finding one allocates
 * nothing.
 */
export interface RevocationSet {
  readonly size: number
  has(kind: RevocationKind, id: string, issuedAtMs: number): boolean
  /**
   * Merges an entry with what is known of its kind and id: the later moments count.
   * @returns whether it changed anything. `full`: it was not added, since none that is alive is ever dropped for it.
   */
  add(entry: RevocationEntry): 'changed' | 'known' | 'full'
  /** Looks at the next so many places for entries that have run out, and drops them. */
  prune(nowMs: number, places: number): void
  /** Up to `count` entries from a place on, and the place to go on from; `null` at the end. */
  page(place: number, count: number): { readonly entries: readonly RevocationEntry[]; readonly next: number | null }
}

const KINDS = ['token', 'service', 'key', 'session', 'certificate'] as const satisfies readonly RevocationKind[]
const FIRST_CAPACITY = 1024

export function createRevocationSet(maxEntries: number): RevocationSet {
  const placeOf: Readonly<Record<RevocationKind, Map<string, number>>> = {
    token: new Map(),
    service: new Map(),
    key: new Map(),
    session: new Map(),
    certificate: new Map(),
  }
  const ids: (string | null)[] = []
  const reasons: string[] = []
  let kinds = new Uint8Array(FIRST_CAPACITY)
  let issuedBefore = new Float64Array(FIRST_CAPACITY)
  let until = new Float64Array(FIRST_CAPACITY)
  let revokedAt = new Float64Array(FIRST_CAPACITY)
  const free: number[] = []
  let filter = createIdFilter(FIRST_CAPACITY)
  // The next one: it gets whatever is alive on one way through all places, so that those which have run out are gone from it.
  let nextFilter = createIdFilter(FIRST_CAPACITY)
  let size = 0
  let pruneFrom = 0

  function newPlace(): number {
    const place = free.pop() ?? ids.length
    if (place === until.length) {
      filter = createIdFilter(2 * place)
      for (const id of ids) if (id !== null) filter.add(id)
      startOver(2 * place)
      kinds = grown(kinds, new Uint8Array(2 * place))
      issuedBefore = grown(issuedBefore, new Float64Array(2 * place))
      until = grown(until, new Float64Array(2 * place))
      revokedAt = grown(revokedAt, new Float64Array(2 * place))
    }
    return place
  }

  function startOver(capacity: number): void {
    nextFilter = createIdFilter(capacity)
    pruneFrom = 0
  }

  function drop(place: number, id: string): void {
    const kind = KINDS[kinds[place] ?? 0]
    if (kind !== undefined) placeOf[kind].delete(id)
    ids[place] = null
    reasons[place] = ''
    free.push(place)
    size--
  }

  function entryAt(place: number): RevocationEntry | null {
    const id = ids[place]
    const kind = KINDS[kinds[place] ?? 0]
    if (id === undefined || id === null || kind === undefined) return null
    return {
      kind,
      id,
      issuedBeforeMs: issuedBefore[place] ?? Number.POSITIVE_INFINITY,
      untilMs: until[place] ?? Number.POSITIVE_INFINITY,
      revokedAtMs: revokedAt[place] ?? 0,
      reason: reasons[place] ?? '',
    }
  }

  return {
    get size() {
      return size
    },
    has(kind, id, issuedAtMs) {
      const places = placeOf[kind]
      if (places.size === 0 || !filter.mayHold(id)) return false
      const place = places.get(id)
      if (place === undefined) return false
      const beforeMs = issuedBefore[place]
      // Written so that NaN, from a caller or a store, is revoked.
      return beforeMs === Number.POSITIVE_INFINITY || !(issuedAtMs >= (beforeMs ?? Number.POSITIVE_INFINITY))
    },
    add({ kind, id, issuedBeforeMs, untilMs, revokedAtMs, reason }) {
      const known = placeOf[kind].get(id)
      if (known !== undefined) {
        const formerBeforeMs = issuedBefore[known] ?? Number.NEGATIVE_INFINITY
        const formerUntilMs = until[known] ?? Number.NEGATIVE_INFINITY
        if (issuedBeforeMs <= formerBeforeMs && untilMs <= formerUntilMs) return 'known'
        issuedBefore[known] = Math.max(formerBeforeMs, issuedBeforeMs)
        until[known] = Math.max(formerUntilMs, untilMs)
        return 'changed'
      }
      if (size >= maxEntries) return 'full'
      const place = newPlace()
      placeOf[kind].set(id, place)
      filter.add(id)
      nextFilter.add(id)
      ids[place] = id
      reasons[place] = reason
      kinds[place] = KINDS.indexOf(kind)
      issuedBefore[place] = issuedBeforeMs
      until[place] = untilMs
      revokedAt[place] = revokedAtMs
      size++
      return 'changed'
    },
    prune(nowMs, places) {
      for (let left = Math.min(places, ids.length); left > 0; left--) {
        const id = ids[pruneFrom]
        if (id !== undefined && id !== null) {
          if ((until[pruneFrom] ?? Number.POSITIVE_INFINITY) <= nowMs) drop(pruneFrom, id)
          else nextFilter.add(id)
        }
        if (++pruneFrom < ids.length) continue
        filter = nextFilter
        startOver(until.length)
      }
    },
    page(place, count) {
      const entries: RevocationEntry[] = []
      let next = place
      for (; next < ids.length && entries.length < count; next++) {
        const entry = entryAt(next)
        if (entry !== null) entries.push(entry)
      }
      return { entries, next: next < ids.length ? next : null }
    },
  }
}

function grown<Column extends Uint8Array | Float64Array>(former: Column, column: Column): Column {
  column.set(former)
  return column
}
