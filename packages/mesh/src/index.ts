export { isRefusal, type PropagatedSession, type Refusal, SESSION_FIELD } from '@countersign/core'
export type { AuthMesh } from './auth-mesh.js'
export { eventTopic, MESH_EVENT_TYPES, type MeshEventType } from './events/event-topic.js'
export { type MeshEvent, parseMeshEvent } from './events/mesh-event.js'
export type { MeshJwtOptions } from './jwt-options.js'
export { createAuthMesh } from './mesh.js'
export { createMeshSecrets, type MasterSecret, type MeshSecrets } from './mesh-secrets.js'
export type { OAuthAnswer } from './oauth/answer.js'
export { type AuthorizationServer, createAuthorizationServer, type EndpointRoute } from './oauth/authorization-server.js'
export type {
  AssertionAuthentication,
  CertificateAuthentication,
  ClientDirectory,
  ClientGrant,
  OAuthClient,
  OAuthClientAuthentication,
  RefreshOptions,
  SecretAuthentication,
  SelfSignedAuthentication,
} from './oauth/client.js'
export { clientsFromServices } from './oauth/clients-from-services.js'
export type { OAuthExchange } from './oauth/exchange.js'
export type { FastifyReply, KoaContext, OAuthListeners } from './oauth/listener.js'
export type { AuthorizationServerLimits, AuthorizationServerOptions } from './oauth/options.js'
export { isOperationRefusal, type OperationRefusal } from './operation-refusal.js'
export type { AuthMeshOptions, MeshRuntime, PropagationOptions, SessionOptions, TokenLifetimes } from './options.js'
export type { RetryOptions, RetryPolicies } from './retry/retry-options.js'
export type { RevocationReason } from './revocation-reason.js'
export type { Revocable, Revoked, RevokeOptions } from './revoke.js'
export type {
  AuthenticatedService,
  ServiceAuthentication,
  ServiceRequest,
  UnauthenticatedService,
} from './service/authenticate-service.js'
export type { ServiceRegistration } from './service/check-registration.js'
export type { ClientRequest, ClientTlsOptions } from './service/client-options.js'
export type { CredentialText } from './service/credential-text.js'
export type { DeregisterOptions, RegisteredService } from './service/register-service.js'
export type { ServiceDirectory, ServiceEntry } from './service/service-directory.js'
export type { ServiceStatus } from './service/service-status.js'
export type { TokenValidation, ValidationRequest } from './service/validate-service-token.js'
export type { AcceptanceRequest } from './session/accept-session.js'
export type { HandedSession, PropagationRequest } from './session/propagate-session.js'
export type { CreatedSession, Session } from './session/session.js'
export type { SessionStatus } from './session/session-record.js'
export type { SessionRequest } from './session/session-request.js'
export type { SessionVerifierOptions } from './session/session-verifier.js'
export type { Sessions, SessionUse, SessionValidation } from './session/sessions.js'
