import { createRounds, VISITS_AN_ADDITION, VISITS_WHEN_FULL } from './rounds.js'

/** Ids, each until its time is over. What is alive is never evicted; what is dead is let go a few at a time, so that nobody waits for it. */
export interface LivingIds {
  /** The dead that are still here count too. */
  readonly size: number
  /** @param nowMs epoch milliseconds, as everywhere here. */
  has(id: string, nowMs: number): boolean
  /** The latest end among those that were let go, epoch milliseconds. Where the clock was set back to before it, nobody knows of them any more. */
  readonly letGoUntilMs: number
  /** @returns `false`: there is no room. An id that is here already is alive until then from now on. */
  add(id: string, untilMs: number, nowMs: number): boolean
  /** Ids and their ends. */
  alive(nowMs: number): readonly (readonly [id: string, untilMs: number])[]
}

export function createLivingIds(maxEntries: number): LivingIds {
  const untilOf = new Map<string, number>()
  const walk = createRounds(() => untilOf.entries())
  let letGoUntilMs = Number.NEGATIVE_INFINITY

  function letGo(visits: number, nowMs: number): void {
    walk(visits, ([id, untilMs]) => {
      if (untilMs > nowMs) return
      untilOf.delete(id)
      letGoUntilMs = Math.max(letGoUntilMs, untilMs)
    })
  }

  return {
    get size() {
      return untilOf.size
    },
    get letGoUntilMs() {
      return letGoUntilMs
    },
    has(id, nowMs) {
      const untilMs = untilOf.get(id)
      return untilMs !== undefined && untilMs > nowMs
    },
    add(id, untilMs, nowMs) {
      letGo(VISITS_AN_ADDITION, nowMs)
      if (untilOf.size >= maxEntries && !untilOf.has(id)) letGo(VISITS_WHEN_FULL, nowMs)
      if (untilOf.size >= maxEntries && !untilOf.has(id)) return false
      untilOf.set(id, untilMs)
      return true
    },
    alive: (nowMs) => [...untilOf].filter(([, untilMs]) => untilMs > nowMs),
  }
}
