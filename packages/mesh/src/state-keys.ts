import { joinKey } from '@countersign/core'

/** Kinds of records, each with keys of its own. */
export type StateKind = 'token' | 'refresh' | 'assertion' | 'proof' | 'service' | 'session' | 'subject' | 'propagation'

/** The one way in which a key of the shared state is made. */
export function stateKey(kind: StateKind, ...parts: readonly [string, ...string[]]): string {
  return `${kind}:${joinKey(...parts)}`
}

/** The record of one issued token. */
export function tokenKey(tokenId: string): string {
  return stateKey('token', tokenId)
}
