import type { KeyObject } from 'node:crypto'
import type { Clock, Source } from '@countersign/core'
import { AT_HAND, type KeyStore } from './key-store.js'
import { keyFromKeyObject, type VerificationKey } from './verification-key.js'

const NONE: readonly VerificationKey[] = Object.freeze([])

// A flood of unknown kids costs the source one question in so long, and a key that is really new is found as soon.
const COOLDOWN_MS = 1_000

/** Keys that somebody else looks after. Each key is checked once; a token without a `kid` has none here. */
export function createSourceKeys(source: Source<KeyObject>, clock: Clock): KeyStore {
  let askedAtMs: number | null = null
  let loading: Promise<void> | null = null

  const checked = new WeakMap<KeyObject, readonly VerificationKey[]>()

  function check(key: KeyObject, kid: string): readonly VerificationKey[] {
    const verdict = keyFromKeyObject(key, kid)
    const keys = typeof verdict === 'string' ? NONE : [verdict]
    checked.set(key, keys)
    return keys
  }

  function load(): Promise<void> {
    const finish = (): void => {
      askedAtMs = clock.nowMs()
      loading = null
    }
    // Not trusted to keep its word: what it throws is its own affair.
    loading ??= Promise.resolve()
      .then(() => source.load?.())
      .then(finish, finish)
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
      if (source.load === undefined) return 'unknown'
      if (loading !== null || askedAtMs === null || Math.abs(nowMs - askedAtMs) >= COOLDOWN_MS) return 'ask'
      return source.failing === true ? 'failed' : 'unknown'
    },
    load,
    async ready() {
      await source.ready?.()
    },
    // A source that is handed in stays the caller's to close.
    async close() {},
  }
}
