import type { Clock, Labels, Meter, Recorder, SecurityEvent, StateEvent } from '@countersign/core'

/** A clock that stands still, and what was recorded and counted. */
export interface Surroundings {
  nowMs: number
  readonly clock: Clock
  readonly recorder: Recorder
  readonly meter: Meter
  readonly events: SecurityEvent[]
  /** The points of an instrument, in order. */
  points(name: string): readonly { readonly value: number; readonly labels: Labels }[]
}

export const NOW_MS = Date.UTC(2026, 0, 1)

export function createSurroundings(): Surroundings {
  const events: SecurityEvent[] = []
  const points: { readonly name: string; readonly value: number; readonly labels: Labels }[] = []
  const instrument =
    (name: string) =>
    (value: number, labels: Labels = {}) =>
      void points.push({ name, value, labels })
  const surroundings: Surroundings = {
    nowMs: NOW_MS,
    clock: { nowMs: () => surroundings.nowMs },
    events,
    points: (name) => points.filter((point) => point.name === name).map(({ value, labels }) => ({ value, labels })),
    recorder: {
      wants: () => true,
      record: (event) => events.push(event) > 0,
      async close() {},
    },
    meter: {
      createCounter: (name) => ({ add: instrument(name) }),
      createHistogram: (name) => ({ record: instrument(name) }),
      createGauge: (name) => ({ record: instrument(name) }),
    },
  }
  return surroundings
}

export function event(id: string, topic = 'auth.token.revoked'): StateEvent {
  return { id, topic, payload: `{"id":"${id}"}`, atMs: NOW_MS }
}

/** Lets everything go on that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
