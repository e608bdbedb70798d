// Tokens made, beside the bare signature. Runs in a process of its own.
import { ISSUED_ALGORITHMS, type IssuedAlgorithm, issueCases } from './issue-cases.js'
import { ISSUER_NAME } from './issue-names.js'
import { createRandom, type Estimate, median, medianEstimate, quantile, shuffled } from './statistics.js'

export interface IssuedToken {
  readonly name: string
  /** CPU of the process, all threads, for a token. Microseconds. */
  readonly micros: number
  /** First and last decile of the rounds. */
  readonly spread: readonly [number, number]
  /** Median over the rounds, to the bare call. */
  readonly overBare: Estimate
}

export type IssueResult = readonly { readonly algorithm: string; readonly times: readonly IssuedToken[] }[]

const ROUNDS = { quick: 30, full: 100 }
// As many tokens are asked for at once as a busy endpoint makes.
const TOKENS_PER_ROUND = 40
const WARM_UP_ROUNDS = 20

async function measure(rounds: number): Promise<IssueResult> {
  const results: IssueResult[number][] = []
  for (const algorithm of ISSUED_ALGORITHMS) results.push({ algorithm, times: await timesOf(algorithm, rounds) })
  return results
}

async function timesOf(algorithm: IssuedAlgorithm, rounds: number): Promise<readonly IssuedToken[]> {
  const random = createRandom()
  const cases = issueCases(algorithm).map((one) => ({ one, micros: [] as number[] }))
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const { one, micros } of shuffled(cases, random)) {
      const start = process.cpuUsage()
      await Promise.all(Array.from({ length: TOKENS_PER_ROUND }, () => one.make()))
      const { user, system } = process.cpuUsage(start)
      if (round >= 0) micros.push((user + system) / TOKENS_PER_ROUND)
    }
  }
  const bare = cases.find(({ one }) => one.name === ISSUER_NAME.bare)?.micros ?? []
  return cases.map(({ one: { name }, micros }) => ({
    name,
    micros: median(micros),
    spread: [quantile(micros, 0.1), quantile(micros, 0.9)],
    overBare: medianEstimate(micros.map((value, round) => value / (bare[round] ?? Number.NaN))),
  }))
}

measure(process.argv.includes('--quick') ? ROUNDS.quick : ROUNDS.full).then(
  (result) => process.send?.(result),
  (error: unknown) => {
    console.error(error)
    process.exitCode = 1
  },
)
