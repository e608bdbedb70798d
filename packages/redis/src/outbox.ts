import type { EventOutbox } from '@countersign/core'
import type { Connection } from './connection.js'
import { readEvent } from './event-record.js'
import type { Keys } from './keys.js'
import { ACKNOWLEDGE, TAKE } from './outbox-scripts.js'
import { runScript, textOf } from './run-script.js'
import type { Sealer } from './seal.js'

/** More at once would hold the server for too long. */
const MAX_TAKEN = 1_000

export function createOutbox(connection: Connection, keys: Keys, sealer: Sealer): EventOutbox {
  const scripted = [keys.events, keys.waiting, keys.taken] as const
  return {
    async take(count, leaseMs) {
      const answer = await runScript(connection, TAKE, scripted, [Math.max(0, Math.min(MAX_TAKEN, count)), Math.ceil(leaseMs)])
      return answer.flatMap((value, i) => {
        const text = textOf(value)
        return i % 2 === 1 ? [readEvent(sealer, text.slice(text.indexOf('.') + 1))] : []
      })
    },
    async acknowledge(ids) {
      for (let i = 0; i < ids.length; i += MAX_TAKEN) await runScript(connection, ACKNOWLEDGE, scripted, ids.slice(i, i + MAX_TAKEN))
    },
  }
}
