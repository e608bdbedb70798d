import type { Recorder } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import type { ApiKeyRecord } from './record.js'

const DAY_MS = 86_400_000
/** One that was evicted is told of again. */
const MAX_TOLD = 10_000

/** Writes down, once a key, that a key in use ends soon. */
export function createExpiryNotice(noticeMs: number, recorder: Recorder): (record: ApiKeyRecord, nowMs: number) => void {
  const told = new LRUCache<string, number>({ max: MAX_TOLD })
  return function notice({ id, owner, expiresAtMs, replacedBy }, nowMs) {
    if (expiresAtMs - nowMs > noticeMs || noticeMs === 0 || told.get(id) === expiresAtMs) return
    told.set(id, expiresAtMs)
    if (!recorder.wants('credential.expiring')) return
    recorder.record({
      kind: 'credential.expiring',
      severity: 'warn',
      message:
        replacedBy === null
          ? 'An API key in use ends soon: rotate it'
          : 'An API key in use ends soon, and its owner has a newer one already',
      facts: {
        keyId: id,
        owner,
        expiresAt: new Date(expiresAtMs).toISOString(),
        daysLeft: Math.floor((expiresAtMs - nowMs) / DAY_MS),
        replacedBy,
      },
    })
  }
}
