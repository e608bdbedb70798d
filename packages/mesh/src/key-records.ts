import type { KeyObject } from 'node:crypto'
import { isJsonArray, isJsonObject, isSha256Thumbprint, type JsonObject, parseJsonObject } from '@countersign/core'
import type { PublicJwk } from '@countersign/issuer'
import { keyFromJwk, SIGNING_USES } from '@countersign/token'

/** Where the list of all keys stands. */
export const KEY_INDEX = 'keys'

/** Where the public key of one `kid` stands. */
export function keyRecordName(kid: string): string {
  return `key/${kid}`
}

/** What the list says of a key. */
export interface IndexedKey {
  /** Nothing that it signed is alive after that. Epoch milliseconds. */
  readonly untilMs: number
  /** Declared unsafe: it verifies nothing any more, whatever else is read of it. */
  readonly withdrawn: boolean
}

export type KeyIndex = ReadonlyMap<string, IndexedKey>

/** A public key that was published by a process, checked. */
export interface PublishedKey {
  readonly jwk: PublicJwk
  readonly key: KeyObject
  /** The process that published it first. */
  readonly owner: string
}

/** Keys of all processes together: a list of more is a fault, and each costs an import. */
export const MAX_KEYS = 1_000

/** The text of the list of keys. */
export function encodeKeyIndex(index: KeyIndex): string {
  return JSON.stringify({ keys: [...index].map(([kid, { untilMs, withdrawn }]) => [kid, untilMs, withdrawn]) })
}

/**
 * Reads a list of keys.
 * @returns `null` for a text that is none.
 */
export function decodeKeyIndex(text: string): KeyIndex | null {
  const list = parseJsonObject(text)?.['keys']
  if (!isJsonArray(list) || list.length > MAX_KEYS) return null
  const index = new Map<string, IndexedKey>()
  for (const entry of list) {
    if (!isJsonArray(entry)) return null
    const [kid, untilMs, withdrawn] = entry
    if (!isSha256Thumbprint(kid) || typeof untilMs !== 'number' || typeof withdrawn !== 'boolean') return null
    index.set(kid, { untilMs, withdrawn })
  }
  return index
}

/** The text of the record of a key. */
export function encodePublishedKey(jwk: PublicJwk, owner: string): string {
  return JSON.stringify({ jwk, owner })
}

/**
 * Reads the record of a key. Believed is only what names itself: its `kid` is its RFC 7638 thumbprint, so that no record can put another
 * key in the place of one.
 * @returns why it is not used, in a fixed word, instead.
 */
export function decodePublishedKey(text: string, kid: string): PublishedKey | string {
  const record = parseJsonObject(text)
  const jwk = record?.['jwk']
  const owner = record?.['owner']
  if (!isJsonObject(jwk) || typeof owner !== 'string') return 'malformed'
  const found = keyFromJwk(jwk, SIGNING_USES)
  if (typeof found === 'string') return found
  // RFC 8725 §3.1: a key carries one algorithm, and says which.
  if (!isPublicJwk(jwk)) return 'algorithm'
  return found.thumbprint === kid && jwk.kid === kid ? { jwk, key: found.key, owner } : 'kid'
}

function isPublicJwk(jwk: JsonObject): jwk is JsonObject & PublicJwk {
  return typeof jwk['alg'] === 'string' && typeof jwk['kid'] === 'string' && jwk['use'] === 'sig'
}
