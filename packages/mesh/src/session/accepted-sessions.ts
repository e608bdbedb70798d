import type { PropagatedSession, RevocableId, RevocationList } from '@countersign/core'
import { isAnyRevoked } from '../handed-down.js'

/** How a session came to be accepted. */
export interface Acceptance {
  /** Who has accepted it. */
  readonly service: string
  readonly tokenId: string
  /**
   * What it is revoked with besides its actors: itself and its period, the tokens that have handed it on, the keys that signed them, the
   * certificates that it came over.
   */
  readonly revokedWith: readonly RevocableId[]
  /** Epoch milliseconds. */
  readonly issuedAtMs: number
}

/** The sessions that were accepted in this process: a session is what was accepted, not what looks like one. */
export interface AcceptedSessions {
  add(session: PropagatedSession, acceptance: Acceptance): void
  of(session: PropagatedSession): Acceptance | undefined
}

export function createAcceptedSessions(): AcceptedSessions {
  // As long as somebody holds the session, and no longer.
  const known = new WeakMap<PropagatedSession, Acceptance>()
  return {
    add: (session, acceptance) => void known.set(session, acceptance),
    of: (session) => known.get(session),
  }
}

/** Has something been revoked that a session was accepted by? Never waits. */
export function isAcceptanceRevoked(
  { actors }: Pick<PropagatedSession, 'actors'>,
  { revokedWith, issuedAtMs }: Acceptance,
  revocations: RevocationList,
): boolean {
  return isAnyRevoked(revocations, [...revokedWith, ...actors.map((actor) => ['service', actor] as const)], issuedAtMs)
}
