import { inTime } from '@countersign/core'

/** What one caller waits for. */
export interface Waiting {
  readonly size: number
  add(pending: Promise<unknown>, timeoutMs: number): void
  /** All of it has come, or the shortest time is over. */
  settled(): Promise<void>
}

export function createWaiting(): Waiting {
  const pending = new Set<Promise<unknown>>()
  let waitMs = Number.POSITIVE_INFINITY
  return {
    get size() {
      return pending.size
    },
    add(one, timeoutMs) {
      pending.add(one)
      waitMs = Math.min(waitMs, timeoutMs)
    },
    async settled() {
      await inTime(Promise.allSettled(pending), waitMs, () => {})
    },
  }
}
