import { type StateChange, StateError, type StateRecord } from '@countersign/core'
import { createDueIndex } from './due-index.js'

/** Records of a {@link createMemoryStateStore}. */
export interface MemoryRecords {
  find(key: string, nowMs: number): StateRecord | null
  /** Is everything as it was read? */
  isExpected(expect: NonNullable<StateChange['expect']>, nowMs: number): boolean
  /** @throws {StateError} `full`, before anything is changed. */
  makeRoom(put: NonNullable<StateChange['put']>, remove: readonly string[], nowMs: number): void
  apply(put: NonNullable<StateChange['put']>, remove: readonly string[]): void
  clear(): void
}

interface Kept extends StateRecord {
  readonly untilMs: number
}

export function createMemoryRecords(maxRecords: number): MemoryRecords {
  const records = new Map<string, Kept>()
  const due = createDueIndex()
  // One counter for all keys: a key that was gone meanwhile never gets a version back that somebody still holds.
  let lastVersion = 0

  function find(key: string, nowMs: number): StateRecord | null {
    const record = records.get(key)
    return record === undefined || record.untilMs <= nowMs ? null : record
  }

  function drop(key: string): void {
    const record = records.get(key)
    if (record === undefined) return
    due.remove(key, record.untilMs)
    records.delete(key)
  }

  return {
    find(key, nowMs) {
      const record = find(key, nowMs)
      return record === null ? null : { value: record.value, version: record.version }
    },
    isExpected: (expect, nowMs) => expect.every(([key, version]) => (find(key, nowMs)?.version ?? null) === version),
    makeRoom(put, remove, nowMs) {
      for (const key of due.take(nowMs)) records.delete(key)
      let more = 0
      for (const { key } of put) if (!records.has(key)) more++
      if (more === 0 || records.size + more <= maxRecords) return
      for (const key of remove) if (records.has(key)) more--
      if (records.size + more > maxRecords) throw new StateError('full', `the store holds ${maxRecords} records, and takes no more`)
    },
    apply(put, remove) {
      for (const key of remove) drop(key)
      for (const { key, value, untilMs } of put) {
        drop(key)
        records.set(key, { value, untilMs, version: ++lastVersion })
        due.add(key, untilMs)
      }
    },
    clear: () => records.clear(),
  }
}
