import { checkInteger, type EventOutbox, type StateEvent } from '@countersign/core'
import { readEvent } from './event-record.js'
import { ACKNOWLEDGE, TAKE } from './outbox-scripts.js'
import { runScript, textOf } from './run-script.js'
import { unlessTampered } from './seal.js'
import type { StoreParts } from './store-parts.js'

const MAX_TAKEN = 10_000
const MAX_LEASE_MS = 3_600_000
/** Of looks into the outbox at once, each for what was in the place of events that were tampered with. */
const MAX_LOOKS = 10
/** Of ids in one command to the server. */
const ACKNOWLEDGED_AT_ONCE = 1_000

export function createOutbox({ connection, keys, sealer }: StoreParts): EventOutbox {
  const scripted = [keys.events, keys.waiting, keys.taken] as const
  async function acknowledge(ids: readonly string[]): Promise<void> {
    for (let i = 0; i < ids.length; i += ACKNOWLEDGED_AT_ONCE)
      await runScript(connection, ACKNOWLEDGE, scripted, ids.slice(i, i + ACKNOWLEDGED_AT_ONCE))
  }

  return {
    async take(count, leaseMs) {
      checkInteger('count', count, 1, MAX_TAKEN)
      checkInteger('leaseMs', leaseMs, 1, MAX_LEASE_MS)
      const events: StateEvent[] = []
      // Fewer than were asked for means that there are no more.
      for (let look = 0; look < MAX_LOOKS && events.length < count; look++) {
        const answer = await runScript(connection, TAKE, scripted, [count - events.length, leaseMs])
        const tampered: string[] = []
        for (let at = 0; at < answer.length; at += 2) {
          const id = textOf(answer[at])
          const text = textOf(answer[at + 1])
          const event = unlessTampered(() => readEvent(sealer, id, text.slice(text.indexOf('.') + 1)))
          if (event === null) tampered.push(id)
          else events.push(event)
        }
        if (tampered.length === 0) break
        // Told of already, and of no use to anybody: left there it would stand in the way of those behind it.
        await acknowledge(tampered)
      }
      return events
    },
    acknowledge,
  }
}
