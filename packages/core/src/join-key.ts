import { createHash } from 'node:crypto'

/** Longer keys are kept by their digest: a full map of them stays a few dozen megabytes, and no store holds what a caller made long. */
const MAX_KEY_LENGTH = 192

/**
 * The one way in which a key is made of parts: each with its length before it, so that no two lists of parts make the same key.
 * @example
 * joinKey('address', '192.0.2.1') // '7:address9:192.0.2.1'
 */
export function joinKey(...parts: readonly string[]): string {
  const key = parts.map((part) => `${part.length}:${part}`).join('')
  // Other keys begin with a digit.
  return key.length <= MAX_KEY_LENGTH ? key : `#${createHash('sha256').update(key).digest('base64url')}`
}
