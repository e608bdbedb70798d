/** Lets so many into a lane at once; the others wait in the order they came. */
export interface Lanes {
  /**
   * Resolves once there is room, or nobody else is in the lane.
   * @param room how many may be in the lane; asked again each time somebody leaves it.
   */
  enter(key: string, room: () => number): Promise<void>
  leave(key: string): void
}

interface Lane {
  inside: number
  readonly waiting: Set<Waiting>
}

interface Waiting {
  readonly room: () => number
  readonly proceed: () => void
}

/** Makes lanes. Each is there only for as long as somebody is in it: there are never more than requests under way. */
export function createLanes(): Lanes {
  const lanes = new Map<string, Lane>()

  return {
    async enter(key, room) {
      const lane = lanes.get(key) ?? { inside: 0, waiting: new Set() }
      lanes.set(key, lane)
      if (lane.inside === 0 || (lane.waiting.size === 0 && lane.inside < room())) lane.inside++
      else await new Promise<void>((proceed) => lane.waiting.add({ room, proceed }))
    },
    leave(key) {
      const lane = lanes.get(key)
      if (lane === undefined) return
      lane.inside--
      for (const waiting of lane.waiting) {
        if (lane.inside > 0 && lane.inside >= waiting.room()) break
        // Counted here and not where it wakes, or whoever comes in between would take its place too.
        lane.inside++
        lane.waiting.delete(waiting)
        waiting.proceed()
      }
      if (lane.inside === 0) lanes.delete(key)
    },
  }
}
