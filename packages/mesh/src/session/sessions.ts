import type { OperationRefusal } from '../operation-refusal.js'
import type { RevocationReason } from '../revocation-reason.js'
import type { CreatedSession, Session } from './session.js'
import type { SessionStatus } from './session-record.js'
import type { SessionRequest } from './session-request.js'

/** What became of a session that somebody wants to use. */
export type SessionValidation =
  | { readonly status: 'ACTIVE'; readonly session: Session }
  /** `null`: there is no such session, or the secret is not its own. */
  | ({ readonly status: Exclude<SessionStatus, 'ACTIVE'> | null } & OperationRefusal)

/** Where a session is used from. */
export interface SessionUse {
  readonly device?: string | null
  readonly location?: string | null
}

/**
 * Sessions of users, in the state that the mesh shares. Every change is one commit on what was read, so that of two at once one sees the
 * other. No method tells of a store that fails by throwing: it refuses, with `ERR_STATE_UNAVAILABLE`.
 */
export interface Sessions {
  /**
   * Begins a session.
   * @returns `ERR_SESSIONS_EXCEEDED`: the subject has as many as it may. `ERR_SESSION_ENDED`: its certificate is revoked.
   */
  create(request: SessionRequest): Promise<({ readonly refused?: never } & CreatedSession) | OperationRefusal>
  /**
   * May the session be used? A device or a place that is not the session's makes it `SUSPICIOUS`: what was handed on so far ends in every
   * process within a second.
   */
  validate(handle: string, use?: SessionUse): Promise<SessionValidation>
  /** Somebody has failed to prove that the session is theirs, by a PIN or a step-up. The last failure that is allowed locks it. */
  fail(id: string): Promise<SessionStatus | null | OperationRefusal>
  /**
   * Locks it for so long, the `lockSeconds` of the mesh by default. What was handed on so far ends in every process within a second; once the
   * session counts again, it is handed on anew.
   */
  lock(id: string, seconds?: number): Promise<SessionStatus | null | OperationRefusal>
  /** The user has confirmed the use that was suspicious: from now on device and place are these. */
  confirm(id: string, use: SessionUse): Promise<SessionStatus | null | OperationRefusal>
  /** Ends it everywhere, and all that hands it on. It cannot be taken back. */
  revoke(id: string, options: { readonly reason: RevocationReason }): Promise<SessionStatus | null | OperationRefusal>
  /** `null`: there is none. */
  get(id: string): Promise<Session | null | OperationRefusal>
  /** Those of a subject that have not ended. */
  list(subject: string): Promise<readonly Session[] | OperationRefusal>
}
