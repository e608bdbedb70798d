import { FetchError, fetchBytes, parseJsonObject, RefusedError, type Surroundings } from '@countersign/core'
import { elapsed } from './elapsed.js'
import { type KeySet, type ReadKeys, readJwks } from './key-set.js'
import type { KeyStore, Standing } from './key-store.js'
import { recordReload, recordReloadFailure } from './reload-events.js'
import type { VerificationKey } from './verification-key.js'

/** Where keys are fetched, and how long they are believed. Checked. */
export interface RemoteKeysOptions {
  readonly issuer: string
  /** Where the keys are now. Rejects with a {@link FetchError} where that cannot be told. */
  locate(signal: AbortSignal): string | Promise<string>
  readonly timeoutMs: number
  /** A key that the issuer removed is believed no longer than this. */
  readonly maxAgeMs: number
  /** And so much longer where the issuer cannot be asked. */
  readonly staleMs: number
}

// After an answer: a flood of unknown kids costs the issuer one request in so long, and a key that is really new is found as soon.
const COOLDOWN_MS = 10_000
// After a failure: doubled each time.
const FIRST_BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 30_000

// A hundred keys of 8192 bits, with certificate chains, fit; a bomb does not.
const MAX_BYTES = 256 * 1024
const ACCEPT = 'application/jwk-set+json, application/json'

const NONE: readonly VerificationKey[] = Object.freeze([])

/**
 * Keys behind a `jwks_uri`. Asked again in the background after half of their age, waited for at their age, and by a token under an
 * unknown `kid` at most once a cooldown: there is no list of unknown `kid`s that could lock a rotation out.
 */
export function createRemoteKeys(options: RemoteKeysOptions, uses: ReadonlySet<unknown>, surroundings: Surroundings): KeyStore {
  const { clock, recorder } = surroundings
  const { issuer, maxAgeMs, staleMs } = options
  const refreshMs = maxAgeMs / 2
  const closing = new AbortController()
  let keys: KeySet | null = null
  let epoch = 0
  let loadedAtMs = 0
  let failures = 0
  let finishedAtMs = 0
  let waitMs = 0
  let loading: Promise<void> | null = null

  function load(): Promise<void> {
    const finish = (): void => {
      finishedAtMs = clock.nowMs()
      loading = null
    }
    loading ??= attempt().then(finish, finish)
    return loading
  }

  async function attempt(): Promise<void> {
    // The keys are as old as the question, not as the answer.
    const askedAtMs = clock.nowMs()
    try {
      const found = readJwks(parseJsonObject(await ask()), uses)
      if (found === null) throw new FetchError('the answer is not a JWK Set')
      accept(found, askedAtMs)
    } catch (cause) {
      waitMs = Math.min(FIRST_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS)
      failures++
      if (closing.signal.aborted) return
      recordReloadFailure(recorder, issuer, cause instanceof FetchError ? cause.message : 'the keys cannot be read', { cause })
    }
  }

  /** The keys come from where the options say, and from nowhere else (RFC 8725 §3.10). */
  async function ask(): Promise<Uint8Array> {
    const { timeoutMs } = options
    const located = options.locate(closing.signal)
    // Asked at once where the place is known.
    const url = typeof located === 'string' ? located : await located
    const request = { server: 'the issuer', url, accept: ACCEPT, maxBytes: MAX_BYTES, timeoutMs, signal: closing.signal }
    const { bytes } = await fetchBytes(request, surroundings.fetch)
    return bytes ?? new Uint8Array(0)
  }

  function accept(found: ReadKeys, askedAtMs: number): void {
    loadedAtMs = askedAtMs
    failures = 0
    waitMs = COOLDOWN_MS
    if (found.keys.fingerprint === keys?.fingerprint) return
    keys = found.keys
    epoch++
    recordReload(recorder, issuer, found)
  }

  function mayAsk(nowMs: number): boolean {
    return !closing.signal.aborted && (loading !== null || elapsed(finishedAtMs, nowMs) >= waitMs)
  }

  return {
    get epoch() {
      return epoch
    },
    find: (kid, algorithm) => keys?.find(kid, algorithm) ?? NONE,
    standing(nowMs): Standing {
      const ageMs = elapsed(loadedAtMs, nowMs)
      if (keys !== null && ageMs < refreshMs) return 'usable'
      const may = mayAsk(nowMs)
      if (keys === null || ageMs >= maxAgeMs + staleMs) return may ? 'absent' : 'unavailable'
      // While the issuer is down, nobody waits for it again and again: it is asked in the background.
      if (may && ageMs >= maxAgeMs && failures === 0) return 'aged'
      if (may) void load()
      return 'usable'
    },
    missing(nowMs) {
      if (mayAsk(nowMs)) return 'ask'
      return failures === 0 ? 'unknown' : 'failed'
    },
    load,
    async ready() {
      if (keys === null && !closing.signal.aborted) await load()
      if (keys === null) throw new RefusedError('ERR_KEYS_UNAVAILABLE', `The keys of ${issuer} could not be fetched`)
    },
    async close() {
      closing.abort()
      await loading
    },
  }
}
