import { FetchError } from './fetch-error.js'
import { inTime } from './in-time.js'

/** How long an exchange over the network may take. */
export interface Deadline {
  /** Who is asked, as the log calls it: `the issuer`. */
  readonly server: string
  /** Of the whole exchange, the body of the answer too. */
  readonly timeoutMs: number
  /** Ends it earlier. Default: nothing does. */
  readonly signal?: AbortSignal
}

/**
 * Does work that ends in time, whether or not it heeds the signal that it is given: a `fetch` that was handed in may not.
 * @throws {FetchError} if it takes too long, or was ended; whatever the work throws.
 */
export async function withDeadline<T>({ server, timeoutMs, signal }: Deadline, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  const ended = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(new FetchError(`${server} did not answer in time`)), { once: true })
  })
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted === true) abort()
  try {
    // What throws at once is raced too: otherwise nobody would hear of the end.
    const raced = Promise.race([(async () => work(controller.signal))(), ended])
    return await inTime(raced, timeoutMs, () => {
      abort()
      return ended
    })
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}
