import { randomFillSync } from 'node:crypto'
import { type Refusal, refuse } from '@countersign/core'
import { askList, type Clearable, type Question, type Verdicts } from '../revocation.js'
import { keyFacts } from './key-facts.js'
import type { StoredKey } from './key-records.js'
import type { ApiKeyRules } from './options.js'
import type { ApiKeyRecord } from './record.js'

/** A key whose secret was verified, and what must still be true of it on every request. */
export interface KeyEntry extends Clearable {
  stored: StoredKey
  /** Of the records when it was last found among them. */
  epoch: number
  seenAtMs: number
  /** It is no longer among the records, or its secret is another one. */
  isGone: boolean
  /** Is this the very text that was verified? Takes as long for a near miss as for a far one. */
  isOf(text: string): boolean
}

const UNKNOWN = Object.freeze(refuse('ERR_API_KEY_UNKNOWN'))
const EXPIRED = Object.freeze(refuse('ERR_API_KEY_EXPIRED'))
const REVOKED = Object.freeze(refuse('ERR_API_KEY_REVOKED'))
const UNLISTED = Object.freeze(refuse('ERR_API_KEY_INVALID', Object.freeze({ reason: 'keys of its owner do not count here' })))

const VERDICTS: Verdicts<KeyEntry> = {
  revoked: ({ stored: { record } }) => withKey(REVOKED, record),
  unknown: (reason, cause) => refuse('ERR_API_KEYS_UNAVAILABLE', { reason }, cause),
}

/** Makes the entry of a key that was verified just now. */
export function createKeyEntry(text: string, stored: StoredKey, epoch: number, nowMs: number): KeyEntry {
  return { stored, epoch, seenAtMs: nowMs, isGone: false, clearedIn: undefined, isOf: createComparison(text) }
}

/** Judges an entry, on every request: what its record says, time, revocation. Told only to whoever has the secret. */
export function judgeKeyEntry(entry: KeyEntry, { revocation }: ApiKeyRules, nowMs: number): Refusal | null {
  const { record, isOwnerListed } = entry.stored
  if (entry.isGone) return UNKNOWN
  if (!isOwnerListed) return withKey(UNLISTED, record)
  if (record.status !== 'active') return withKey(REVOKED, record)
  // Written so that a NaN, from a clock, refuses.
  if (!(nowMs < record.expiresAtMs)) return withKey(EXPIRED, record)
  return revocation === null ? null : askList(revocation, entry, questionOf, VERDICTS)
}

/** Says in the log, and nowhere else, which key it was. Its secret was verified. */
function withKey(refusal: Refusal, record: ApiKeyRecord): Refusal {
  return { ...refusal, evidence: keyFacts(record.id, record.owner) }
}

function questionOf({ stored: { record } }: KeyEntry): Question {
  return {
    ids: [
      ['key', record.id],
      ['service', record.owner],
    ],
    issuedAtMs: record.createdAtMs,
  }
}

/** The text is not kept as it is, so that no dump of the memory shows it to whoever searches for keys. */
function createComparison(text: string): (other: string) => boolean {
  const { length } = text
  const pad = randomFillSync(new Uint8Array(length))
  const masked = Uint8Array.from(pad, (byte, at) => byte ^ text.charCodeAt(at))
  return function isOf(other) {
    if (other.length !== length) return false
    let difference = 0
    for (let at = 0; at < length; at++) difference |= other.charCodeAt(at) ^ (pad[at] ?? 0) ^ (masked[at] ?? 0)
    return difference === 0
  }
}
