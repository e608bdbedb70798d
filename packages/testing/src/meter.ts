import type { Labels, Meter } from '@countersign/core'

/** One call of an instrument. */
export interface MeterPoint {
  readonly kind: 'counter' | 'histogram' | 'gauge'
  readonly name: string
  readonly value: number
  readonly labels: Labels
}

/** A meter that remembers every point. */
export interface TestMeter extends Meter {
  readonly points: readonly MeterPoint[]
  /** The sum of a counter over the points that have all of these labels; 0 without any. */
  total(name: string, labels?: Labels): number
  /** The values in order, of the points that have all of these labels. */
  values(name: string, labels?: Labels): readonly number[]
  clear(): void
}

/** Makes a meter for the `meter` of a guard's options. */
export function createTestMeter(): TestMeter {
  const points: MeterPoint[] = []

  function recordingAs(kind: MeterPoint['kind'], name: string) {
    return (value: number, labels: Labels = {}) => {
      points.push(Object.freeze({ kind, name, value, labels: Object.freeze({ ...labels }) }))
    }
  }

  function values(name: string, labels: Labels = {}): readonly number[] {
    const wanted = Object.entries(labels)
    return points
      .filter((point) => point.name === name && wanted.every(([key, value]) => point.labels[key] === value))
      .map(({ value }) => value)
  }

  return {
    points,
    values,
    total: (name, labels) => values(name, labels).reduce((sum, value) => sum + value, 0),
    createCounter: (name) => ({ add: recordingAs('counter', name) }),
    createHistogram: (name) => ({ record: recordingAs('histogram', name) }),
    createGauge: (name) => ({ record: recordingAs('gauge', name) }),
    clear() {
      points.length = 0
    },
  }
}
