import { checkKeys } from '@countersign/core'
import type { SessionRecord, SessionStatus } from './session-record.js'
import { bounded } from './session-request.js'
import type { SessionUse } from './sessions.js'

const MAX_PLACE = 256

/** Only what the session was begun with is compared: a place that was never known cannot be another one. */
export function strangeness(record: SessionRecord, use: SessionUse): 'device' | 'location' | null {
  if (record.device !== null && use.device !== record.device) return 'device'
  return record.location !== null && use.location !== record.location ? 'location' : null
}

/** @throws {MisuseError} */
export function checkUse(option: string, use: unknown): void {
  checkKeys(option, use, ['device', 'location'])
  for (const key of ['device', 'location']) {
    if (use[key] !== undefined && use[key] !== null) bounded(`${option}.${key}`, use[key], MAX_PLACE)
  }
}

/** What is written down of a session that has come to a status. */
export const SESSION_MESSAGES: Readonly<Record<SessionStatus, string>> = {
  ACTIVE: 'A session counts again',
  EXPIRED: 'A session has run out',
  REVOKED: 'A session was revoked',
  LOCKED: 'A session was locked',
  SUSPICIOUS: 'A session was used from another device or place',
}
