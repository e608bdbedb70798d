import type { KeyObject } from 'node:crypto'
import type { Source } from '@countersign/core'
import { AT_HAND, type KeyStore } from './key-store.js'
import { keyFromKeyObject, type VerificationKey } from './verification-key.js'

const NONE: readonly VerificationKey[] = Object.freeze([])

/** Keys that somebody else looks after. Each key is checked once; a token without a `kid` has none here. */
export function createSourceKeys(source: Source<KeyObject>): KeyStore {
  const checked = new WeakMap<KeyObject, readonly VerificationKey[]>()

  function check(key: KeyObject, kid: string): readonly VerificationKey[] {
    const verdict = keyFromKeyObject(key, kid)
    const keys = typeof verdict === 'string' ? NONE : [verdict]
    checked.set(key, keys)
    return keys
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
    async ready() {
      await source.ready?.()
    },
    // A source that is handed in stays the caller's to close.
    async close() {},
  }
}
