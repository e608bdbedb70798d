import { StateError } from '@countersign/core'

/** Lets work that concerns one thing happen one after the other, in this process: so that it does not fail for others of its own kind. */
export type Turns = <T>(key: string, work: () => Promise<T>) => Promise<T>

/** Where so many wait for one thing, something does not answer, and more of them would only wait longer. */
const MAX_WAITING = 1000

/** Makes {@link Turns}. It holds a key only while somebody works on it. Whom it cannot let wait it rejects with a {@link StateError}. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>()
  const waiting = new Map<string, number>()
  return async function inTurn(key, work) {
    const others = waiting.get(key) ?? 0
    if (others >= MAX_WAITING) throw new StateError('timeout', 'too many wait for the same thing')
    waiting.set(key, others + 1)
    const before = last.get(key)
    const done = (before ?? Promise.resolve()).then(work)
    const settled = done.then(
      () => {},
      () => {},
    )
    last.set(key, settled)
    try {
      return await done
    } finally {
      const left = (waiting.get(key) ?? 1) - 1
      if (left === 0) waiting.delete(key)
      else waiting.set(key, left)
      if (last.get(key) === settled) last.delete(key)
    }
  }
}
