// What is held after a million of something that callers choose. Runs in a process of its own, with --expose-gc.
import type { Inbound, Principal } from '@countersign/core'
import { createGuard, type Guard } from '@countersign/guard'
import { createLimiter, type LimitOptions } from '@countersign/limit'
import { inboundFrom } from '@countersign/node'
import { createMesh, type Mesh } from './credentials.js'
import { createGarbage } from './garbage.js'
import { fullOptions } from './guard-options.js'
import { AUDIENCE, ISSUER, TRUST_DOMAIN } from './names.js'
import { bearer, freshRequest, quietConnection } from './requests.js'

export interface Flood {
  readonly name: string
  readonly count: number
  /** Held before, after half of it and after all of it. MB. */
  readonly heldMb: readonly [before: number, half: number, after: number]
  /** How often each code was answered; `allowed` beside them. */
  readonly answers: Readonly<Record<string, number>>
}

const QUIET = { logger: { info() {}, warn() {}, error() {} } }
/** So long that no bucket is empty again before the flood is over. */
const SLOW = { quota: 10, windowSeconds: 86_400 } as const

async function floods(count: number): Promise<Flood[]> {
  const mesh = createMesh()
  return [
    await tokenFlood('garbage tokens of one peer, over its failure budget', mesh, count, 1, {}),
    await tokenFlood('garbage tokens of one peer, without a failure budget', mesh, count, 10, { perAddress: null }),
    await addressFlood(mesh, count),
    await callerFlood(count),
  ]
}

async function tokenFlood(name: string, mesh: Mesh, count: number, signedOneIn: number, limit: LimitOptions): Promise<Flood> {
  const guard: Guard = createGuard({ ...fullOptions(mesh.server), audit: QUIET, limit })
  const garbage = createGarbage(mesh.caller.token)
  const socket = quietConnection(mesh.callerCertificate.certificateDer)
  const flood = await flooded(name, count, (turn) => {
    const kind = turn % (3 * signedOneIn) === 0 ? 'wrongSignature' : turn % 3 === 1 ? 'unknownKey' : 'malformed'
    const req = freshRequest(socket, bearer(garbage[kind](turn)))
    return decide(guard, inboundFrom(req, req.url ?? ''))
  })
  await guard.close()
  return flood
}

async function addressFlood(mesh: Mesh, count: number): Promise<Flood> {
  const guard: Guard = createGuard({
    mtls: null,
    jwt: { issuer: ISSUER, audience: AUDIENCE, keys: { jwks: mesh.server.jwks }, binding: 'if-bound' },
    authorize: 'any-authenticated',
    limit: { perAddress: SLOW },
    audit: QUIET,
  })
  const garbage = createGarbage(mesh.caller.token)
  const flood = await flooded('a garbage token from each of so many addresses', count, (turn) => {
    const address = `${10 + (turn >>> 24)}.${(turn >>> 16) & 255}.${(turn >>> 8) & 255}.${turn & 255}`
    const req = freshRequest(quietConnection(null, address), bearer(garbage.malformed(turn)))
    return decide(guard, inboundFrom(req, req.url ?? ''))
  })
  await guard.close()
  return flood
}

async function callerFlood(count: number): Promise<Flood> {
  const nothing = { add() {}, record() {} }
  const limiter = createLimiter(
    { perCaller: SLOW },
    {
      clock: { nowMs: Date.now },
      recorder: { wants: () => false, record: () => true, close: async () => {} },
      meter: { createCounter: () => nothing, createHistogram: () => nothing, createGauge: () => nothing },
    },
  )
  const flood = await flooded('a request of each of so many callers', count, async (turn) => {
    const req = freshRequest(quietConnection(null), null)
    const { refusal } = await limiter.take(callerOf(turn), inboundFrom(req, '/invoices'), '/invoices')
    return refusal?.code ?? 'allowed'
  })
  await limiter.close()
  return flood
}

function callerOf(turn: number): Principal {
  const value = `spiffe://${TRUST_DOMAIN}/caller/${turn}`
  return {
    id: value,
    anonymous: false,
    caller: { kind: 'spiffe', authority: TRUST_DOMAIN, value },
    subject: null,
    evidence: ['mtls'],
    peer: null,
    token: null,
    apiKey: null,
    session: null,
    assurance: { provenance: 'connection', tokenBound: false, resumed: false },
    expiresAtMs: Number.POSITIVE_INFINITY,
  }
}

async function decide(guard: Guard, inbound: Inbound): Promise<string> {
  const decision = await guard.decide(inbound)
  return decision.allowed ? 'allowed' : decision.code
}

async function flooded(name: string, count: number, send: (turn: number) => Promise<string>): Promise<Flood> {
  const answers: Record<string, number> = {}
  const sendAll = async (from: number, to: number): Promise<number> => {
    for (let turn = from; turn < to; turn++) {
      const code = await send(turn)
      answers[code] = (answers[code] ?? 0) + 1
    }
    return await heldMb()
  }
  const warmUp = Math.floor(count / 100)
  const before = await sendAll(0, warmUp)
  const half = await sendAll(warmUp, Math.floor(count / 2))
  return { name, count, heldMb: [before, half, await sendAll(Math.floor(count / 2), count)], answers }
}

async function heldMb(): Promise<number> {
  for (let time = 0; time < 4; time++) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1e6
}

floods(Number(process.argv[2])).then(
  (result) => process.send?.(result),
  (error: unknown) => {
    console.error(error)
    process.exitCode = 1
  },
)
