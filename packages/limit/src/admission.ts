import {
  type Admission,
  addressKeyOf,
  type Inbound,
  joinKey,
  type Limiter,
  type Peer,
  quietly,
  type Refusal,
  refuse,
  type Surroundings,
} from '@countersign/core'
import { backlogUsOf, createArrivals } from './arrivals.js'
import { createLanes } from './lanes.js'
import { checkLimitOptions, isLimiter, type LimitOptions } from './options.js'
import { identityKey } from './partition-key.js'

/** How often the number of keys is written to the gauge: a power of two of failures. */
const SAMPLED_EVERY = 64

/** The key of the last request of a connection, kept on it: a proxy's connection carries the requests of many clients. */
interface KeptKey {
  readonly peer: Peer | null
  readonly clientAddress: string | null
  readonly isForwarded: boolean
  readonly key: string
}

/**
 * Makes the failure budget behind `limit.perAddress`: a verified peer that fails uses up its own budget, anybody else that of the address.
 * It is kept in this process's memory, and refuses with `ERR_ATTEMPTS_EXCEEDED` and the fact `retryAfterSeconds`.
 * @param options those of the limiter: `null` for no budget. With a finished {@link Limiter} the default budget holds.
 * @throws {MisuseError} `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`, `ERR_OPTION_CONTRADICTION` or `ERR_RULE_VACUOUS`.
 */
export function createAdmission(
  options: LimitOptions | Limiter | null | undefined,
  surroundings: Pick<Surroundings, 'clock' | 'meter'>,
): Admission {
  const checked = options === null ? null : checkLimitOptions('limit', options === undefined || isLimiter(options) ? {} : options)
  const quota = checked?.perAddress ?? null
  if (checked === null || quota === null) return { admit: () => null, enter: async () => () => {}, charge() {} }

  const { clock, meter } = surroundings
  const { intervalUs, burst } = quota
  const capacityUs = burst * intervalUs
  const arrivals = createArrivals(checked.maxKeys)
  const lanes = createLanes()
  const keptKey = Symbol('countersign.attempts-key')
  const current = meter.createGauge('rate_limit_current', { description: 'Keys that have a bucket of their own' })
  const exceeded = meter.createCounter('rate_limit_exceeded_total', { description: 'Requests refused by a quota policy' })
  let sinceSample = 0

  function keyOf(inbound: Inbound, peer: Peer | null, isForwarded: boolean): string {
    const { clientAddress, connection } = inbound
    const kept = connection[keptKey] as KeptKey | undefined
    if (kept !== undefined && kept.peer === peer && kept.clientAddress === clientAddress && kept.isForwarded === isForwarded)
      return kept.key
    const key = peer === null ? anonymousKey(inbound, isForwarded) : joinKey('peer', identityKey(peer.identity))
    connection[keptKey] = { peer, clientAddress, isForwarded, key } satisfies KeptKey
    return key
  }

  // The proxy proves itself anew with each new certificate: strangers behind it, whose address may be its own here, must not be able to stop that.
  function anonymousKey(inbound: Inbound, isForwarded: boolean): string {
    return joinKey(isForwarded ? 'forwarded' : 'address', addressKeyOf(inbound))
  }

  function backlogOf(key: string): number {
    const arrival = arrivals.find(key, intervalUs, burst)
    return arrival === undefined ? 0 : backlogUsOf(arrival, Math.round(clock.nowMs() * 1000), capacityUs)
  }

  function admit(key: string): Refusal | null {
    const excessUs = backlogOf(key) + intervalUs - capacityUs
    if (excessUs <= 0) return null
    quietly(() => exceeded.add(1, ATTEMPTS))
    return refuse('ERR_ATTEMPTS_EXCEEDED', { retryAfterSeconds: Math.max(1, Math.ceil(excessUs / 1_000_000)) })
  }

  async function enterLane(key: string): Promise<Refusal | (() => void)> {
    await lanes.enter(key, () => Math.floor((capacityUs - backlogOf(key)) / intervalUs))
    const refusal = admit(key)
    if (refusal === null) return () => lanes.leave(key)
    lanes.leave(key)
    return refusal
  }

  return {
    admit: (inbound, peer, isForwarded = false) => admit(keyOf(inbound, peer, isForwarded)),
    enter(inbound, peer, isForwarded = false) {
      const key = keyOf(inbound, peer, isForwarded)
      return admit(key) ?? enterLane(key)
    },
    charge(inbound, peer, isForwarded = false) {
      const nowUs = Math.round(clock.nowMs() * 1000)
      const arrival = arrivals.claim(keyOf(inbound, peer, isForwarded), intervalUs, burst, nowUs)
      const backlogUs = backlogUsOf(arrival, nowUs, capacityUs)
      if (backlogUs + intervalUs <= capacityUs) arrival.atUs = nowUs + backlogUs + intervalUs
      if ((++sinceSample & (SAMPLED_EVERY - 1)) === 0) quietly(() => current.record(arrivals.size, { limit_type: 'address' }))
    },
  }
}

const ATTEMPTS = Object.freeze({ policy: 'per-address' })
