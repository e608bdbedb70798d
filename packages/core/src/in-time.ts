/**
 * Waits for work no longer than so, whether or not anything ends it: who is silent answers neither yes nor no. The timer ends with the wait.
 * @param work A promise, or what needs no waiting.
 * @param late Called when the time is over: the wait ends with what it returns or throws. What the work does later is heard by nobody.
 * @example
 * const answer = await inTime(store.read(keys), 2_000, () => {
 *   throw new StateError('timeout', 'the store did not answer in time')
 * })
 * @throws whatever the work rejects with, or `late` throws.
 */
export async function inTime<T, Late>(work: T | PromiseLike<T>, timeoutMs: number, late: () => Late): Promise<T | Late> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<typeof OVER>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, OVER)
  })
  try {
    const first = await Promise.race([work, over])
    return first === OVER ? late() : first
  } finally {
    clearTimeout(timer)
  }
}

const OVER = Symbol('over')
