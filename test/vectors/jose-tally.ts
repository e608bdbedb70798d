import { readFileSync } from 'node:fs'

/** What became of the cases of one file: printed, so that nobody has to believe that they ran. */
export interface Tally {
  /** A case ran, and its verdict is `right` or wrong. */
  judge(id: string | number, right: boolean, note: string): void
  /** A case cannot be run; the reason is counted. */
  skip(id: string | number, reason: string): void
  readonly ran: number
  readonly skipped: number
  /** Cases whose verdict is wrong, each with its note. */
  readonly wrong: readonly string[]
  /** One line, and one for each reason to skip. */
  print(): void
}

/** Starts counting. */
export function createTally(source: string): Tally {
  const wrong: string[] = []
  const reasons = new Map<string, (string | number)[]>()
  let ran = 0
  const skipped = (): number => [...reasons.values()].reduce((sum, ids) => sum + ids.length, 0)
  return {
    wrong,
    get ran() {
      return ran
    },
    get skipped() {
      return skipped()
    },
    judge(id, right, note) {
      ran++
      if (!right) wrong.push(`${id}: ${note}`)
    },
    skip(id, reason) {
      reasons.set(reason, [...(reasons.get(reason) ?? []), id])
    },
    print() {
      console.log(
        `${source}: ${ran + skipped()} cases, ${ran} ran, ${ran - wrong.length} right, ${wrong.length} wrong, ${skipped()} skipped`,
      )
      for (const [reason, ids] of reasons) console.log(`  skipped ${ids.length} (${ids.join(', ')}): ${reason}`)
    },
  }
}

/** Reads a file of `test/vectors/data`. */
export function readVectors<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../../vectors/data/${path}`, import.meta.url), 'utf8')) as T
}

export const NO_HMAC = 'HMAC cannot be configured: a service that could verify such a token could also make it'
