import type { Meter } from './meter.js'
import type { Recorder } from './recorder.js'

/** A meter whose figures go nowhere. */
export const NO_METER: Meter = Object.freeze<Meter>({
  createCounter: () => ({ add() {} }),
  createHistogram: () => ({ record() {} }),
  createGauge: () => ({ record() {} }),
})

/**
 * A meter whose instruments never throw. A figure that is lost must not decide whether a caller gets in, and many are recorded by timers,
 * where nobody would catch what the application's own meter throws.
 */
export function quietMeter(meter: Meter): Meter {
  return {
    createCounter(name, options) {
      const counter = meter.createCounter(name, options)
      return { add: quiet((value, labels) => counter.add(value, labels)) }
    },
    createHistogram(name, options) {
      const histogram = meter.createHistogram(name, options)
      return { record: quiet((value, labels) => histogram.record(value, labels)) }
    },
    createGauge(name, options) {
      const gauge = meter.createGauge(name, options)
      return { record: quiet((value, labels) => gauge.record(value, labels)) }
    },
  }
}

/** A recorder that never throws: an event that it throws for is one that is lost, which the audit options may have an opinion on. */
export function quietRecorder(recorder: Recorder): Recorder {
  return {
    wants(kind) {
      try {
        return recorder.wants(kind)
      } catch {
        return true
      }
    },
    record(event) {
      try {
        return recorder.record(event)
      } catch {
        return false
      }
    },
    close: () => recorder.close(),
  }
}

type Write = (value: number, labels?: Readonly<Record<string, string>>) => void

function quiet(write: Write): Write {
  return (value, labels) => {
    try {
      write(value, labels)
    } catch {
      // There is nowhere else to say it.
    }
  }
}
