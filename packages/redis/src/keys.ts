import { createHash } from 'node:crypto'

/** Names of what one mesh keeps. Built here alone, so that no two of them can be the same. */
export interface Keys {
  /** The record of the generation. */
  readonly generation: string
  /** The last sign of life of every process. */
  readonly beats: string
  /** Revocations by the digest of what they revoke. */
  readonly revocations: string
  /** Their digests by their ends. */
  readonly ends: string
  /** Their digests in the order in which they were changed last. */
  readonly order: string
  /** The last number that anything has been ordered by. */
  readonly last: string
  /** Events by their ids. */
  readonly events: string
  /** Ids of events that wait, in the order in which they were committed. */
  readonly waiting: string
  /** Ids of events that somebody has taken, by the end of the lease. */
  readonly taken: string
  readonly channel: string
  record(key: string): string
  claim(id: string): string
}

/**
 * Every key has the one hash tag of its mesh, so that a cluster keeps all of them on one node and a script changes them in one step: they are
 * few and small, and no request waits for them. Claims are many, and stand there too: where they were lost on another node, nobody
 * would notice, and what was used once could be used again.
 */
export function keysOf(name: string): Keys {
  const tag = `{countersign:${name}}`
  return {
    generation: `${tag}:generation`,
    beats: `${tag}:beats`,
    revocations: `${tag}:revocations`,
    ends: `${tag}:ends`,
    order: `${tag}:order`,
    last: `${tag}:last`,
    events: `${tag}:events`,
    waiting: `${tag}:waiting`,
    taken: `${tag}:taken`,
    channel: `${tag}:revoked`,
    record: (key) => `${tag}:record:${key}`,
    // Hashed: what a caller sends is neither long nor brace in a key.
    claim: (id) => `${tag}:claim:${createHash('sha256').update(id).digest('base64url')}`,
  }
}
