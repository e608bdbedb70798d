import {
  type Clock,
  checkBoolean,
  checkChoice,
  checkInteger,
  checkKeys,
  checkSecret,
  checkText,
  kindOf,
  MisuseError,
  type Recorder,
} from '@countersign/core'
import type { Driver } from './driver.js'
import { driverOf, type RedisClient } from './redis-client.js'

export interface RedisStateStoreOptions {
  /** Your client. It need not be connected: connections of our own are made like it. */
  readonly client: RedisClient
  /** Of the mesh: letters, digits, `.`, `_` and `-`. Whoever has the same name, secret and server shares the state. */
  readonly name: string
  /**
   * What everything in the store is authenticated with: 32 random bytes or more, the same in every process of the mesh, and not known to
   * the server. With another one everything that is there counts as tampered with.
   */
  readonly macKey: Uint8Array
  /**
   * What an empty store is to a process that has not known it before. `'lost'`: it may have lost what it held, so what was issued before it
   * was first asked is refused, and a clock skew longer, since clocks differ. `'new'`: nobody has issued anything yet. That is right where
   * every process signs with a key of its own, which dies with it, as in a mesh by default: what was issued before verifies nowhere then, and
   * a process that lives on says that the store was lost before anything of its own gets into it. With keys that outlive the processes, such
   * as those of a file, say nothing. Default `'lost'`.
   */
  readonly whenEmpty?: 'lost' | 'new'
  /** How long a command may take. Default 200. */
  readonly timeoutMs?: number
  /** How long {@link StateStore.ready} waits for the first connection. Default 5,000. */
  readonly connectTimeoutMs?: number
  /**
   * How long, after a process has given back a current view to a store that had lost it, the others have to give back theirs, before the store
   * counts as complete again. Two leases of the revocations at least. Default 2,500.
   */
  readonly settleMs?: number
  /** Events that may wait for delivery. A change beyond it is refused with `full`, unless it revokes. Default 100,000. */
  readonly maxEvents?: number
  /** Of its own claims, how many a process remembers, to give them back. About 150 bytes each. Default 200,000. */
  readonly maxRememberedClaims?: number
  /** Told of what was tampered with, at most once a minute. */
  readonly recorder?: Recorder
  readonly clock?: Clock
  /** Speaks without TLS to a server on another machine: whoever reads along sees sessions, and whoever is in between can take away what was revoked. */
  readonly dangerouslyPlaintext?: boolean
  /** Uses a server that evicts what is alive when its memory is full, or does not say: a revocation or a claim may be undone. */
  readonly dangerouslyAllowEviction?: boolean
}

/** Checked, with the defaults filled in. */
export interface RedisSettings extends Required<Omit<RedisStateStoreOptions, 'client' | 'macKey' | 'recorder' | 'dangerouslyPlaintext'>> {
  readonly driver: Driver
  readonly secret: Uint8Array
  readonly recorder: Recorder | null
}

const DEFAULT_TIMEOUT_MS = 200
const MAX_TIMEOUT_MS = 60_000
const DEFAULT_CONNECT_TIMEOUT_MS = 5_000
const DEFAULT_SETTLE_MS = 2_500
const MAX_SETTLE_MS = 3_600_000
const DEFAULT_MAX_EVENTS = 100_000
const DEFAULT_MAX_REMEMBERED_CLAIMS = 200_000
const MANY = 100_000_000

// Neither brace nor colon, which would give a key another hash tag, or the name of another mesh.
const NAME = /^[A-Za-z0-9._-]{1,64}$/

export function parseOptions(options: RedisStateStoreOptions): RedisSettings {
  checkKeys('', options, [
    'client',
    'name',
    'macKey',
    'whenEmpty',
    'timeoutMs',
    'connectTimeoutMs',
    'settleMs',
    'maxEvents',
    'maxRememberedClaims',
    'recorder',
    'clock',
    'dangerouslyPlaintext',
    'dangerouslyAllowEviction',
  ])
  const name = checkText('name', options.name)
  if (!NAME.test(name)) throw new MisuseError('ERR_OPTION_INVALID', 'name', 'takes up to 64 letters, digits, ".", "_" and "-"')
  const clock = options.clock ?? { nowMs: () => Date.now() }
  if (typeof clock.nowMs !== 'function') throw new MisuseError('ERR_OPTION_INVALID', 'clock', `takes a clock, not ${kindOf(clock)}`)
  return Object.freeze({
    driver: checkDriver(options.client, checkBoolean('dangerouslyPlaintext', options.dangerouslyPlaintext ?? false)),
    name,
    secret: checkSecret('macKey', options.macKey),
    whenEmpty: checkChoice('whenEmpty', options.whenEmpty ?? 'lost', ['lost', 'new']),
    timeoutMs: checkInteger('timeoutMs', options.timeoutMs ?? DEFAULT_TIMEOUT_MS, 1, MAX_TIMEOUT_MS),
    connectTimeoutMs: checkInteger('connectTimeoutMs', options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS, 1, MAX_TIMEOUT_MS),
    settleMs: checkInteger('settleMs', options.settleMs ?? DEFAULT_SETTLE_MS, 0, MAX_SETTLE_MS),
    maxEvents: checkInteger('maxEvents', options.maxEvents ?? DEFAULT_MAX_EVENTS, 1, MANY),
    maxRememberedClaims: checkInteger('maxRememberedClaims', options.maxRememberedClaims ?? DEFAULT_MAX_REMEMBERED_CLAIMS, 0, MANY),
    recorder: options.recorder ?? null,
    clock,
    dangerouslyAllowEviction: checkBoolean('dangerouslyAllowEviction', options.dangerouslyAllowEviction ?? false),
  })
}

/** The driver of a client that nobody can read along with. */
export function checkDriver(client: unknown, dangerouslyPlaintext: boolean): Driver {
  const driver = driverOf('client', client)
  if (!dangerouslyPlaintext && (driver.security === 'plain' || driver.security === 'unknown'))
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      'client',
      'speaks to another machine without TLS, as far as its options show: use rediss:// or its option tls, or say dangerouslyPlaintext: true',
    )
  return driver
}
