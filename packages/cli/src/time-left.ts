import type { Paint } from './paint.js'

const DAY_MS = 86_400_000
const SOON_DAYS = 14

/** ISO 8601 in UTC, to the second. */
export function isoTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`
}

/** How long until then, in the largest unit that says something: `12 days left`, `expired 3 hours ago`. */
export function timeLeft(untilMs: number, nowMs: number, paint: Paint): string {
  const leftMs = untilMs - nowMs
  if (leftMs < 0) return paint('red', `expired ${duration(-leftMs)} ago`)
  return paint(leftMs < SOON_DAYS * DAY_MS ? 'yellow' : 'green', `${duration(leftMs)} left`)
}

/** Whole days, hours, minutes or seconds. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds >= 2 * 86_400) return `${Math.floor(seconds / 86_400)} days`
  if (seconds >= 2 * 3600) return `${Math.floor(seconds / 3600)} hours`
  if (seconds >= 2 * 60) return `${Math.floor(seconds / 60)} minutes`
  return seconds === 1 ? '1 second' : `${seconds} seconds`
}
