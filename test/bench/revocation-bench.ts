// A revocation set of a million entries: memory, look-ups, loading, and warm decisions with it and without. Runs in a process of its own.
import { randomUUID } from 'node:crypto'
import type { RevocationEntry } from '@countersign/core'
import { createGuard, type Guard, type GuardOptions } from '@countersign/guard'
import { createMemoryStateStore, createRevocations, type Revocations } from '@countersign/state'
import { createMesh } from './credentials.js'
import { fullOptions } from './guard-options.js'
import { CaseRunner } from './in-process.js'
import { bearer, freshRequest, quietConnection } from './requests.js'
import { createRandom, type Estimate, median, medianEstimate, shuffled } from './statistics.js'

export interface RevocationResult {
  readonly entries: number
  /** From the first question to the whole view, out of a store in memory. */
  readonly loadMs: number
  /** Of the list, beside the text of the ids. */
  readonly listBytes: number
  /** Of the store in memory, beside the text of the ids. */
  readonly storeBytes: number
  readonly hitNanos: Estimate
  readonly missNanos: Estimate
  /** A warm decision, and what the list adds to it. */
  readonly warmNanos: number
  readonly addedNanos: Estimate
}

const ENTRIES = 1_000_000
const PAGE = 1_000
const BATCH = 1_000
const DECISIONS = 200
const WARM_UP = 60

const instrument = { add() {}, record() {} }
const surroundings = {
  clock: { nowMs: Date.now },
  recorder: { wants: () => false, record: () => true, close: () => Promise.resolve() },
  meter: { createCounter: () => instrument, createHistogram: () => instrument, createGauge: () => instrument },
}

function heldBytes(): number {
  for (let time = 0; time < 4; time++) globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function entry(id: string): RevocationEntry {
  const nowMs = Date.now()
  return {
    kind: 'token',
    id,
    issuedBeforeMs: Number.POSITIVE_INFINITY,
    untilMs: nowMs + 3_600_000 + (nowMs % 1000),
    revokedAtMs: nowMs,
    reason: 'key-compromise',
  }
}

async function measure(quick: boolean): Promise<RevocationResult> {
  const rounds = quick ? 60 : 300
  // Flat, as an id is that came over a network.
  const ids = Array.from({ length: ENTRIES }, () => Buffer.from(randomUUID()).toString('latin1'))
  const store = createMemoryStateStore()
  const empty = heldBytes()
  for (let from = 0; from < ENTRIES; from += PAGE) await store.commit({ revoke: ids.slice(from, from + PAGE).map(entry) })
  const stored = heldBytes()
  const start = process.hrtime.bigint()
  // The lease is longer than a collection of this heap takes.
  const revocations = createRevocations({ store, ...surroundings, leaseMs: 60_000, heartbeatMs: 1_000 })
  await revocations.ready()
  const loadMs = Number(process.hrtime.bigint() - start) / 1e6
  const listed = heldBytes()
  if (revocations.size !== ENTRIES) throw new Error(`${revocations.size} entries`)

  const result = {
    entries: ENTRIES,
    loadMs,
    storeBytes: (stored - empty) / ENTRIES,
    listBytes: (listed - stored) / ENTRIES,
    hitNanos: lookUp(revocations, rounds, (turn) => ids[(turn * 7919) % ENTRIES] ?? '', true),
    missNanos: lookUp(revocations, rounds, () => randomUUID(), false),
    ...(await warm(revocations, rounds)),
  }
  await revocations.close()
  return result
}

function lookUp(revocations: Revocations, rounds: number, idOf: (turn: number) => string, expected: boolean): Estimate {
  const nanos: number[] = []
  let turn = 0
  for (let round = -WARM_UP; round < rounds; round++) {
    // Strings of their own, never hashed before.
    const ids = Array.from({ length: BATCH }, () => Buffer.from(idOf(turn++)).toString('latin1'))
    const start = process.hrtime.bigint()
    for (const id of ids) if (revocations.has('token', id, 0) !== expected) throw new Error(`${id} is wrong`)
    if (round >= 0) nanos.push(Number(process.hrtime.bigint() - start) / BATCH)
  }
  return medianEstimate(nanos)
}

async function warm(revocations: Revocations, rounds: number): Promise<Pick<RevocationResult, 'warmNanos' | 'addedNanos'>> {
  const { server, caller, callerCertificate } = createMesh()
  const full = { ...fullOptions(server), audit: { logger: { info() {}, warn() {}, error() {} } } }
  const { mtls, jwt } = full
  if (mtls === null || !('trust' in mtls) || jwt === null || !('issuer' in jwt)) throw new TypeError('the full options have both')
  const revoking = { ...full, mtls: { ...mtls, denyList: revocations }, jwt: { ...jwt, revocation: { list: revocations } } }
  const runners = await Promise.all(
    [full, revoking].map(async (options: GuardOptions, index) => {
      const guard: Guard = createGuard(options)
      await guard.ready()
      const socket = quietConnection(callerCertificate.certificateDer)
      const field = bearer(caller.token)
      const request = () => freshRequest(socket, field)
      return { guard, runner: new CaseRunner({ name: `${index}`, guard, batch: DECISIONS, expected: null, request }) }
    }),
  )
  for (const { runner } of runners) await runner.warmUp(WARM_UP)
  const random = createRandom()
  for (let round = 0; round < 2 * rounds; round++) for (const { runner } of shuffled(runners, random)) await runner.measure()
  await Promise.all(runners.map(({ guard }) => guard.close()))
  const [without = [], having = []] = runners.map(({ runner }) => runner.times().batches)
  return {
    warmNanos: median(having),
    addedNanos: medianEstimate(having.map((nanos, round) => nanos - (without[round] ?? Number.NaN))),
  }
}

measure(process.argv.includes('--quick')).then(
  (result) => process.send?.(result),
  (error: unknown) => {
    console.error(error)
    process.exitCode = 1
  },
)
