import {
  checkKeys,
  checkText,
  MisuseError,
  type PropagatedSession,
  REPEATED,
  type Refusal,
  refuse,
  SESSION_FIELD,
  type SessionVerifier,
} from '@countersign/core'
import type { MeshContext } from '../mesh-context.js'
import type { SessionAcceptor } from './accept-session.js'
import { type AcceptedSessions, isAcceptanceRevoked } from './accepted-sessions.js'

export interface SessionVerifierOptions {
  /** Id of the service that the guard protects. */
  readonly service: string
}

const TOO_MANY = Object.freeze(refuse('ERR_SESSION_REPEATED'))
const NONE = Object.freeze(refuse('ERR_SESSION_INVALID', Object.freeze({ reason: 'there is none' })))
const ENDED = Object.freeze(refuse('ERR_SESSION_ENDED'))
const UNKNOWN = Object.freeze(refuse('ERR_SESSION_ENDED', Object.freeze({ reason: 'it was not accepted here' })))
const OUTDATED = Object.freeze(refuse('ERR_SESSION_UNAVAILABLE', Object.freeze({ reason: 'the list is too old' })))

/**
 * Makes the verifier for the `session` of a guard's options.
 * @throws {MisuseError}
 */
export function createSessionVerifier(
  { core, rules }: MeshContext,
  acceptor: SessionAcceptor,
  accepted: AcceptedSessions,
  ready: () => Promise<void>,
  options: SessionVerifierOptions,
): SessionVerifier {
  checkKeys('options', options, ['service'])
  const service = checkText('options.service', options.service)
  if (rules.services.get(service) === undefined)
    throw new MisuseError('ERR_OPTION_INVALID', 'options.service', 'takes the id of a service of this mesh')

  function judge(session: PropagatedSession): Refusal | null {
    const acceptance = accepted.of(session)
    if (acceptance?.service !== service) return UNKNOWN
    if (!(core.surroundings.clock.nowMs() < session.expiresAtMs)) return ENDED
    const { revocations } = core
    // Written so that a NaN refuses.
    if (!(revocations.ageMs <= revocations.leaseMs)) return OUTDATED
    if (!(acceptance.issuedAtMs >= revocations.completeSinceMs)) return OUTDATED
    return isAcceptanceRevoked(session, acceptance, revocations) ? ENDED : null
  }

  return Object.freeze<SessionVerifier>({
    kind: 'session',
    fields: Object.freeze([SESSION_FIELD]),
    isPresented: (inbound) => inbound.header(SESSION_FIELD) !== null,
    async accept(inbound, caller) {
      const field = inbound.header(SESSION_FIELD)
      if (field === REPEATED) return TOO_MANY
      return field === null ? NONE : acceptor.accept(field, { service, caller })
    },
    judge,
    ready,
    toString: () => `sessions handed on to ${service}`,
  })
}
