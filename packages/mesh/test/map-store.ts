import type { StateChange, StateRecord, StateStore } from '@countersign/core'

/** Records of a {@link StateStore} in a map, as several processes would share them, and what a test does to them. */
export interface MapStore extends Pick<StateStore, 'read' | 'commit'> {
  readonly records: Map<string, StateRecord>
  readonly counts: { reads: number; commits: number }
  /** `null`: works. */
  fault: Error | null
}

/** Makes an empty store. */
export function createMapStore(): MapStore {
  const records = new Map<string, StateRecord>()
  let versions = 0
  const store: MapStore = {
    records,
    counts: { reads: 0, commits: 0 },
    fault: null,
    async read(keys) {
      store.counts.reads++
      if (store.fault !== null) throw store.fault
      return keys.map((key) => records.get(key) ?? null)
    },
    async commit({ expect = [], put = [], remove = [] }: StateChange) {
      store.counts.commits++
      if (store.fault !== null) throw store.fault
      if (expect.some(([key, version]) => (records.get(key)?.version ?? null) !== version)) return false
      for (const { key, value } of put) records.set(key, { value, version: ++versions })
      for (const key of remove) records.delete(key)
      return true
    },
  }
  return store
}
