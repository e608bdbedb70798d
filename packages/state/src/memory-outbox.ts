import { StateError, type StateEvent } from '@countersign/core'

/** Events of a {@link createMemoryStateStore}, in the order in which they were committed. */
export interface MemoryOutbox {
  /** @throws {StateError} `full`, before anything is changed. */
  makeRoom(events: readonly StateEvent[]): void
  append(events: readonly StateEvent[]): void
  take(count: number, leaseMs: number, nowMs: number): readonly StateEvent[]
  acknowledge(ids: readonly string[]): void
  clear(): void
}

interface Waiting {
  readonly event: StateEvent
  /** Until then it is somebody's. Epoch milliseconds. */
  leasedUntilMs: number
}

export function createMemoryOutbox(maxEvents: number): MemoryOutbox {
  const waiting = new Map<string, Waiting>()

  return {
    makeRoom(events) {
      if (waiting.size + events.length <= maxEvents) return
      throw new StateError('full', `${maxEvents} events wait to be delivered, and no more are taken`)
    },
    append(events) {
      for (const event of events) {
        if (!waiting.has(event.id)) waiting.set(event.id, { event: Object.freeze({ ...event }), leasedUntilMs: Number.NEGATIVE_INFINITY })
      }
    },
    take(count, leaseMs, nowMs) {
      const taken: StateEvent[] = []
      for (const one of waiting.values()) {
        if (taken.length >= count) break
        if (one.leasedUntilMs > nowMs) continue
        one.leasedUntilMs = nowMs + leaseMs
        taken.push(one.event)
      }
      return taken
    },
    acknowledge(ids) {
      for (const id of ids) waiting.delete(id)
    },
    clear: () => waiting.clear(),
  }
}
