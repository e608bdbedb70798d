import type { PropagatedSession } from '@countersign/core'

/** How a session came to be accepted. */
export interface Acceptance {
  /** Who has accepted it. */
  readonly service: string
  readonly tokenId: string
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
