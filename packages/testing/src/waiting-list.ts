/** A list that can be waited on. */
export interface WaitingList<T> {
  readonly items: readonly T[]
  add(item: T): void
  /**
   * The first item that matches, of those there are or else of those to come.
   * @param timeoutMs Default 10,000; after that it rejects.
   */
  waitFor(matches: (item: T) => boolean, timeoutMs?: number): Promise<T>
  clear(): void
}

const DEFAULT_TIMEOUT_MS = 10_000

/** @param noun what an item is called in the error of a wait that was in vain. */
export function createWaitingList<T>(noun: string): WaitingList<T> {
  const items: T[] = []
  const waiting = new Set<(item: T) => void>()
  return {
    items,
    add(item) {
      items.push(item)
      for (const offer of waiting) offer(item)
    },
    waitFor(matches, timeoutMs = DEFAULT_TIMEOUT_MS) {
      const there = items.find(matches)
      if (there !== undefined) return Promise.resolve(there)
      return new Promise((resolve, reject) => {
        // It also keeps the process alive: what is waited for may be announced by a timer that does not.
        const timer = setTimeout(() => {
          waiting.delete(offer)
          reject(new Error(`no such ${noun} in ${timeoutMs} ms, of ${items.length} that came`))
        }, timeoutMs)
        function offer(item: T): void {
          if (!matches(item)) return
          waiting.delete(offer)
          clearTimeout(timer)
          resolve(item)
        }
        waiting.add(offer)
      })
    },
    clear() {
      items.length = 0
    },
  }
}
