/** Tolerance for what multiplying by a thousand does to a number of whole microseconds. */
const ROUNDING_US = 0.001

/** Whole microseconds between two requests, rounded up: a quota is never exceeded by rounding. */
export function intervalUsOf(intervalMs: number): number {
  return Math.max(1, Math.ceil(intervalMs * 1000 - ROUNDING_US))
}
