import type { Clock } from '@countersign/core'
import type { RetryRules } from './retry-options.js'

/** What {@link withRetry} needs from around it. */
export interface RetryRuntime {
  readonly clock: Clock
  /** From 0 up to, not including, 1: for jitter. */
  readonly random: () => number
  /** Resolves after so long, or as soon as the signal says. Never rejects. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Ends every pause, and there is no further attempt. */
  readonly signal: AbortSignal
}

/**
 * Does something that may fail for no fault of the caller, and does it again: with exponential back-off, full jitter, and an end. Only for
 * what may be done twice.
 *
 * @param isTransient of what was thrown: may the next attempt succeed? Whatever was decided, a refusal above all, is not tried again.
 * @throws whatever the last attempt threw.
 */
export async function withRetry<T>(
  operation: () => Promise<T>,
  rules: RetryRules,
  { clock, random, sleep, signal }: RetryRuntime,
  isTransient: (thrown: unknown) => boolean,
): Promise<T> {
  const endMs = clock.nowMs() + rules.deadlineMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation()
    } catch (thrown) {
      if (attempt >= rules.attempts || signal.aborted || !isTransient(thrown)) throw thrown
      const pauseMs = random() * Math.min(rules.delayMs * rules.factor ** (attempt - 1), rules.maxDelayMs)
      if (clock.nowMs() + pauseMs >= endMs) throw thrown
      await sleep(pauseMs, signal)
      if (signal.aborted) throw thrown
    }
  }
}
