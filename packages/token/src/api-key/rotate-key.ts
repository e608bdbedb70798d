import type { KeyObject } from 'node:crypto'
import { type Clock, checkBoolean, checkInteger, checkKeys, MisuseError } from '@countersign/core'
import { createKeyMaker, DEFAULT_MAX_AGE_SECONDS, DEFAULT_PREFIX, SYSTEM_CLOCK } from './create-key.js'
import type { IssuedApiKey } from './issued-key.js'
import { type ApiKeyRecord, readKeyRecord } from './record.js'

/** How a key gives its place to a new one. */
export interface RotateApiKeyOptions {
  /** As for the old key. */
  readonly hashKey: Uint8Array | KeyObject
  /** Of the new key. Default `'csk'`. */
  readonly prefix?: string
  /** Lifetime of the new key, from 60 seconds to 366 days. Default 90 days. */
  readonly maxAgeSeconds?: number
  /** How long the old key goes on working, 0 to 30 days. Default 7 days. */
  readonly overlapSeconds?: number
  /** A key younger than this is not rotated: something runs in a loop. 0 to 90 days. Default 1 day. */
  readonly minIntervalSeconds?: number
  /** The old key may be in the wrong hands: `minIntervalSeconds` does not hold, and `emergencyOverlapSeconds` takes the place of the overlap. Default `false`. */
  readonly emergency?: boolean
  /** 0 to 1 day; 0: the old key ends at once. Default 1 hour. */
  readonly emergencyOverlapSeconds?: number
  /** How many keys before it the new record names, 0 to 100. Default 5. */
  readonly history?: number
  /** Default: the system's. */
  readonly clock?: Clock
}

/**
 * What became of a rotation. What was not rotated is as it was: the old key stays valid. `too-soon`: not before `notBeforeMs`. `replaced`: a
 * newer key has taken its place already, which is the one to rotate. `revoked`: nothing is to follow it; make a new key.
 */
export type ApiKeyRotation =
  | { readonly rotated: true; readonly issued: IssuedApiKey; readonly retired: ApiKeyRecord }
  | { readonly rotated: false; readonly reason: 'too-soon'; readonly notBeforeMs: number }
  | { readonly rotated: false; readonly reason: 'replaced' | 'revoked' }

const KEYS = [
  'hashKey',
  'prefix',
  'maxAgeSeconds',
  'overlapSeconds',
  'minIntervalSeconds',
  'emergency',
  'emergencyOverlapSeconds',
  'history',
  'clock',
]
const HOUR_SECONDS = 3600
const DAY_SECONDS = 24 * HOUR_SECONDS
const DEFAULT_HISTORY = 5

/**
 * Makes the key that follows another: the same owner and scopes, another id and secret. Both work until the overlap ends. Changes nothing by
 * itself: keep both records in one step, the new one and the `retired` one in place of the old.
 * @example
 * const rotation = rotateApiKey(record, { hashKey })
 * if (rotation.rotated) await keep([rotation.issued.record, rotation.retired])
 * @throws {MisuseError} for a wrong option, or a record that is none.
 */
export function rotateApiKey(record: ApiKeyRecord, options: RotateApiKeyOptions): ApiKeyRotation {
  const given: unknown = options
  checkKeys('', given, KEYS)
  const old = readKeyRecord(record)
  if (typeof old === 'string') throw new MisuseError('ERR_OPTION_INVALID', 'record', `is no record of a key: ${old}`)
  const clock = options.clock ?? SYSTEM_CLOCK
  const emergency = checkBoolean('emergency', options.emergency ?? false)
  const overlap = checkInteger('overlapSeconds', options.overlapSeconds ?? 7 * DAY_SECONDS, 0, 30 * DAY_SECONDS)
  const shortOverlap = checkInteger('emergencyOverlapSeconds', options.emergencyOverlapSeconds ?? HOUR_SECONDS, 0, DAY_SECONDS)
  const intervalMs = 1000 * checkInteger('minIntervalSeconds', options.minIntervalSeconds ?? DAY_SECONDS, 0, 90 * DAY_SECONDS)
  const history = checkInteger('history', options.history ?? DEFAULT_HISTORY, 0, 100)
  const maker = createKeyMaker({
    hashKey: options.hashKey,
    prefix: options.prefix ?? DEFAULT_PREFIX,
    maxAgeSeconds: ['maxAgeSeconds', options.maxAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS],
    clock,
  })

  if (old.status === 'revoked') return { rotated: false, reason: 'revoked' }
  if (old.replacedBy !== null) return { rotated: false, reason: 'replaced' }
  const nowMs = clock.nowMs()
  const notBeforeMs = old.createdAtMs + intervalMs
  if (!emergency && nowMs < notBeforeMs) return { rotated: false, reason: 'too-soon', notBeforeMs }

  const replaced = { id: old.id, createdAtMs: old.createdAtMs, replacedAtMs: nowMs }
  const issued = maker.make(old.owner, old.scopes, [replaced, ...old.history].slice(0, history))
  const endMs = nowMs + 1000 * (emergency ? shortOverlap : overlap)
  const retired = Object.freeze({ ...old, expiresAtMs: Math.min(old.expiresAtMs, endMs), replacedBy: issued.record.id })
  return { rotated: true, issued, retired }
}
