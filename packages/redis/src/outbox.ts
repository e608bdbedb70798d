import { checkInteger, type EventOutbox } from '@countersign/core'
import type { Connection } from './connection.js'
import { readEvent } from './event-record.js'
import type { Keys } from './keys.js'
import { ACKNOWLEDGE, TAKE } from './outbox-scripts.js'
import { runScript, textOf } from './run-script.js'
import type { Sealer } from './seal.js'

const MAX_TAKEN = 10_000
const MAX_LEASE_MS = 3_600_000
/** Of ids in one command to the server. */
const ACKNOWLEDGED_AT_ONCE = 1_000

export function createOutbox(connection: Connection, keys: Keys, sealer: Sealer): EventOutbox {
  const scripted = [keys.events, keys.waiting, keys.taken] as const
  return {
    async take(count, leaseMs) {
      const answer = await runScript(connection, TAKE, scripted, [
        checkInteger('count', count, 1, MAX_TAKEN),
        checkInteger('leaseMs', leaseMs, 1, MAX_LEASE_MS),
      ])
      return answer.flatMap((value, i) => {
        const text = textOf(value)
        return i % 2 === 1 ? [readEvent(sealer, text.slice(text.indexOf('.') + 1))] : []
      })
    },
    async acknowledge(ids) {
      for (let i = 0; i < ids.length; i += ACKNOWLEDGED_AT_ONCE)
        await runScript(connection, ACKNOWLEDGE, scripted, ids.slice(i, i + ACKNOWLEDGED_AT_ONCE))
    },
  }
}
