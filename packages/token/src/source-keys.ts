import type { KeyObject } from 'node:crypto'
import { type Clock, type Source, withDeadline } from '@countersign/core'
import { elapsed } from './elapsed.js'
import { AT_HAND, type KeyStore } from './key-store.js'
import { keyFromKeyObject, type VerificationKey } from './verification-key.js'

// A source is asked for what it has not loaded yet once in so long, however many unknown kids come: it is one of the service's own, and a
// process that has just started signs with a key that nobody has seen.
const COOLDOWN_MS = 1000
const TIMEOUT_MS = 5000

const NONE: readonly VerificationKey[] = Object.freeze([])

/** Keys that somebody else looks after. Each key is checked once; a token without a `kid` has none here. */
export function createSourceKeys(source: Source<KeyObject>, clock: Clock): KeyStore {
  const checked = new WeakMap<KeyObject, readonly VerificationKey[]>()
  const closing = new AbortController()
  let loading: Promise<void> | null = null
  let loadedAtMs = Number.NEGATIVE_INFINITY
  let failed = false

  function check(key: KeyObject, kid: string): readonly VerificationKey[] {
    const verdict = keyFromKeyObject(key, kid)
    const keys = typeof verdict === 'string' ? NONE : [verdict]
    checked.set(key, keys)
    return keys
  }

  function load(): Promise<void> {
    const finish = (withFailure: boolean) => () => {
      failed = withFailure
      loadedAtMs = clock.nowMs()
      loading = null
    }
    // A source may break its word never to reject, or never come back.
    const question = { server: 'the source of keys', timeoutMs: TIMEOUT_MS, signal: closing.signal }
    loading ??= withDeadline(question, async () => source.load?.()).then(finish(false), finish(true))
    return loading
  }

  return {
    ...AT_HAND,
    get epoch() {
      return source.epoch
    },
    find(kid, algorithm) {
      const key = kid === null ? undefined : source.get(kid)
      if (key === undefined || kid === null) return NONE
      const keys = checked.get(key) ?? check(key, kid)
      return keys[0]?.algorithms.has(algorithm) ? keys : NONE
    },
    missing(nowMs) {
      if (source.load === undefined || closing.signal.aborted) return 'unknown'
      if (loading !== null || elapsed(loadedAtMs, nowMs) >= COOLDOWN_MS) return 'ask'
      return failed || source.failing === true ? 'failed' : 'unknown'
    },
    load,
    async ready() {
      await source.ready?.()
    },
    // A source that is handed in stays the caller's to close.
    async close() {
      closing.abort()
      await loading
    },
  }
}
