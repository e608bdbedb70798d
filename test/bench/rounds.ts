import type { Mesh } from './credentials.js'
import { type Load, openLoad, requestBytes, tokenRequestBytes } from './load.js'
import { CALLER } from './names.js'
import type { Profile } from './profile.js'
import { type ServerProcess, startServer } from './server-process.js'
import type { StackName } from './stacks/stacks.js'
import { createRandom, type Estimate, median, medianEstimate, quantile, shuffled } from './statistics.js'

export interface RoundOptions {
  /** How often the servers are started anew: how a process happens to be compiled and laid out stays with it for life. */
  readonly launches: number
  /** In each launch. */
  readonly rounds: number
  readonly requestsPerRound: number
  readonly warmUpRequests: number
  readonly connections: number
}

export const FULL_ROUNDS: RoundOptions = { launches: 6, rounds: 11, requestsPerRound: 1000, warmUpRequests: 12_000, connections: 8 }
export const QUICK_ROUNDS: RoundOptions = { launches: 2, rounds: 7, requestsPerRound: 500, warmUpRequests: 5000, connections: 8 }

/** One variant against the bare framework, in the same rounds. */
export interface Comparison {
  readonly variant: string
  /** Median over the rounds. Microseconds of server CPU a request. */
  readonly micros: number
  /** From the first to the last decile of the rounds. */
  readonly spread: readonly [number, number]
  /** Median of the differences within each round; `null` for the bare framework itself. */
  readonly added: Estimate | null
  readonly ratio: Estimate | null
  /** One of each round, in their order. Microseconds. */
  readonly samples: readonly number[]
}

/** What lets a request without a token in. */
const OPEN: ReadonlySet<string> = new Set(['bare', 'empty', 'certificate-only'])

interface Measured {
  readonly variant: string
  readonly micros: number[]
}

interface Runner extends Measured {
  readonly server: ServerProcess
  readonly load: Load
}

/**
 * Measures variants of one stack in paired rounds: each round sends the same requests to every variant, in random order, and only
 * differences within a round count, so that a machine that gets slower or busier meanwhile shifts both sides alike.
 * @param variants `bare` is among them.
 */
export async function compareVariants(
  stack: StackName | 'oauth',
  variants: readonly string[],
  mesh: Mesh,
  options: RoundOptions,
): Promise<Comparison[]> {
  const measured: Measured[] = variants.map((variant) => ({ variant, micros: [] }))
  const random = createRandom(stack.length)
  for (let launch = 0; launch < options.launches; launch++) await measureLaunch(stack, measured, mesh, options, random)
  const bare = measured.find(({ variant }) => variant === 'bare')
  if (bare === undefined) throw new TypeError('nothing to compare with')
  return measured.map((one) => comparisonOf(one, bare))
}

async function measureLaunch(
  stack: StackName | 'oauth',
  measured: readonly Measured[],
  mesh: Mesh,
  options: RoundOptions,
  random: () => number,
): Promise<void> {
  const runners: Runner[] = []
  try {
    for (const { variant, micros } of measured) runners.push({ ...(await warmRunner(stack, variant, mesh, options)), micros })
    for (let round = 0; round < options.rounds; round++) {
      for (const runner of shuffled(runners, random)) runner.micros.push(await measure(runner, options.requestsPerRound))
    }
  } finally {
    await stopAll(runners)
  }
}

/** Profiles one variant while it answers. */
export async function profileVariant(stack: StackName | 'oauth', variant: string, mesh: Mesh, requests: number): Promise<Profile> {
  const runner = await warmRunner(stack, variant, mesh, { ...FULL_ROUNDS })
  try {
    await runner.server.startProfile()
    await runner.load.run(requests)
    return await runner.server.stopProfile()
  } finally {
    await stopAll([runner])
  }
}

async function warmRunner(stack: StackName | 'oauth', variant: string, mesh: Mesh, options: RoundOptions): Promise<Runner> {
  const server = await startServer(stack, variant, mesh.server)
  try {
    const request = stack === 'oauth' ? tokenRequestBytes(CALLER) : requestBytes(tokenFor(variant, mesh))
    const load = await openLoad(server.port, options.connections, request, mesh.caller)
    const runner = { variant, server, load, micros: [] }
    if (stack === 'oauth') await checkAuthenticating(load)
    else await checkProtected(variant, load)
    await load.run(options.warmUpRequests)
    return runner
  } catch (error) {
    await server.stop()
    throw new Error(`${stack}, ${variant}: cannot be measured`, { cause: error })
  }
}

function tokenFor(variant: string, { caller }: Mesh): string {
  return variant === 'token-only' ? caller.unboundToken : caller.token
}

/** Nobody gets a token in another's name. */
async function checkAuthenticating(load: Load): Promise<void> {
  const status = await load.status(tokenRequestBytes('spiffe://bench.example/nobody'))
  if (status === '200') throw new Error('a client that there is not got a token')
}

/** What lets everybody in costs nothing: a request without its token must be refused, but by the bare framework. */
async function checkProtected(variant: string, load: Load): Promise<void> {
  const status = await load.status(requestBytes(null))
  if ((status === '200') !== OPEN.has(variant)) throw new Error(`a request without a token was answered with ${status}`)
}

async function measure({ server, load }: Runner, requests: number): Promise<number> {
  const before = await server.cpuMicros()
  await load.run(requests)
  return ((await server.cpuMicros()) - before) / requests
}

async function stopAll(runners: readonly Runner[]): Promise<void> {
  for (const { load } of runners) load.close()
  await Promise.all(runners.map(({ server }) => server.stop()))
}

function comparisonOf({ variant, micros }: Measured, bare: Measured): Comparison {
  const differences = micros.map((value, round) => value - (bare.micros[round] ?? Number.NaN))
  const ratios = micros.map((value, round) => value / (bare.micros[round] ?? Number.NaN))
  const isBare = variant === bare.variant
  return {
    variant,
    micros: median(micros),
    spread: [quantile(micros, 0.1), quantile(micros, 0.9)],
    added: isBare ? null : medianEstimate(differences),
    ratio: isBare ? null : medianEstimate(ratios),
    samples: micros,
  }
}
