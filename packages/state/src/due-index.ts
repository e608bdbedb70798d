/** Finds what has run out without looking at the rest: keys by the second in which they end. */
export interface DueIndex {
  add(key: string, untilMs: number): void
  /** @param untilMs as it was added with. */
  remove(key: string, untilMs: number): void
  /** Takes out the keys of every second that is over. */
  take(nowMs: number): readonly string[]
}

export function createDueIndex(): DueIndex {
  const keysOf = new Map<number, Set<string>>()
  let firstSecond = Number.POSITIVE_INFINITY

  return {
    add(key, untilMs) {
      const second = Math.ceil(untilMs / 1000)
      const keys = keysOf.get(second)
      if (keys === undefined) keysOf.set(second, new Set([key]))
      else keys.add(key)
      if (second < firstSecond) firstSecond = second
    },
    remove(key, untilMs) {
      const second = Math.ceil(untilMs / 1000)
      const keys = keysOf.get(second)
      if (keys?.delete(key) === true && keys.size === 0) keysOf.delete(second)
    },
    take(nowMs) {
      if (!(firstSecond * 1000 <= nowMs)) return NOTHING
      const due: string[] = []
      firstSecond = Number.POSITIVE_INFINITY
      for (const [second, keys] of keysOf) {
        if (second * 1000 <= nowMs) {
          for (const key of keys) due.push(key)
          keysOf.delete(second)
        } else if (second < firstSecond) firstSecond = second
      }
      return due
    },
  }
}

const NOTHING: readonly string[] = Object.freeze([])
