import { StateError } from './state-store.js'

/**
 * For {@link inTime}: a store that is silent is one that is down.
 * @throws {StateError} `timeout`.
 */
export function storeIsLate(): never {
  throw new StateError('timeout', 'the store did not answer in time')
}

/** Why, of a fixed set: what else was thrown is nothing that the store tells. */
export function stateReasonOf(error: unknown): StateError['reason'] | 'fault' {
  return error instanceof StateError ? error.reason : 'fault'
}
