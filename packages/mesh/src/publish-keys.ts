import { type StateChange, StateError, type StateStore, type StateWrite } from '@countersign/core'
import type { KeyRing } from '@countersign/issuer'
import {
  decodeKeyIndex,
  decodePublishedKey,
  encodeKeyIndex,
  encodePublishedKey,
  type IndexedKey,
  KEY_INDEX,
  type KeyIndex,
  keyRecordName,
  MAX_KEYS,
} from './key-records.js'

/** Whose keys are published, and where. */
export interface Publishing {
  readonly store: Pick<StateStore, 'read' | 'commit'>
  readonly ring: KeyRing
  readonly processId: string
  nowMs(): number
  /** Until when it makes sense to try again. */
  readonly signal: AbortSignal
}

/** Processes that publish at once each try again until theirs is in. */
const MAX_ATTEMPTS = 25
const RETRY_MS = 20
/** In lifetimes of a token: a key that may sign must outlive what it signs now. It is renewed before only half of the rest is left. */
const LEASE = 2
const RENEWED_BEFORE = 1.5

/**
 * Publishes what the ring holds, where the store does not have it, or not for long enough; and what it holds no more since it is not safe.
 * A record that holds anything but the same key is never overwritten.
 * @returns the list of all keys as it is then.
 * @throws {StateError}
 */
export async function publishKeys(publishing: Publishing): Promise<KeyIndex> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS && !publishing.signal.aborted; attempt++) {
    const { index, version } = await readKeyIndex(publishing.store)
    const made = await changeOf(publishing, index, version)
    if (made === null) return index
    if (await publishing.store.commit(made.change)) return made.index
    await pause(RETRY_MS * attempt * Math.random())
  }
  throw new StateError(publishing.signal.aborted ? 'closed' : 'timeout', 'The list of keys could not be changed')
}

/** @throws {StateError} `tampered` for a list that is none. */
export async function readKeyIndex(
  store: Pick<StateStore, 'read'>,
): Promise<{ readonly index: KeyIndex; readonly version: number | null }> {
  const [record = null] = await store.read([KEY_INDEX])
  if (record === null) return { index: new Map(), version: null }
  const index = decodeKeyIndex(record.value)
  if (index === null) throw new StateError('tampered', 'The list of keys cannot be read')
  return { index, version: record.version }
}

/** `null`: everything is as it should be. */
async function changeOf(
  { store, ring, processId, nowMs }: Publishing,
  listed: KeyIndex,
  version: number | null,
): Promise<{ readonly index: KeyIndex; readonly change: StateChange } | null> {
  const now = nowMs()
  const overlapMs = ring.overlapSeconds * 1000
  const index = new Map<string, IndexedKey>([...listed].filter(([, { untilMs }]) => untilMs > now))
  const expect: (readonly [string, number | null])[] = [[KEY_INDEX, version]]
  const put: StateWrite[] = []
  // Whoever withdraws a key does so for everybody who has it.
  const own = ring.versions().filter(({ jwk }) => listed.get(jwk.kid)?.withdrawn !== true)
  const records = await store.read(own.map(({ jwk }) => keyRecordName(jwk.kid)))
  for (const [at, { jwk, untilMs }] of own.entries()) {
    const record = records[at] ?? null
    const listedUntilMs = index.get(jwk.kid)?.untilMs ?? 0
    if (record !== null && listedUntilMs >= (untilMs ?? now + RENEWED_BEFORE * overlapMs)) continue
    const published = record === null ? null : decodePublishedKey(record.value, jwk.kid)
    if (typeof published === 'string') throw new StateError('tampered', 'Something else stands where a key of ours should')
    const goodUntilMs = Math.max(listedUntilMs, untilMs ?? now + LEASE * overlapMs)
    const name = keyRecordName(jwk.kid)
    expect.push([name, record?.version ?? null])
    put.push({ key: name, value: encodePublishedKey(jwk, published?.owner ?? processId), untilMs: goodUntilMs })
    index.set(jwk.kid, { untilMs: goodUntilMs, withdrawn: false })
  }
  const unsafe = ring.withdrawn.filter((kid) => index.get(kid)?.withdrawn === false)
  for (const kid of unsafe) index.set(kid, { untilMs: index.get(kid)?.untilMs ?? now, withdrawn: true })
  if (put.length === 0 && unsafe.length === 0) return null
  if (index.size > MAX_KEYS) throw new StateError('full', 'The list of keys is full')
  put.push({ key: KEY_INDEX, value: encodeKeyIndex(index), untilMs: Math.max(...[...index.values()].map(({ untilMs }) => untilMs)) })
  return { index, change: { expect, put } }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
