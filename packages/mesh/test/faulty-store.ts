import type { Clock, StateStore } from '@countersign/core'
import { createMemoryStateStore } from '@countersign/state'

/** A store that counts, that can be made to fail, and that can lose everything. */
export interface FaultyStore extends Pick<StateStore, 'read' | 'commit'> {
  readonly counts: { reads: number; commits: number }
  /** What every request rejects with; `null`: works. */
  fault: Error | null
  /** Puts a record in, whatever was there. */
  put(key: string, value: string): Promise<void>
  valueOf(key: string): Promise<string | null>
  /** Loses everything. */
  flush(): void
}

/** Makes one over a store in memory. */
export function createFaultyStore(clock: Clock): FaultyStore {
  let inner = createMemoryStateStore({ clock })
  const store: FaultyStore = {
    counts: { reads: 0, commits: 0 },
    fault: null,
    async read(keys) {
      store.counts.reads++
      if (store.fault !== null) throw store.fault
      return inner.read(keys)
    },
    async commit(change) {
      store.counts.commits++
      if (store.fault !== null) throw store.fault
      return inner.commit(change)
    },
    async put(key, value) {
      await inner.commit({ put: [{ key, value, untilMs: clock.nowMs() + 100_000_000 }] })
    },
    async valueOf(key) {
      return (await inner.read([key]))[0]?.value ?? null
    },
    flush() {
      inner = createMemoryStateStore({ clock })
    },
  }
  return store
}
