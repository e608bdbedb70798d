/**
 * What can be revoked: a token by its `jti`, a key by its `kid`, the tokens of a service by their `sub`, a session by its id, a certificate
 * by its `x5t#S256`.
 */
export type RevocationKind = 'token' | 'service' | 'key' | 'session' | 'certificate'

export const REVOCATION_KINDS: readonly RevocationKind[] = Object.freeze(['token', 'service', 'key', 'session', 'certificate'])

/**
 * What has been revoked. Local, so that asking never waits: it is kept current from outside.
 * A question that throws, or is answered with anything but true or false, is not answered.
 */
export interface RevocationList {
  /** @param issuedAtMs when the evidence was issued; a service can be revoked for what it got before a moment. Epoch milliseconds. */
  has(kind: RevocationKind, id: string, issuedAtMs: number): boolean
  /** How long ago the list was last known to be complete; 0 for a list that always is. */
  readonly ageMs: number
  /** How old it may be where the options say to refuse beyond that. Default 30,000. */
  readonly leaseMs?: number
  /** Grows with every change: what was answered in an epoch holds for all of it. Without it each request asks. */
  readonly epoch?: number
  /**
   * What was issued before this moment cannot be judged: the store has lost what it knew of it, and nobody has given it back yet.
   * Epoch milliseconds. Default: the list goes back for ever.
   */
  readonly completeSinceMs?: number
}

// Three heartbeats of ten seconds: a list that is pushed to is silent no longer unless something is wrong.
const DEFAULT_LEASE_MS = 30_000

export function isRevocationList(list: unknown): list is RevocationList {
  return typeof list === 'object' && list !== null && 'has' in list && typeof list.has === 'function' && 'ageMs' in list
}

/**
 * Is a list current, so that what it does not hold was not revoked?
 * @param maxAgeMs how old it may be; `null`: as old as it says itself.
 */
export function isCurrentList(list: RevocationList, maxAgeMs: number | null): boolean {
  const { ageMs } = list
  // Written so that an age without a number is too old.
  return ageMs >= 0 && ageMs <= (maxAgeMs ?? list.leaseMs ?? DEFAULT_LEASE_MS)
}

/** Asks a list. `undefined`: it did not answer. */
export function askRevocationList(list: RevocationList, kind: RevocationKind, id: string, issuedAtMs: number): boolean | undefined {
  // Not by truthiness: a promise would be a revocation that nobody waits for, and `undefined` a pardon.
  const answer: unknown = list.has(kind, id, issuedAtMs)
  return typeof answer === 'boolean' ? answer : undefined
}
