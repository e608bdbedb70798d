import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '@countersign/core'
import { type KeyFlaw, keyFromJwk, type VerificationKey } from './verification-key.js'

/** Keys by `kid`. Never changes; another set takes its place. */
export interface KeySet {
  readonly size: number
  /** Names the whole content: two sets with the same are the same. */
  readonly fingerprint: string
  /** Keys that a signature of this `kid` and algorithm may be of: none, one, or a few that share the `kid`. */
  find(kid: string | null, algorithm: string): readonly VerificationKey[]
}

/** What became of a JWKS: the keys that can be used, and how many were left out for which reason. */
export interface ReadKeys {
  readonly keys: KeySet
  readonly flaws: Partial<Record<KeyFlaw, number>>
}

// A JWKS with more is a mistake or an attack: each key costs an import.
const MAX_KEYS = 100
// Keys that share a kid are all tried (RFC 7517 §4.5 allows it for different kinds); each try costs a verification.
const MAX_CANDIDATES = 4

const NONE: readonly VerificationKey[] = Object.freeze([])

/** Reads a JWK Set (RFC 7517 §5). `null` if it is none, or holds too many keys. A key that cannot be used is left out. */
export function readJwks(document: JsonObject | null, uses: ReadonlySet<unknown>): ReadKeys | null {
  const list = document?.['keys']
  return isJsonArray(list) ? readKeys(list, uses) : null
}

/** Reads the keys of a JWK Set. */
export function readKeys(list: readonly JsonValue[], uses: ReadonlySet<unknown>): ReadKeys | null {
  if (list.length > MAX_KEYS) return null
  const keys: VerificationKey[] = []
  const flaws: Partial<Record<KeyFlaw, number>> = {}
  for (const jwk of list) {
    const key = isJsonObject(jwk) ? keyFromJwk(jwk, uses) : 'malformed'
    if (typeof key === 'string') flaws[key] = (flaws[key] ?? 0) + 1
    else keys.push(key)
  }
  return { keys: createKeySet(keys), flaws }
}

/** Makes a {@link KeySet}. */
export function createKeySet(keys: readonly VerificationKey[]): KeySet {
  const byKid = new Map<string | null, VerificationKey[]>()
  for (const key of keys) {
    const same = byKid.get(key.kid)
    if (same === undefined) byKid.set(key.kid, [key])
    else same.push(key)
  }
  return {
    size: keys.length,
    fingerprint: keys
      .map((key) => JSON.stringify([key.kid, key.thumbprint, ...key.algorithms]))
      .sort()
      .join(),
    find(kid, algorithm) {
      const found = (kid === null ? keys : (byKid.get(kid) ?? NONE)).filter((key) => key.algorithms.has(algorithm))
      // A token that names no key is only tried where there is no choice.
      if (kid === null) return found.length === 1 ? found : NONE
      return found.length > MAX_CANDIDATES ? found.slice(0, MAX_CANDIDATES) : found
    },
  }
}
