/** Lets work that concerns one thing happen one after the other, in this process: so that it does not fail for others of its own kind. */
export type Turns = <T>(key: string, work: () => Promise<T>) => Promise<T>

/** Makes {@link Turns}. It holds a key only while somebody works on it. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>()
  return async function inTurn(key, work) {
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
      if (last.get(key) === settled) last.delete(key)
    }
  }
}
