/**
 * The request field, and the key of gRPC metadata, that hands a session on. Lowercase. Where nobody accepts it, it is taken off a request:
 * no handler should mistake it for something that was judged.
 */
export const SESSION_FIELD = 'propagated-session'

/** A caller's session that another service has handed on, accepted here. Frozen. */
export interface PropagatedSession {
  readonly id: string
  /** Whose session it is. */
  readonly subject: string
  /** Who handed it on: the service that called us first, then the one before it, back to where the session began. Never empty. */
  readonly actors: readonly [string, ...string[]]
  readonly scopes: ReadonlySet<string>
  /** What the session carries, as it was created with. Frozen. */
  readonly claims: Readonly<Record<string, unknown>>
  /** One id for all that is done on its way, in every service's log. */
  readonly correlationId: string
  /** When the session itself ends; what handed it on has run out long before. Epoch milliseconds. */
  readonly expiresAtMs: number
}
