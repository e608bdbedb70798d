/** Each addition looks at more than it brings: a round over everything is done before it is an eighth more. */
export const VISITS_AN_ADDITION = 8
/** What is full is looked through in earnest, but never all of it at once: some tens of microseconds. */
export const VISITS_WHEN_FULL = 1000

/**
 * Walks over everything again and again, a few at a time, so that nobody waits for all of it. What comes and goes meanwhile must not disturb
 * the iterator, as it does not that of a Map.
 * @param begin a round: in the order in which things came.
 * @returns looks at the next so many. It begins anew once at most, so that a collection which is smaller than that is seen whole.
 */
export function createRounds<T>(begin: () => Iterator<T>): (visits: number, look: (item: T) => void) => void {
  let round = begin()
  return (visits, look) => {
    let mayBegin = true
    for (let visit = 0; visit < visits; ) {
      const next = round.next()
      if (next.done !== true) {
        look(next.value)
        visit++
        continue
      }
      round = begin()
      if (!mayBegin) return
      mayBegin = false
    }
  }
}
