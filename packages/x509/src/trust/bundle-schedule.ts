/** SPIFFE Trust Domain and Bundle §6.1: five minutes where the bundle does not say. */
const DEFAULT_REFRESH_SECONDS = 300
/** A hint of zero would be a flood. */
const MIN_HINT_SECONDS = 5
/** A key that was taken back is believed no longer than this, whatever the hint. */
const MAX_HINT_SECONDS = 86_400
const FIRST_RETRY_MS = 1_000
const RETRY_MS = 300_000
/** Clients that started together do not ask together. */
const JITTER = 0.1

/** How long a bundle is used before it is asked for again. @param refreshSeconds What the options say, before any hint. */
export function refreshMs(refreshSeconds: number | null, hintSeconds: number | null): number {
  const hint = Math.min(Math.max(hintSeconds ?? DEFAULT_REFRESH_SECONDS, MIN_HINT_SECONDS), MAX_HINT_SECONDS)
  return (refreshSeconds ?? hint) * 1000
}

/**
 * When to ask again. SPIFFE Federation §6.2: after a failure no sooner than at the next interval, and a long interval is not waited for
 * whole. Only who has no bundle yet is in a hurry. Each further failure doubles the wait, up to the interval.
 */
export function waitMs(intervalMs: number, failures: number, hasBundle: boolean): number {
  const retryMs = (hasBundle ? RETRY_MS : FIRST_RETRY_MS) * 2 ** Math.max(0, failures - 1)
  return (failures === 0 ? intervalMs : Math.min(intervalMs, retryMs)) * (1 - JITTER * Math.random())
}
