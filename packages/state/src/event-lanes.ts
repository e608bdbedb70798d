import type { StateEvent } from '@countersign/core'
import { backOffMs } from './back-off.js'

/** Events in lanes: within one, the next is offered once the one before it was taken. */
export interface EventLanes {
  /** Events that wait in a lane. */
  readonly size: number
  add(lane: string, event: StateEvent): void
  /** Resolves once every lane is empty, or waits for its next attempt. */
  settled(): Promise<void>
  /** Begins nothing more, and resolves once what had begun has ended. */
  close(): Promise<void>
}

interface Lane {
  readonly events: StateEvent[]
  /** Failures of the first event. */
  failures: number
  /** It is being offered, or waits for that. */
  offering: Promise<void> | null
  timer: NodeJS.Timeout | undefined
}

/**
 * @param offer `false`: the event was not taken. Never rejects.
 * @param giveUp says whether, after so many failures, the lane goes on without it.
 */
export function createEventLanes(
  offer: (event: StateEvent) => Promise<boolean>,
  giveUp: (event: StateEvent, failures: number) => boolean,
  random: () => number,
): EventLanes {
  const lanes = new Map<string, Lane>()
  let size = 0
  let isClosed = false

  function start(name: string, lane: Lane): void {
    lane.timer = undefined
    lane.offering = offerAll(lane).finally(() => {
      lane.offering = null
      if (lane.events.length === 0) lanes.delete(name)
      else if (!isClosed) lane.timer = setTimeout(start, backOffMs(lane.failures, random()), name, lane).unref()
    })
  }

  /** Ends with the lane: empty, or failed. */
  async function offerAll(lane: Lane): Promise<void> {
    for (let event = lane.events[0]; event !== undefined && !isClosed; event = lane.events[0]) {
      const isTaken = await offer(event)
      if (!isTaken && !giveUp(event, ++lane.failures)) return
      lane.events.shift()
      lane.failures = 0
      size--
    }
  }

  async function settled(): Promise<void> {
    await Promise.all(Array.from(lanes.values(), ({ offering }) => offering))
  }

  return {
    get size() {
      return size
    },
    add(name, event) {
      const lane = lanes.get(name) ?? { events: [], failures: 0, offering: null, timer: undefined }
      lanes.set(name, lane)
      lane.events.push(event)
      size++
      if (lane.offering === null && lane.timer === undefined && !isClosed) start(name, lane)
    },
    settled,
    async close() {
      isClosed = true
      for (const { timer } of lanes.values()) clearTimeout(timer)
      await settled()
    },
  }
}
