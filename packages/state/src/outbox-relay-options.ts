import { checkInteger, checkKeys, type EventOutbox, type Meter, MisuseError, type Recorder } from '@countersign/core'
import { checkFunctions, checkParts } from './check-parts.js'
import type { EventSink } from './event-sink.js'

export interface OutboxRelayOptions {
  /** Stays the caller's to close, with its store. */
  readonly outbox: EventOutbox
  /** Called with one event of a topic at a time, in their order; with events of other topics meanwhile. */
  readonly sink: EventSink
  readonly recorder: Recorder
  readonly meter: Meter
  /** How many events are taken at once, 1 to 1,000. Default 100. */
  readonly batch?: number
  /** How often the outbox is looked at, 10 to 60,000. Default 250. */
  readonly pollMs?: number
  /** For how long an event that was taken is nobody else's, 1,000 to 3,600,000. Default 30,000. */
  readonly leaseMs?: number
  /** How long the sink may take over one event; shorter than the lease. Default 10,000. */
  readonly timeoutMs?: number
  /** How often an event is offered to the sink before it is parked, 1 to 100. Default 10: about a minute. */
  readonly maxAttempts?: number
  /** Test seam: a number from 0 to 1. Default `Math.random`: it spreads attempts, and guards nothing. */
  readonly random?: () => number
}

export type CheckedOutboxRelayOptions = Required<OutboxRelayOptions>

const DEFAULT_BATCH = 100
const MAX_BATCH = 1_000
const DEFAULT_POLL_MS = 250
const MAX_POLL_MS = 60_000
const DEFAULT_LEASE_MS = 30_000
const MAX_LEASE_MS = 3_600_000
const DEFAULT_TIMEOUT_MS = 10_000
const DEFAULT_MAX_ATTEMPTS = 10

/** @throws {MisuseError} `ERR_OPTION_MISSING`, `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`, `ERR_OPTION_CONTRADICTION`. */
export function checkOutboxRelayOptions(options: OutboxRelayOptions): CheckedOutboxRelayOptions {
  const { outbox, sink, recorder, meter, random = Math.random } = options
  const {
    batch = DEFAULT_BATCH,
    pollMs = DEFAULT_POLL_MS,
    leaseMs = DEFAULT_LEASE_MS,
    timeoutMs = DEFAULT_TIMEOUT_MS,
    maxAttempts = DEFAULT_MAX_ATTEMPTS,
  } = options
  checkKeys('', options, KEYS)
  checkParts({ outbox, recorder, meter })
  checkFunctions({ sink, random })
  checkInteger('leaseMs', leaseMs, 1_000, MAX_LEASE_MS)
  // Otherwise somebody else delivers what this one is still delivering.
  if (checkInteger('timeoutMs', timeoutMs, 1, MAX_LEASE_MS) >= leaseMs)
    throw new MisuseError('ERR_OPTION_CONTRADICTION', 'timeoutMs', 'takes less than leaseMs')
  return Object.freeze({
    outbox,
    sink,
    recorder,
    meter,
    batch: checkInteger('batch', batch, 1, MAX_BATCH),
    pollMs: checkInteger('pollMs', pollMs, 10, MAX_POLL_MS),
    leaseMs,
    timeoutMs,
    maxAttempts: checkInteger('maxAttempts', maxAttempts, 1, 100),
    random,
  })
}

const KEYS = ['outbox', 'sink', 'recorder', 'meter', 'batch', 'pollMs', 'leaseMs', 'timeoutMs', 'maxAttempts', 'random']
