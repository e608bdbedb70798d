import { checkInteger, type Facts, inTime, MisuseError, RefusedError, StateError } from '@countersign/core'
import { createHeaderCache, encodeJson } from './compact-jws.js'
import { checkKeyRingOptions, type KeyRingOptions, MAX_OVERLAP_SECONDS } from './key-ring-options.js'
import { openKeySupply } from './key-supply.js'
import { createKeyVersions, type KeyVersion } from './key-versions.js'
import { createRotationPlan } from './rotation-plan.js'
import type { SigningAlgorithm } from './signing-algorithm.js'
import type { BackgroundKey, PublicJwk } from './signing-key.js'

/** The private keys of an issuer: one that signs, and those before it, whose public parts are published until their last token has expired. */
export interface KeyRing {
  readonly algorithm: SigningAlgorithm
  /** Of the key that signs now: its RFC 7638 thumbprint. */
  readonly kid: string
  /** Grows with every rotation. */
  readonly epoch: number
  /** How long a key stays published after its last signature: as long as a token may live, and what clocks may differ. */
  readonly overlapSeconds: number
  /**
   * Signs claims as they are, under a header of `alg`, `kid` and this `typ`. In the background: the event loop goes on.
   * @returns a compact JWS.
   * @throws {RefusedError} `ERR_KEYS_UNAVAILABLE` if a remote signer did not sign.
   * @throws {StateError} `closed` after the ring was closed.
   */
  sign(typ: string, claims: Readonly<Record<string, unknown>>): Promise<string>
  /** The public keys that verify: the one that signs, the next one where it is made already, and the retired until nothing they signed is alive. */
  jwks(): { readonly keys: readonly PublicJwk[] }
  /** What {@link KeyRing.jwks} holds, and what each key does. */
  versions(): readonly KeyVersion[]
  /** The `kid`s of keys that were declared unsafe, by `rotate(0)`. */
  readonly withdrawn: readonly string[]
  /**
   * Signs with a new key from now on.
   * @param overlapSeconds how long the old one still verifies. Default: {@link KeyRing.overlapSeconds}; 0 for a key that is not safe any
   * more: nothing is signed until there is another, and none that was kept ready beside it is used.
   * @throws {StateError} `full` where so many keys are retired that no further one can be published. Never with 0.
   * @throws {MisuseError} where a remote signer would have to be followed, and there is none; for keys of a file, which are rotated there, unless
   * it is with 0: then a key of this process signs until the file has another.
   */
  rotate(overlapSeconds?: number): Promise<void>
  /** Calls back after the published keys changed; a key that is about to sign waits for what this returns, but not long. */
  onChange(listener: () => void | Promise<void>): () => void
  close(): Promise<void>
}

// A verifier reads a hundred keys of all processes together; a ring that holds more retired ones is rotated too often.
const MAX_RETIRED = 16
const KEPT_ELSEWHERE = 'takes 0 alone where the keys are kept in a file: put the new key first in it'
const LISTENER_TIMEOUT_MS = 2000

/**
 * Makes a key ring.
 * @example
 * const keys = createKeyRing({ rotateEverySeconds: 86_400 })
 * const token = await keys.sign('at+jwt', accessTokenClaims({ … }))
 * @throws {MisuseError} for a wrong option, and `ERR_CREDENTIAL_UNREADABLE` for a key file that cannot be used.
 */
export function createKeyRing(options: KeyRingOptions = {}): KeyRing {
  const { algorithm, overlapSeconds, signTimeoutMs, rotation } = checkKeyRingOptions(options)
  const supply = openKeySupply('options.keys', options.keys ?? 'generated', algorithm, signTimeoutMs)
  const { everyMs, aheadMs } = rotation(supply.kind)
  const nowMs = (): number => (options.clock === undefined ? Date.now() : options.clock.nowMs())

  const versions = createKeyVersions<BackgroundKey>(supply.first, supply.following)
  const headers = createHeaderCache(algorithm)
  const listeners = new Set<() => void | Promise<void>>()
  const unsafe = new Set<string>()
  const isSafe = ({ jwk }: { readonly jwk: PublicJwk }): boolean => !unsafe.has(jwk.kid)
  let announcedAtMs = supply.following.length === 0 ? null : nowMs()
  let epoch = 1
  let closed = false
  let turn: Promise<unknown> = Promise.resolve()

  /** One change after the other. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const result = turn.then(work)
    turn = result.catch(() => {})
    return result
  }

  async function announce(keys: readonly BackgroundKey[]): Promise<void> {
    versions.announce(keys)
    announcedAtMs = keys.length === 0 ? null : nowMs()
    await tell(listeners)
  }

  async function advance(key: BackgroundKey, seconds: number): Promise<void> {
    versions.advance(key, seconds * 1000, nowMs())
    if (versions.ahead.length === 0) announcedAtMs = null
    epoch++
    plan.begin()
    record('credential.rotated', 'A new key signs the tokens', { kid: key.jwk.kid, overlapSeconds: seconds })
    await tell(listeners)
  }

  async function rotate(seconds: number): Promise<void> {
    // Somebody else has asked for the same before.
    if (seconds === 0 && isSafe(versions.current)) return
    if (seconds > 0 && versions.retiredCount >= MAX_RETIRED) throw new StateError('full', 'Too many retired keys are still published')
    const ahead = versions.ahead.filter(isSafe)
    // What stands in a file behind the first key may as well be an old one.
    const [next = await supply.make()] = supply.kind === 'file' ? [] : ahead
    await announce([next, ...ahead.filter((key) => key !== next)])
    await advance(next, seconds)
  }

  async function reload([first, ...following]: readonly [BackgroundKey, ...BackgroundKey[]]): Promise<void> {
    if (!isSafe(first)) return failed('the first key of the file was declared unsafe')
    await announce(following.filter((key) => isSafe(key) && key.jwk.kid !== versions.current.jwk.kid))
    if (first.jwk.kid !== versions.current.jwk.kid) await advance(first, isSafe(versions.current) ? overlapSeconds : 0)
  }

  const plan = createRotationPlan({ everyMs, aheadMs, nowMs, announcedAtMs: () => announcedAtMs }, (step) =>
    inTurn(async () => {
      if (closed) return
      await (step === 'announce' ? announce([...versions.ahead, await supply.make()]) : rotate(overlapSeconds))
    }).catch((cause: unknown) => failed('the next key could not be made', cause)),
  )

  const unwatch = supply.watch((keys) => {
    if (typeof keys === 'string') failed(keys)
    else void inTurn(() => reload(keys))
  })

  function failed(reason: string, cause?: unknown): void {
    record('credential.reload-failed', 'Keys that sign tokens cannot be used; those from before stay', { reason }, cause)
  }

  function record(kind: 'credential.rotated' | 'credential.reload-failed', message: string, facts: Facts, cause?: unknown): void {
    const severity = kind === 'credential.rotated' ? 'info' : 'error'
    if (options.recorder?.wants(kind))
      options.recorder.record({ kind, severity, message, facts: { ...facts, algorithm }, ...(cause === undefined ? {} : { cause }) })
  }

  return Object.freeze({
    algorithm,
    overlapSeconds,
    get kid() {
      return versions.current.jwk.kid
    },
    get epoch() {
      return epoch
    },
    async sign(typ: string, claims: Readonly<Record<string, unknown>>): Promise<string> {
      if (closed) throw new StateError('closed', 'The key ring is closed')
      plan.look()
      if (!isSafe(versions.current)) await turn
      const key = versions.current
      if (!isSafe(key)) throw new RefusedError('ERR_KEYS_UNAVAILABLE', 'The key is not safe any more, and no other has taken its place')
      const input = `${headers.of(key.jwk.kid, typ)}.${encodeJson(claims)}`
      return `${input}.${Buffer.from(await key.signInBackground(Buffer.from(input))).toString('base64url')}`
    },
    get withdrawn() {
      return [...unsafe]
    },
    versions: () => versions.list(nowMs()).filter(isSafe),
    jwks: () => ({ keys: versions.jwks(nowMs()).keys.filter((jwk) => !unsafe.has(jwk.kid)) }),
    async rotate(seconds: number = overlapSeconds): Promise<void> {
      checkInteger('overlapSeconds', seconds, 0, MAX_OVERLAP_SECONDS)
      if (supply.kind === 'file' && seconds > 0) throw new MisuseError('ERR_OPTION_CONTRADICTION', 'overlapSeconds', KEPT_ELSEWHERE)
      if (seconds === 0 && isSafe(versions.current)) {
        // At once, and before anything else that waits for its turn. What was kept ready in this process may be as well known.
        unsafe.add(versions.current.jwk.kid)
        if (supply.kind === 'generated') for (const { jwk } of versions.ahead) unsafe.add(jwk.kid)
      }
      await inTurn(() => rotate(seconds))
    },
    onChange(listener: () => void | Promise<void>): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close(): Promise<void> {
      closed = true
      plan.close()
      unwatch()
      await turn
    },
  })
}

/** Waits for the listeners, but not long: a store that is down must not keep a key from following one that is not safe any more. */
async function tell(listeners: ReadonlySet<() => void | Promise<void>>): Promise<void> {
  if (listeners.size === 0) return
  await inTime(Promise.allSettled([...listeners].map(async (listener) => listener())), LISTENER_TIMEOUT_MS, () => {})
}
