import { type Recorder, StateError, type StateStore } from '@countersign/core'
import { createClaims } from './claims.js'
import { createConnection } from './connection.js'
import { keysOf } from './keys.js'
import { createLife } from './life.js'
import { parseOptions, type RedisStateStoreOptions } from './options.js'
import { createOutbox } from './outbox.js'
import { checkServers } from './readiness.js'
import { createRecords } from './records.js'
import { createRevocationLog } from './revocation-log.js'
import { createSealer, type Sealed } from './seal.js'
import type { StoreParts } from './store-parts.js'

/** Of the record that is written and removed to see that the store takes one. */
const TRIAL_MS = 10_000
/** What an attacker with the run of the store does all the time is told of once in so long. */
const TELL_EVERY_MS = 60_000

/**
 * Makes a store of state on Redis or Valkey, 6.2 or later, for the processes of a mesh.
 *
 * Every change is one script, so all keys of a mesh have one hash tag: a cluster keeps them on one node. Every value is authenticated with a
 * key that the server does not know. A command that takes longer than `timeoutMs` is given up; a connection that hangs is made anew.
 *
 * A store that has lost what it held (flushed, restarted empty, put back to an older state, or failed over with writes lost) begins a new
 * {@link RevocationPosition.generation | generation}: every process leaves a sign of life with everything it does, and looks for it. What was
 * issued before it cannot be judged until a process with a current view has given that back, and the others had `settleMs` to
 * do so too; where nobody had one, until it has run out.
 *
 * @throws {MisuseError} `ERR_OPTION_INVALID`, `ERR_OPTION_MISSING`, `ERR_OPTION_UNKNOWN`.
 * @example
 * const store = createRedisStateStore({
 *   client: createClient({ url: 'rediss://mesh@redis.prod.example:6380' }),
 *   name: 'prod',
 *   macKey: readFileSync('/run/secrets/mesh-mac-key'),
 * })
 * await store.ready()
 */
export function createRedisStateStore(options: RedisStateStoreOptions): StateStore {
  const settings = parseOptions(options)
  const { clock, connectTimeoutMs, dangerouslyAllowEviction, driver, maxEvents, maxRememberedClaims, name, recorder } = settings
  const connection = createConnection(driver, settings.timeoutMs)
  const keys = keysOf(name)
  const sealer = createSealer(
    settings.secret,
    name,
    teller(recorder, () => clock.nowMs()),
  )
  const life = createLife(connection, keys, sealer, settings.whenEmpty === 'new')
  const parts: StoreParts = { connection, keys, sealer, life }
  const claims = createClaims(parts, clock, maxRememberedClaims)
  const records = createRecords(parts, maxEvents)
  const revocations = createRevocationLog(parts, {
    settleMs: settings.settleMs,
    restoreEntries: (entries) => records.restore(entries),
    restoreClaims: () => claims.restore(),
  })

  return {
    claim: (id, untilMs) => claims.claim(id, untilMs),
    read: (names) => records.read(names),
    commit: (change) => records.commit(change),
    revocations,
    outbox: createOutbox(parts),
    async ready() {
      await connection.opened(connectTimeoutMs)
      await connection.listening(connectTimeoutMs)
      await checkServers(connection, { dangerouslyAllowEviction })
      const [caller] = await life.knows()
      const key = `ready ${caller}`
      await records.commit({ put: [{ key, value: name, untilMs: clock.nowMs() + TRIAL_MS }] })
      const [trial] = await records.read([key])
      await records.commit({ remove: [key] })
      if (trial?.value !== name)
        throw new StateError('unsafe', 'the store does not keep what it is given, or its clock is not that of this machine')
    },
    async close() {
      connection.close()
    },
  }
}

function teller(recorder: Recorder | null, nowMs: () => number): (kind: Sealed) => void {
  let toldAtMs = Number.NEGATIVE_INFINITY
  return (kind) => {
    if (recorder?.wants('state.degraded') !== true || nowMs() - toldAtMs < TELL_EVERY_MS) return
    toldAtMs = nowMs()
    recorder.record({
      kind: 'state.degraded',
      severity: 'error',
      message: 'something in the store was not written by this mesh, or with another macKey; it is not used',
      facts: { reason: 'tampered', what: kind },
    })
  }
}
