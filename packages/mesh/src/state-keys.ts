import { createHash } from 'node:crypto'

/** Kinds of records, each with keys of its own. */
export type StateKind = 'token' | 'refresh' | 'assertion' | 'proof' | 'service' | 'session' | 'subject' | 'propagation'

/** Longer keys are kept by their digest: a store should not hold what a caller made long. */
const MAX_KEY_LENGTH = 200

/** The one way in which a key of the shared state is made: each part with its length before it, so that no two lists of parts make one key. */
export function stateKey(kind: StateKind, ...parts: readonly [string, ...string[]]): string {
  const key = `${kind}:${parts.map((part) => `${part.length}:${part}`).join('')}`
  // Other keys have a digit behind the kind.
  return key.length <= MAX_KEY_LENGTH ? key : `${kind}:#${createHash('sha256').update(key).digest('base64url')}`
}

/** The record of one issued token. */
export function tokenKey(tokenId: string): string {
  return stateKey('token', tokenId)
}
