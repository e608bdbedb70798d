import type { Clock } from '@countersign/core'

/** A clock that stands still until it is told to move. */
export interface TestClock extends Clock {
  advanceSeconds(seconds: number): void
  setMs(nowMs: number): void
}

/**
 * Makes a clock for `runtime: { clock }`.
 * @param startMs epoch milliseconds. Default: the real time, cut to whole seconds, so that certificates made by this clock also
 * hold on a real TLS connection.
 */
export function createTestClock(startMs: number = Math.floor(Date.now() / 1000) * 1000): TestClock {
  let nowMs = startMs
  return {
    nowMs: () => nowMs,
    advanceSeconds(seconds) {
      nowMs += seconds * 1000
    },
    setMs(ms) {
      nowMs = ms
    },
  }
}
