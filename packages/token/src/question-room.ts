/** Room for questions to somebody else that are open at once, shared so that no source takes it all for long. */
export interface QuestionRoom {
  /**
   * @param source whose question it is, see `sourceOf`; `null`: one of our own.
   * @returns what gives the place back; `null`: there is none for this source.
   */
  enter(source: string | null): (() => void) | null
}

/**
 * Makes room for so many questions. A source has no more places than are free beside them: one alone takes half. Of `n` that want all, each comes
 * to have one part of `n + 1`, as soon as what it had over that is answered; the part that is left is for who comes next.
 */
export function createQuestionRoom(places: number): QuestionRoom {
  // No more sources than places: whoever has no question open is not in it.
  const openOf = new Map<string, number>()
  let open = 0

  return {
    enter(source) {
      const mine = source === null ? 0 : (openOf.get(source) ?? 0)
      if (mine >= places - open) return null
      open++
      if (source !== null) openOf.set(source, mine + 1)
      return function leave() {
        open--
        if (source === null) return
        const left = (openOf.get(source) ?? 1) - 1
        if (left === 0) openOf.delete(source)
        else openOf.set(source, left)
      }
    },
  }
}
