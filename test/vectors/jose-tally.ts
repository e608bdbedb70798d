import { readFileSync } from 'node:fs'

/** What became of the cases of one file: printed, so that nobody has to believe that they ran. */
export interface Tally {
  /** A case ran, and its verdict is `right` or wrong. */
  judge(id: string | number, right: boolean, note: string): void
  /** A case ran, and its verdict is another than the file has, for a reason. */
  deviate(id: string | number, reason: string): void
  /** A case cannot be run; the reason is counted. */
  skip(id: string | number, reason: string): void
  /** All that ran: those that are right, wrong, or deviate. */
  readonly ran: number
  readonly deviating: number
  readonly skipped: number
  /** Cases whose verdict is wrong, each with its note. */
  readonly wrong: readonly string[]
  /** One line, which `npm run vectors` makes a table of, and one for each reason to deviate or to skip. */
  print(): void
}

/** Starts counting. */
export function createTally(source: string): Tally {
  const wrong: string[] = []
  const deviations = new Map<string, (string | number)[]>()
  const skips = new Map<string, (string | number)[]>()
  let judged = 0
  const add = (to: Map<string, (string | number)[]>, id: string | number, reason: string): void => {
    to.set(reason, [...(to.get(reason) ?? []), id])
  }
  const sum = (reasons: ReadonlyMap<string, readonly (string | number)[]>): number =>
    [...reasons.values()].reduce((total, ids) => total + ids.length, 0)
  const ran = (): number => judged + sum(deviations)
  return {
    wrong,
    get ran() {
      return ran()
    },
    get deviating() {
      return sum(deviations)
    },
    get skipped() {
      return sum(skips)
    },
    judge(id, right, note) {
      judged++
      if (!right) wrong.push(`${id}: ${note}`)
    },
    deviate: (id, reason) => add(deviations, id, reason),
    skip: (id, reason) => add(skips, id, reason),
    print() {
      const counts = [
        `${ran() + sum(skips)} cases`,
        `${ran()} ran`,
        `${judged - wrong.length} right`,
        `${wrong.length} wrong`,
        `${sum(deviations)} deviating`,
        `${sum(skips)} skipped`,
      ]
      console.log(`${source}: ${counts.join(', ')}`)
      for (const [reason, ids] of deviations) console.log(`  deviates in ${ids.length} (${ids.join(', ')}): ${reason}`)
      for (const [reason, ids] of skips) console.log(`  skipped ${ids.length} (${ids.join(', ')}): ${reason}`)
    },
  }
}

/** Reads a file of `test/vectors/data`. */
export function readVectors<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../../vectors/data/${path}`, import.meta.url), 'utf8')) as T
}

export const NO_HMAC = 'HMAC cannot be configured: a service that could verify such a token could also make it'
