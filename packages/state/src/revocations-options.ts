import { type Clock, checkInteger, checkKeys, type Meter, MisuseError, type Recorder, type StateStore } from '@countersign/core'
import { checkFunctions, checkParts } from './check-parts.js'

export interface RevocationsOptions {
  /** Stays the caller's to close. */
  readonly store: StateStore
  readonly clock: Clock
  readonly recorder: Recorder
  readonly meter: Meter
  /** How often the store is asked, beside whenever it says that there is something new. 10 to 60,000. Default 250. */
  readonly heartbeatMs?: number
  /** How old an answer may be; older ones are none. At least twice the heartbeat, at most 600,000. Default 1,000. */
  readonly leaseMs?: number
  /** Entries that are kept; with more, nothing is answered, since what was revoked must not be forgotten. Default 2,000,000. */
  readonly maxEntries?: number
  /** How far the clocks of the store and this process may be apart before it is reported, 1 to 3,600. Default 5. */
  readonly driftLimitSeconds?: number
  /** Test seam: milliseconds of a clock that nobody sets. Default `performance.now`. */
  readonly steadyMs?: () => number
}

export type CheckedRevocationsOptions = Required<RevocationsOptions>

const DEFAULT_HEARTBEAT_MS = 250
const MAX_HEARTBEAT_MS = 60_000
const DEFAULT_LEASE_MS = 1_000
const MAX_LEASE_MS = 600_000
const DEFAULT_MAX_ENTRIES = 2_000_000
/** A Map holds no more than 2^24 entries. */
const MAX_ENTRIES = 16_000_000
const DEFAULT_DRIFT_LIMIT_SECONDS = 5

/** @throws {MisuseError} `ERR_OPTION_MISSING`, `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`, `ERR_OPTION_CONTRADICTION`. */
export function checkRevocationsOptions(options: RevocationsOptions): CheckedRevocationsOptions {
  const { store, clock, recorder, meter, steadyMs = () => performance.now() } = options
  const {
    heartbeatMs = DEFAULT_HEARTBEAT_MS,
    leaseMs = DEFAULT_LEASE_MS,
    maxEntries = DEFAULT_MAX_ENTRIES,
    driftLimitSeconds = DEFAULT_DRIFT_LIMIT_SECONDS,
  } = options
  checkKeys('', options, ['store', 'clock', 'recorder', 'meter', 'heartbeatMs', 'leaseMs', 'maxEntries', 'driftLimitSeconds', 'steadyMs'])
  checkParts({ store, clock, recorder, meter })
  checkFunctions({ steadyMs })
  checkInteger('heartbeatMs', heartbeatMs, 10, MAX_HEARTBEAT_MS)
  checkInteger('leaseMs', leaseMs, 1, MAX_LEASE_MS)
  // A lease that one late answer breaks refuses everybody now and then.
  if (leaseMs < 2 * heartbeatMs) throw new MisuseError('ERR_OPTION_CONTRADICTION', 'leaseMs', 'takes at least twice the heartbeat')
  return Object.freeze({
    store,
    clock,
    recorder,
    meter,
    heartbeatMs,
    leaseMs,
    maxEntries: checkInteger('maxEntries', maxEntries, 1, MAX_ENTRIES),
    driftLimitSeconds: checkInteger('driftLimitSeconds', driftLimitSeconds, 1, 3_600),
    steadyMs,
  })
}
