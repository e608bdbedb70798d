import type { BackgroundKey, PublicJwk } from './signing-key.js'

/** A key, and what it does now: it will sign, it signs, or it has signed what may still be alive. */
export interface KeyVersion {
  readonly jwk: PublicJwk
  readonly state: 'next' | 'current' | 'retired'
  /** When nothing that it signed is alive any more; `null` as long as it may sign. Epoch milliseconds. */
  readonly untilMs: number | null
}

/** The keys of one issuer. Exactly one of them signs. */
export interface KeyVersions<Key extends BackgroundKey> {
  readonly current: Key
  /** Published, and not signing: the keys that are to follow. */
  readonly ahead: readonly Key[]
  readonly retiredCount: number
  /** Publishes the keys that are to sign later, and no others. */
  announce(keys: readonly Key[]): void
  /** Signs with `key` from now on. The one before stays published for so long; with 0, not at all. */
  advance(key: Key, overlapMs: number, nowMs: number): void
  /** The one that signs first, then the next, then the retired. */
  list(nowMs: number): readonly KeyVersion[]
  jwks(nowMs: number): { readonly keys: readonly PublicJwk[] }
}

/** Keeps the versions of a key. */
export function createKeyVersions<Key extends BackgroundKey>(first: Key, following: readonly Key[] = []): KeyVersions<Key> {
  let current = first
  let ahead = following
  let retired: readonly { readonly jwk: PublicJwk; readonly untilMs: number }[] = []

  function list(nowMs: number): readonly KeyVersion[] {
    retired = retired.filter(({ untilMs }) => untilMs > nowMs)
    return [
      { jwk: current.jwk, state: 'current', untilMs: null },
      ...ahead.map(({ jwk }): KeyVersion => ({ jwk, state: 'next', untilMs: null })),
      ...retired.map(({ jwk, untilMs }): KeyVersion => ({ jwk, state: 'retired', untilMs })),
    ]
  }

  return {
    get current() {
      return current
    },
    get ahead() {
      return ahead
    },
    get retiredCount() {
      return retired.length
    },
    announce(keys) {
      ahead = keys
    },
    advance(key, overlapMs, nowMs) {
      if (overlapMs > 0) retired = [{ jwk: current.jwk, untilMs: nowMs + overlapMs }, ...retired]
      // A key may come back, from a file that was put back.
      retired = retired.filter(({ jwk }) => jwk.kid !== key.jwk.kid)
      ahead = ahead.filter((other) => other.jwk.kid !== key.jwk.kid)
      current = key
    },
    list,
    jwks: (nowMs) => ({ keys: list(nowMs).map(({ jwk }) => jwk) }),
  }
}
