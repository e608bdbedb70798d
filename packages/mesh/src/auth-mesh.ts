import type { PropagatedSession, Refusal, SessionVerifier } from '@countersign/core'
import type { Revocations } from '@countersign/state'
import type { ApiKeyDirectory, JwtOptions } from '@countersign/token'
import type { MeshJwtOptions } from './jwt-options.js'
import type { OperationRefusal } from './operation-refusal.js'
import type { Revocable, Revoked, RevokeOptions } from './revoke.js'
import type { ServiceAuthentication, ServiceRequest } from './service/authenticate-service.js'
import type { ServiceRegistration } from './service/check-registration.js'
import type { ClientRequest, ClientTlsOptions } from './service/client-options.js'
import type { DeregisterOptions, RegisteredService } from './service/register-service.js'
import type { ServiceStatus } from './service/service-status.js'
import type { TokenValidation, ValidationRequest } from './service/validate-service-token.js'
import type { AcceptanceRequest } from './session/accept-session.js'
import type { HandedSession, PropagationRequest } from './session/propagate-session.js'
import type { SessionVerifierOptions } from './session/session-verifier.js'
import type { Sessions } from './session/sessions.js'

/**
 * One process of a mesh: it gives services tokens, judges them, hands sessions on and accepts them, and revokes. Processes that share a
 * store and an `issuer` are one mesh. What is refused is a value; only a wrong use throws.
 */
export interface AuthMesh {
  /** A token for a service that has proven itself. */
  authenticateService(request: ServiceRequest): Promise<ServiceAuthentication>
  /** Judges a token by hand, as a guard with {@link AuthMesh.jwt} does. */
  validateServiceToken(token: string, request: ValidationRequest): Promise<TokenValidation>
  /**
   * Takes over the credentials of a service that this process speaks for: checked whole, or nothing is changed. Its certificate must hold
   * its id, be good for both ends of TLS, and come from `ca`.
   */
  registerService(request: ServiceRegistration): Promise<RegisteredService | OperationRefusal>
  /** Its credentials are dropped, and its tokens, certificate and API key revoked, for every process within a second. */
  deregisterService(id: string, options?: DeregisterOptions): Promise<{ readonly refused?: never; readonly id: string } | OperationRefusal>
  /** How a registered service calls another: TLS options with its certificate, which accept that other one alone. */
  clientOptions(request: ClientRequest): ClientTlsOptions | OperationRefusal
  /** The API keys of the services that are registered here, for the `keys` of their verifier. */
  readonly apiKeys: ApiKeyDirectory
  /** How a service stands. */
  status(service: string): Promise<ServiceStatus | OperationRefusal>
  /** Sessions of users. */
  readonly sessions: Sessions
  /** Hands a session on to a service that is called, for one request. */
  propagateSession(request: PropagationRequest): Promise<HandedSession | OperationRefusal>
  /** Accepts a session by hand, as a guard with {@link AuthMesh.sessionVerifier} does: for gRPC metadata and queues. */
  acceptPropagatedSession(token: string, request: AcceptanceRequest): Promise<PropagatedSession | Refusal>
  /** Revokes, for every process within a second. There is no way back. */
  revoke(what: Revocable, options: RevokeOptions): Promise<Revoked | OperationRefusal>
  /** For the `jwt` of a guard's options. */
  jwt(options: MeshJwtOptions): JwtOptions
  /** For the `session` of a guard's options. */
  sessionVerifier(options: SessionVerifierOptions): SessionVerifier
  /** What has been revoked anywhere: for `mtls: { denyList }`, and for lists of your own. */
  readonly revocations: Revocations
  /** @internal What an authorization server stands on. */
  readonly context: object
  /** Keys are published, what was revoked is known. Rejects if the store cannot be reached, or must not be used. */
  ready(): Promise<void>
  /** Looks at every service now, as it does every `syncSeconds`. */
  sync(): Promise<void>
  /** One line of what is enforced, for the log at start. */
  toString(): string
  /** Delivers what events it can, and stops. What was handed in finished stays open. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
