import { RefusedError, StateError } from '@countersign/core'
import type { CheckedRetryPolicies } from './retry-options.js'
import { type RetryRuntime, withRetry } from './with-retry.js'

/** Runs what needs the store or the signer, as the options of the mesh say. */
export interface Retry {
  /**
   * @param service whose rules count; `null`: the usual ones.
   * @throws {StateError} without trying, where the last ones failed too. Whatever the last attempt threw.
   */
  run<T>(service: string | null, operation: () => Promise<T>): Promise<T>
}

const OPEN_MESSAGE = 'The store, or what signs, has failed too often: it is not asked for a while'

/** Makes a {@link Retry} with one breaker: all operations of a mesh need the same store. */
export function createRetry(policies: CheckedRetryPolicies, runtime: RetryRuntime): Retry {
  const { clock } = runtime
  let failures = 0
  let openUntilMs = Number.NEGATIVE_INFINITY
  let isProbing = false

  return {
    async run(service, operation) {
      const isOpen = failures >= policies.breakerFailures
      if (isOpen && (isProbing || clock.nowMs() < openUntilMs)) throw new StateError('unreachable', OPEN_MESSAGE)
      isProbing = isOpen
      const rules = policies.rulesOf(service)
      try {
        // Half open: one attempt of one operation tells whether the rest may go on.
        const result = await withRetry(operation, isOpen ? { ...rules, attempts: 1 } : rules, runtime, isTransient)
        failures = 0
        return result
      } catch (thrown) {
        if (isTransient(thrown)) {
          failures = Math.min(failures + 1, policies.breakerFailures)
          if (failures >= policies.breakerFailures) openUntilMs = clock.nowMs() + policies.breakerMs
        }
        throw thrown
      } finally {
        if (isOpen) isProbing = false
      }
    },
  }
}

/** The store or the signer did not answer. What they did answer, such as that something is full or not to be trusted, stays so. */
export function isTransient(thrown: unknown): boolean {
  if (thrown instanceof StateError) return thrown.reason === 'unreachable' || thrown.reason === 'timeout'
  return thrown instanceof RefusedError && thrown.code === 'ERR_KEYS_UNAVAILABLE'
}
