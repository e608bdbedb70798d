/** Numbers that look random and are the same for the same seed, on every machine (mulberry32). */
export interface Random {
  /** From 0 up to, but not including, `end`. */
  below(end: number): number
  pick<T>(list: readonly T[]): T
  /** True so many times in a hundred. */
  percent(share: number): boolean
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  function below(end: number): number {
    return Math.floor(next() * end)
  }

  return {
    below,
    pick<T>(list: readonly T[]): T {
      const picked = list[below(list.length)]
      if (picked === undefined) throw new RangeError('nothing to pick from')
      return picked
    },
    percent: (share) => next() * 100 < share,
  }
}
