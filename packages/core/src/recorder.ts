import type { Code } from './catalogue.js'
import type { Facts } from './refusal.js'

/** What is written down. Holds no token, no key, and no text of the caller's choosing that is not escaped and cut. */
export interface SecurityEvent {
  readonly kind: EventKind
  readonly severity: 'info' | 'warn' | 'error'
  readonly code?: Code | string
  /** Fixed text, for people. */
  readonly message: string
  readonly facts: Facts
  readonly cause?: unknown
}

export type EventKind =
  | 'request.denied'
  | 'request.allowed'
  | 'peer.first-seen'
  | 'trust.reloaded'
  | 'trust.reload-failed'
  | 'credential.reloaded'
  | 'credential.reload-failed'
  | 'credential.expiring'
  | 'connection.ended'
  | 'forwarded.ignored'
  | 'api-key.locked'
  | 'service.registered'
  | 'service.deregistered'
  | 'service.authenticated'
  | 'service.authentication-failed'
  | 'session.created'
  | 'session.changed'
  | 'session.ended'
  | 'session.propagated'
  | 'session.accepted'
  | 'session.refused'
  | 'token.issued'
  | 'token.refused'
  | 'credential.rotated'
  | 'evidence.revoked'
  | 'state.degraded'
  | 'state.restored'
  | 'clock.drifted'
  | 'event.parked'
  | 'limit.degraded'
  | 'limit.restored'
  | 'guard.configured'
  | 'guard.misused'

export interface Recorder {
  /** Would an event of this kind be kept now? Asked first, so that nothing is built in vain; sampling happens here. */
  wants(kind: EventKind): boolean
  /** `false`: the event was lost, and the options say that the request must not go on then. */
  record(event: SecurityEvent): boolean
  close(): Promise<void>
}
