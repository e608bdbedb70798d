import { StateError } from '@countersign/core'

/**
 * Waits for the store no longer than so: a connection that is silently cut answers neither yes nor no.
 * @throws {StateError} `timeout`; whatever the work rejects with.
 */
export async function inTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StateError('timeout', 'the store did not answer in time')), timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Why, of a fixed set: what else was thrown is nothing that the store tells. */
export function reasonOf(error: unknown): StateError['reason'] | 'fault' {
  return error instanceof StateError ? error.reason : 'fault'
}
