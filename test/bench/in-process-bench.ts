// Decisions without a network. Runs in a process of its own, since it counts every signature check there.
import './crypto-count.js'
import type { CaseTimes } from './in-process.js'
import type { Estimate } from './statistics.js'

export interface Ratio {
  readonly words: string
  readonly estimate: Estimate
  readonly most: number
}

export interface InProcessResult {
  readonly cases: readonly CaseTimes[]
  readonly ratios: readonly Ratio[]
}

const QUICK = { cheapBatches: 100, dearBatches: 20 }
const FULL = { cheapBatches: 400, dearBatches: 60 }
const CHEAP_WARM_UP = 60
const DEAR_WARM_UP = 10

async function measure(quick: boolean): Promise<InProcessResult> {
  const { cheapBatches, dearBatches } = quick ? QUICK : FULL
  // After the counter, so that what they load is counted.
  const { CASE, createCases, MALFORMED } = await import('./cases.js')
  const { CaseRunner } = await import('./in-process.js')
  const { createMesh } = await import('./credentials.js')
  const { createRandom, medianEstimate, shuffled } = await import('./statistics.js')

  const { cheap, dear, close } = await createCases(createMesh(), DEAR_WARM_UP + dearBatches)
  const random = createRandom()
  const runners = [
    { group: cheap.map((one) => new CaseRunner(one)), warmUp: CHEAP_WARM_UP, batches: cheapBatches },
    { group: dear.map((one) => new CaseRunner(one)), warmUp: DEAR_WARM_UP, batches: dearBatches },
  ]
  for (const { group, warmUp, batches } of runners) {
    for (const runner of group) await runner.warmUp(warmUp)
    for (let round = 0; round < batches; round++) for (const runner of shuffled(group, random)) await runner.measure()
  }
  await close()

  const cases = runners.flatMap(({ group }) => group.map((runner) => runner.times()))
  const ratio = (one: string, other: string, most: number): Ratio => {
    const [over, under] = [one, other].map((name) => cases.find((times) => times.name === name))
    if (over === undefined || under === undefined) throw new TypeError('a case was not measured')
    const estimate = medianEstimate(over.batches.map((nanos, round) => nanos / (under.batches[round] ?? Number.NaN)))
    return { words: `${one} ÷ ${other}`, estimate, most }
  }
  return {
    cases,
    ratios: [
      ...Object.keys(MALFORMED).map((name) => ratio(name, CASE.warm, 1)),
      ratio(CASE.wrongRs256, CASE.coldRs256, 1.1),
      ratio(CASE.wrongEs256, CASE.coldEs256, 1.1),
    ],
  }
}

measure(process.argv.includes('--quick')).then(
  (result) => process.send?.(result),
  (error: unknown) => {
    console.error(error)
    process.exitCode = 1
  },
)
