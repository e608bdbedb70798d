import type { Meter } from '@countersign/core'

/** What a mesh counts. Every label comes from a fixed set: statuses, codes, kinds. */
export interface Figures {
  authenticated(): void
  notAuthenticated(code: string): void
  validated(status: string): void
  propagated(): void
  notPropagated(code: string): void
  accepted(): void
  notAccepted(code: string): void
  revoked(kind: string): void
  sessionChanged(to: string): void
  activeServices(count: number): void
  /** How far a token's clock is ahead. */
  skew(seconds: number): void
  took(operation: 'authenticate' | 'validate' | 'propagate' | 'accept', startMs: number): void
}

/** Makes the instruments, once for a mesh. */
export function createFigures(meter: Meter): Figures {
  const authentications = meter.createCounter('service_authentications', { description: 'Services that got a token' })
  const failed = meter.createCounter('service_authentication_failed_total', { description: 'Services that got no token, by code' })
  const validations = meter.createCounter('service_token_validations_total', {
    description: 'Tokens of services that were validated, by status',
  })
  const propagations = meter.createCounter('session_propagations_total', { description: 'Sessions that were handed on' })
  const unpropagated = meter.createCounter('session_propagation_failed_total', { description: 'Sessions that were not handed on, by code' })
  const acceptances = meter.createCounter('session_acceptances_total', { description: 'Sessions that were accepted' })
  const unaccepted = meter.createCounter('session_acceptance_failed_total', { description: 'Sessions that were not accepted, by code' })
  const revocations = meter.createCounter('auth_revocations_total', { description: 'What was revoked here, by kind' })
  const sessions = meter.createCounter('session_changes_total', { description: 'Sessions that came to a status, by status' })
  const active = meter.createGauge('auth_active_services', { description: 'Services that hold a token which counts' })
  const skew = meter.createGauge('clock_skew_seconds', { description: 'How far another clock is ahead of ours', unit: 's' })
  const latency = meter.createHistogram('service_auth_latency_seconds', { description: 'Time taken to decide a request', unit: 's' })
  return {
    authenticated: () => authentications.add(1),
    notAuthenticated: (reason) => failed.add(1, { reason }),
    validated: (status) => validations.add(1, { status }),
    propagated: () => propagations.add(1),
    notPropagated: (reason) => unpropagated.add(1, { reason }),
    accepted: () => acceptances.add(1),
    notAccepted: (reason) => unaccepted.add(1, { reason }),
    revoked: (kind) => revocations.add(1, { kind }),
    sessionChanged: (status) => sessions.add(1, { status }),
    activeServices: (count) => active.record(count),
    skew: (seconds) => skew.record(seconds, { of: 'token' }),
    took: (operation, startMs) => latency.record((performance.now() - startMs) / 1000, { operation }),
  }
}
