// Chains judged cold and warm. Runs in a process of its own.
import 'reflect-metadata'
import { createRandom, type Estimate, median, medianEstimate, quantile, shuffled } from './statistics.js'
import { type ChainCase, coldCases } from './x509-cases.js'
import { type Chain, createChains } from './x509-chains.js'
import { COLD } from './x509-names.js'
import { connectionOf, inboundOver, openVerifier } from './x509-verifier.js'

export interface ColdTimes {
  readonly name: string
  /** CPU of the process, all threads, for a chain. Microseconds. */
  readonly micros: number
  /** First and last decile of the rounds. */
  readonly spread: readonly [number, number]
  /** Median over the rounds, to two bare `crypto.verify`. */
  readonly overReady: Estimate
  readonly overNumbers: Estimate
  readonly overBytes: Estimate
}

export interface X509Result {
  readonly cold: readonly { readonly keys: string; readonly times: readonly ColdTimes[] }[]
  /** Nanoseconds a look-up. */
  readonly warm: readonly { readonly name: string; readonly nanos: Estimate; readonly mostMicros: number | null }[]
}

const QUICK = { rounds: 25, chains: 8, warmRounds: 40 }
const FULL = { rounds: 120, chains: 24, warmRounds: 200 }
const WARM_UP_ROUNDS = 40
const WARM_BATCH = 2000

async function measure(quick: boolean): Promise<X509Result> {
  const { rounds, chains, warmRounds } = quick ? QUICK : FULL
  const cold: X509Result['cold'][number][] = []
  for (const [keys, kind] of [
    ['P-256', 'p256'],
    ['RSA 2048', 'rsa2048'],
  ] as const) {
    cold.push({ keys, times: await coldTimes(createChains(kind, chains), rounds) })
  }
  return { cold, warm: await warmTimes(createChains('p256', 1), warmRounds) }
}

async function coldTimes(chains: readonly Chain[], rounds: number): Promise<readonly ColdTimes[]> {
  const random = createRandom()
  const cases = coldCases(chains).map((one) => ({ one, micros: [] as number[], turn: { next: 0 } }))
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const { one, micros, turn } of shuffled(cases, random)) {
      const taken = await timed(one, chains, turn)
      if (round >= 0) micros.push(taken)
    }
  }
  const times = (name: string): readonly number[] => cases.find(({ one }) => one.name === name)?.micros ?? []
  const [ready, numbers, bytes] = [times(COLD.ready), times(COLD.numbers), times(COLD.bytes)]
  const over = (micros: readonly number[], base: readonly number[]): Estimate =>
    medianEstimate(micros.map((value, round) => value / (base[round] ?? Number.NaN)))
  return cases.map(({ one: { name }, micros }) => ({
    name,
    micros: median(micros),
    spread: [quantile(micros, 0.1), quantile(micros, 0.9)],
    overReady: over(micros, ready),
    overNumbers: over(micros, numbers),
    overBytes: over(micros, bytes),
  }))
}

async function timed({ batch, prepare, judge }: ChainCase, chains: readonly Chain[], turn: { next: number }): Promise<number> {
  prepare()
  // A verifier must not see a leaf twice in one batch.
  const size = Math.min(batch, chains.length)
  const some = Array.from({ length: size }, () => chains[turn.next++ % chains.length]).flatMap((chain) => chain ?? [])
  const start = process.cpuUsage()
  for (const chain of some) {
    const pending = judge(chain)
    if (pending !== undefined) await pending
  }
  const { user, system } = process.cpuUsage(start)
  return (user + system) / size
}

async function warmTimes([chain]: readonly Chain[], rounds: number): Promise<X509Result['warm']> {
  if (chain === undefined) throw new RangeError('no chain')
  const { verifier, see, close } = openVerifier([chain.root])
  await see(chain)
  const known = inboundOver(connectionOf(chain))
  const cases = [
    { name: 'recall on a connection that is known', mostMicros: 1, inbound: () => known, nanos: [] as number[] },
    {
      name: 'recall on a new connection, of a leaf that is known',
      mostMicros: null,
      inbound: () => inboundOver(connectionOf(chain)),
      nanos: [] as number[],
    },
  ]
  const random = createRandom()
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const { inbound, nanos } of shuffled(cases, random)) {
      const inbounds = Array.from({ length: WARM_BATCH }, inbound)
      let found = 0
      const start = process.hrtime.bigint()
      for (const one of inbounds) {
        const finding = verifier.recall(one)
        if (finding !== undefined && finding !== null && 'id' in finding) found++
      }
      const taken = Number(process.hrtime.bigint() - start) / WARM_BATCH
      if (found !== WARM_BATCH) throw new Error('a peer was not known again')
      if (round >= 0) nanos.push(taken)
    }
  }
  close()
  return cases.map(({ name, mostMicros, nanos }) => ({ name, mostMicros, nanos: medianEstimate(nanos) }))
}

measure(process.argv.includes('--quick')).then(
  (result) => process.send?.(result),
  (error: unknown) => {
    console.error(error)
    process.exitCode = 1
  },
)
