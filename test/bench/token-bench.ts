// Tokens verified cold and recalled warm. Runs in a process of its own.
import { createVerifier } from 'fast-jwt'
import { createRandom, type Estimate, median, medianEstimate, quantile, shuffled } from './statistics.js'
import { VERIFIER, WARM } from './token-names.js'
import { createConnection, createTokenIssuer, fresh, inboundWith, TOKEN_ALGORITHMS, tokenCases } from './token-verifiers.js'

export interface ColdToken {
  readonly name: string
  /** CPU of the process, all threads, for a token. Microseconds. */
  readonly micros: number
  /** First and last decile of the rounds. */
  readonly spread: readonly [number, number]
  /** Median over the rounds, to the bare call. */
  readonly overBare: Estimate
}

export interface TokenResult {
  readonly cold: readonly { readonly algorithm: string; readonly times: readonly ColdToken[] }[]
  /** Nanoseconds a look-up. */
  readonly warm: readonly { readonly name: string; readonly nanos: Estimate }[]
}

const QUICK = { rounds: 30, warmRounds: 40 }
const FULL = { rounds: 120, warmRounds: 200 }
const TOKENS_PER_ROUND = 50
// Until every verifier's way is compiled: a service is that after its first second.
const WARM_UP_ROUNDS = 60
const WARM_BATCH = 1000
const WARM_TOKENS = 16

async function measure(quick: boolean): Promise<TokenResult> {
  const { rounds, warmRounds } = quick ? QUICK : FULL
  const cold: TokenResult['cold'][number][] = []
  for (const algorithm of TOKEN_ALGORITHMS) cold.push({ algorithm, times: await coldTimes(algorithm, rounds) })
  return { cold, warm: await warmTimes(warmRounds) }
}

async function coldTimes(algorithm: (typeof TOKEN_ALGORITHMS)[number], rounds: number): Promise<readonly ColdToken[]> {
  const random = createRandom()
  const issuer = createTokenIssuer(algorithm)
  const cases = tokenCases(issuer).map((one) => ({ one, micros: [] as number[] }))
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const tokens = Array.from({ length: TOKENS_PER_ROUND }, issuer.mint)
    for (const { one, micros } of shuffled(cases, random)) {
      const run = one.prepare(tokens)
      const start = process.cpuUsage()
      await run()
      const { user, system } = process.cpuUsage(start)
      if (round >= 0) micros.push((user + system) / TOKENS_PER_ROUND)
    }
  }
  const bare = cases.find(({ one }) => one.name === VERIFIER.bare)?.micros ?? []
  return cases.map(({ one: { name }, micros }) => ({
    name,
    micros: median(micros),
    spread: [quantile(micros, 0.1), quantile(micros, 0.9)],
    overBare: medianEstimate(micros.map((value, round) => value / (bare[round] ?? Number.NaN))),
  }))
}

async function warmTimes(rounds: number): Promise<TokenResult['warm']> {
  const issuer = createTokenIssuer('RS256')
  const verifier = issuer.openVerifier()
  const tokens = Array.from({ length: WARM_TOKENS }, issuer.mint)
  for (const token of tokens) await verifier.verify(inboundWith(`Bearer ${token}`))
  const key = issuer.key.export({ format: 'pem', type: 'spki' })
  const options = { key, algorithms: ['RS256' as const], cache: true }
  const [hashed, plain] = [createVerifier(options), createVerifier({ ...options, cacheKeyBuilder: (token) => token })]
  const connection = createConnection()

  const recall = (some: readonly string[]) => () => {
    const requests = Array.from({ length: WARM_BATCH }, (_, turn) =>
      inboundWith(fresh(`Bearer ${some[turn % some.length] ?? ''}`), connection),
    )
    return () => {
      for (const request of requests) if (!verifier.recall(request)) throw new Error('not recalled')
    }
  }
  const decode = (verify: (token: string) => unknown) => () => {
    const texts = Array.from({ length: WARM_BATCH }, (_, turn) => fresh(tokens[turn % WARM_TOKENS] ?? ''))
    return () => {
      for (const text of texts) verify(text)
    }
  }
  const cases = [
    { name: WARM.connection, prepare: recall(tokens.slice(0, 1)), nanos: [] as number[] },
    { name: WARM.elsewhere, prepare: recall(tokens), nanos: [] as number[] },
    { name: WARM.fast, prepare: decode(hashed), nanos: [] as number[] },
    { name: WARM.plain, prepare: decode(plain), nanos: [] as number[] },
  ]
  const random = createRandom()
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const { prepare, nanos } of shuffled(cases, random)) {
      const run = prepare()
      const start = process.hrtime.bigint()
      run()
      if (round >= 0) nanos.push(Number(process.hrtime.bigint() - start) / WARM_BATCH)
    }
  }
  return cases.map(({ name, nanos }) => ({ name, nanos: medianEstimate(nanos) }))
}

measure(process.argv.includes('--quick')).then(
  (result) => process.send?.(result),
  (error: unknown) => {
    console.error(error)
    process.exitCode = 1
  },
)
