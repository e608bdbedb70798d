import { FetchError } from './fetch-error.js'

/** How long an exchange over the network may take. */
export interface Deadline {
  /** Who is asked, as the log calls it: `the issuer`. */
  readonly server: string
  /** Of the whole exchange, the body of the answer too. */
  readonly timeoutMs: number
  /** Ends it earlier. */
  readonly signal: AbortSignal
}

/**
 * Does work that ends in time, whether or not it heeds the signal that it is given: a `fetch` that was handed in may not.
 * @throws {FetchError} if it takes too long, or was ended; whatever the work throws.
 */
export async function withDeadline<T>({ server, timeoutMs, signal }: Deadline, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  const timer = setTimeout(abort, timeoutMs)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(new FetchError(`${server} did not answer in time`))
    if (controller.signal.aborted) onAbort()
    else controller.signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work(controller.signal), aborted])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}
