import { createHmac, createSecretKey } from 'node:crypto'

/** Hashes the whole text of a key. One call is one operation. */
export type KeyHash = (text: string) => Buffer

/** Makes a {@link KeyHash}. A seam for tests, which count what is hashed. */
export type MakeKeyHash = (hashKey: Uint8Array) => KeyHash

/** Length of what {@link KeyHash} gives. */
export const HASH_BYTES = 32

/**
 * HMAC-SHA-256 under a key that is not kept with the records: whoever reads them can neither use a key nor try one out. The text has 256
 * random bits, so that a slow hash, which is for passwords, would only cost us.
 * @see https://www.rfc-editor.org/rfc/rfc2104
 */
export function createKeyHash(hashKey: Uint8Array): KeyHash {
  const key = createSecretKey(hashKey)
  return (text) => createHmac('sha256', key).update(text).digest()
}
