import { randomUUID } from 'node:crypto'
import {
  type Clock,
  checkInteger,
  checkKeys,
  checkRevocationEntries,
  checkStateChange,
  checkStateKeys,
  checkStateText,
  createMemoryReplayStore,
  StateError,
  type StateStore,
} from '@countersign/core'
import { createMemoryOutbox } from './memory-outbox.js'
import { createMemoryRecords } from './memory-records.js'
import { createMemoryRevocationLog } from './memory-revocation-log.js'

export interface MemoryStateStoreOptions {
  /** Default: the real time. */
  readonly clock?: Clock
  /** Records at once; beyond it a change is refused as `full`, and nothing is evicted. Default 1,000,000. */
  readonly maxRecords?: number
  /** Ids that were claimed; beyond it nothing can be claimed. Default 1,000,000, about 100 MB. */
  readonly maxReplayEntries?: number
  /** Revocations that are alive; beyond it nothing can be revoked. Default 2,000,000. */
  readonly maxRevocations?: number
  /** Events that nobody has delivered yet; beyond it a change that tells of one is refused. Default 100,000. */
  readonly maxEvents?: number
  /**
   * What was issued before this moment is not judged by this store, since what was revoked of it is gone with the process that knew.
   * Set it to the start of the process where keys outlive it, such as those of a file: what was issued before is refused then, as not
   * known. Epoch milliseconds. Default: all of time, as is right where the keys die with the process.
   */
  readonly completeSinceMs?: number
}

const DEFAULT_MAX_RECORDS = 1_000_000
const DEFAULT_MAX_REPLAY_ENTRIES = 1_000_000
const DEFAULT_MAX_REVOCATIONS = 2_000_000
const DEFAULT_MAX_EVENTS = 100_000
/** A Map holds no more than 2^24 entries. */
const MAX_ENTRIES = 16_000_000
/** What is pulled at once. */
const MAX_PAGE = 10_000
const MAX_TAKEN = 10_000
const MAX_LEASE_MS = 3_600_000

/**
 * Makes a state store in this process's memory: for one process, and gone with it. Several processes share one of `@countersign/redis`.
 *
 * @throws {MisuseError} `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`.
 * @example
 * ```ts
 * const store = createMemoryStateStore()
 * await store.commit({ put: [{ key: 'session:1', value: '{}', untilMs: Date.now() + 60_000 }] })
 * ```
 */
export function createMemoryStateStore(options: MemoryStateStoreOptions = {}): StateStore {
  const {
    clock = { nowMs: Date.now },
    maxRecords = DEFAULT_MAX_RECORDS,
    maxReplayEntries = DEFAULT_MAX_REPLAY_ENTRIES,
    maxRevocations = DEFAULT_MAX_REVOCATIONS,
    maxEvents = DEFAULT_MAX_EVENTS,
  } = options
  let completeSinceMs = options.completeSinceMs ?? Number.NEGATIVE_INFINITY
  checkKeys('', options, ['clock', 'maxRecords', 'maxReplayEntries', 'maxRevocations', 'maxEvents', 'completeSinceMs'])
  if (completeSinceMs !== Number.NEGATIVE_INFINITY) checkInteger('completeSinceMs', completeSinceMs, 0, Number.MAX_SAFE_INTEGER)
  const records = createMemoryRecords(checkInteger('maxRecords', maxRecords, 1, MAX_ENTRIES))
  const claims = createMemoryReplayStore({ clock, maxEntries: checkInteger('maxReplayEntries', maxReplayEntries, 1, MAX_ENTRIES) })
  const log = createMemoryRevocationLog(randomUUID(), checkInteger('maxRevocations', maxRevocations, 1, MAX_ENTRIES))
  const outbox = createMemoryOutbox(checkInteger('maxEvents', maxEvents, 1, MAX_ENTRIES))
  const wakers = new Set<() => void>()
  let isClosed = false

  function checkOpen(): void {
    if (isClosed) throw new StateError('closed', 'the store is closed')
  }

  function wakeAll(): void {
    for (const wake of wakers) queueMicrotask(() => wakers.has(wake) && wake())
  }

  // Each method does all its work before it first waits: that makes it one step.
  return {
    async claim(id, untilMs) {
      checkStateText('id', id)
      checkOpen()
      return claims.claim(id, untilMs)
    },
    async read(keys) {
      checkStateKeys(keys)
      checkOpen()
      const nowMs = clock.nowMs()
      return keys.map((key) => records.find(key, nowMs))
    },
    async commit(change) {
      checkStateChange(change)
      checkOpen()
      const { expect = [], put = [], remove = [], revoke = [], emit = [] } = change
      const nowMs = clock.nowMs()
      if (!records.isExpected(expect, nowMs)) return false
      records.makeRoom(put, remove, nowMs)
      log.makeRoom(revoke, nowMs)
      outbox.makeRoom(emit)
      records.apply(put, remove)
      log.append(revoke)
      outbox.append(emit)
      if (revoke.length > 0) wakeAll()
      return true
    },
    revocations: {
      async pull(after, limit) {
        checkInteger('limit', limit, 1, MAX_PAGE)
        checkOpen()
        const storeNowMs = clock.nowMs()
        return { ...log.pull(after, limit, storeNowMs), completeSinceMs, storeNowMs }
      },
      async restore(entries, complete) {
        checkRevocationEntries('entries', entries)
        checkOpen()
        log.restore(entries, clock.nowMs())
        if (complete) completeSinceMs = Number.NEGATIVE_INFINITY
        wakeAll()
      },
      onAppend(wake) {
        // A function of our own each time: the same one may be handed in twice.
        const waker = (): void => wake()
        wakers.add(waker)
        return () => wakers.delete(waker)
      },
    },
    outbox: {
      async take(count, leaseMs) {
        checkInteger('count', count, 1, MAX_TAKEN)
        checkInteger('leaseMs', leaseMs, 1, MAX_LEASE_MS)
        checkOpen()
        return outbox.take(count, leaseMs, clock.nowMs())
      },
      async acknowledge(ids) {
        checkOpen()
        outbox.acknowledge(ids)
      },
    },
    async ready() {
      checkOpen()
    },
    async close() {
      isClosed = true
      wakers.clear()
      records.clear()
      log.clear()
      outbox.clear()
    },
  }
}
