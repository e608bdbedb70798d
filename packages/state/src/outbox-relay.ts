import { inTime, quietly, type StateEvent, stateReasonOf, storeIsLate } from '@countersign/core'
import { createEventLanes } from './event-lanes.js'
import { checkOutboxRelayOptions, type OutboxRelayOptions } from './outbox-relay-options.js'

/** Takes events out of the outbox to a sink. */
export interface OutboxRelay {
  /** Events that were taken, and neither delivered nor parked yet. */
  readonly held: number
  /**
   * Looks into the outbox now. Resolves once every event that waited in it has been offered to the sink, and what was delivered is out
   * of it. Never rejects: what was not delivered is offered again.
   */
  flush(): Promise<void>
  /** Lets the deliveries that are under way end, in no more than `timeoutMs`. What is left stays in the outbox for the next relay. */
  close(): Promise<void>
}

/** Batches that are held at once: what a sink does not take need not be in memory. */
const MAX_BATCHES = 10
/** Parked events that are remembered as such; one that is forgotten is offered like a new one. */
const MAX_PARKED = 10_000

/**
 * Makes a relay: at least once, and one after the other within a topic, as long as one relay takes them. With several on one outbox, a
 * topic keeps its order but where the lease of one has lapsed. An event that the sink does not take is offered again, later each time, and
 * the events of its topic wait for it; after `maxAttempts` it is parked: written down, left in the outbox, and offered again once every
 * lease, while the others go on.
 *
 * @throws {MisuseError} `ERR_OPTION_…`.
 * @example
 * ```ts
 * const relay = createOutboxRelay({ outbox: store.outbox, sink: (event) => queue.publish(event.topic, event.payload), recorder, meter })
 * ```
 */
export function createOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const { outbox, sink, recorder, meter, batch, pollMs, leaseMs, timeoutMs, maxAttempts, random } = checkOutboxRelayOptions(options)
  const delivered = meter.createCounter('outbox_events_delivered_total', { description: 'Events that a sink has taken' })
  const failed = meter.createCounter('outbox_delivery_failures_total', { description: 'Events that a sink did not take, by reason' })
  const storeFailures = meter.createCounter('state_store_failures_total', { description: 'What the state store did not do, by reason' })
  // Of every event that is held, or delivered and not acknowledged yet: what is handed out again meanwhile is no news.
  const known = new Set<string>()
  const parked = new Set<string>()
  const lanes = createEventLanes(offer, giveUp, random)
  let taken: string[] = []
  let taking: Promise<number> | null = null
  let acknowledging: Promise<void> | null = null
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  async function offer(event: StateEvent): Promise<boolean> {
    try {
      await inTime(sink(event), timeoutMs, storeIsLate)
    } catch (cause) {
      const reason = stateReasonOf(cause) === 'timeout' ? 'timeout' : 'error'
      quietly(() => failed.add(1, { reason }))
      return false
    }
    parked.delete(event.id)
    taken.push(event.id)
    void acknowledge()
    quietly(() => delivered.add(1))
    return true
  }

  // Not acknowledged: it is handed out again when its lease lapses, and then in a lane of its own.
  function giveUp({ id, topic }: StateEvent, failures: number): boolean {
    const isParked = parked.has(id)
    if (!isParked && failures < maxAttempts) return false
    known.delete(id)
    if (isParked) return true
    if (parked.size >= MAX_PARKED) for (const first of parked) if (parked.delete(first)) break
    parked.add(id)
    const facts = { eventId: id, topic, attempts: failures }
    quietly(() => recorder.record({ kind: 'event.parked', severity: 'error', message: PARKED, facts }))
    return true
  }

  async function acknowledgeAll(): Promise<void> {
    while (taken.length > 0) {
      const ids = taken
      taken = []
      try {
        await inTime(outbox.acknowledge(ids), timeoutMs, storeIsLate)
        for (const id of ids) known.delete(id)
      } catch (error) {
        taken = [...ids, ...taken]
        return countStoreFailure(error)
      }
    }
  }

  function acknowledge(): Promise<void> {
    acknowledging ??= acknowledgeAll().finally(() => {
      acknowledging = null
    })
    return acknowledging
  }

  /** @returns how many events were news. */
  async function takeAll(): Promise<number> {
    let news = 0
    try {
      for (let count = batch; count === batch && lanes.size < MAX_BATCHES * batch && !isClosed; ) {
        const events = await inTime(outbox.take(batch, leaseMs), timeoutMs, storeIsLate)
        count = events.length
        for (const event of events) {
          if (known.has(event.id)) continue
          known.add(event.id)
          news++
          lanes.add(parked.has(event.id) ? `parked ${event.id}` : `topic ${event.topic}`, event)
        }
      }
    } catch (error) {
      countStoreFailure(error)
    }
    return news
  }

  function take(): Promise<number> {
    taking ??= takeAll().finally(() => {
      taking = null
    })
    return taking
  }

  function countStoreFailure(error: unknown): void {
    quietly(() => storeFailures.add(1, { reason: stateReasonOf(error) }))
  }

  async function poll(): Promise<void> {
    await Promise.all([take(), acknowledge()])
    if (!isClosed) timer = setTimeout(poll, pollMs).unref()
  }
  timer = setTimeout(poll, pollMs).unref()

  return {
    get held() {
      return lanes.size
    },
    async flush() {
      // One that had begun may have looked too early.
      if (taking !== null) await taking
      let news = await take()
      do {
        await lanes.settled()
        await acknowledge()
        news = news > 0 && !isClosed ? await take() : 0
      } while (news > 0)
    },
    async close() {
      if (isClosed) return
      isClosed = true
      clearTimeout(timer)
      await lanes.close()
      await acknowledge()
    },
  }
}

const PARKED = 'An event could not be delivered; it stays in the outbox, and those behind it go on'
