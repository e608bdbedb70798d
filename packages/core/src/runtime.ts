import type { Meter } from './meter.js'
import type { Recorder } from './recorder.js'

/** Test seams: time and network. */
export interface Runtime {
  readonly clock: Clock
  readonly fetch: typeof globalThis.fetch
}

export interface Clock {
  /** Epoch milliseconds. */
  nowMs(): number
}

/** What the composition root hands to every mechanism. */
export interface Surroundings extends Runtime {
  readonly recorder: Recorder
  readonly meter: Meter
}
