export { createKeyDirectory, type KeyDirectory, type KeyDirectoryOptions } from './key-directory.js'
export type { MeshCore } from './mesh-core.js'
export { createMeshSecrets, type MasterSecret, type MeshSecrets } from './mesh-secrets.js'
export type { OAuthAnswer } from './oauth/answer.js'
export { type AuthorizationServer, createAuthorizationServer } from './oauth/authorization-server.js'
export type {
  AssertionAuthentication,
  CertificateAuthentication,
  ClientAuthentication,
  ClientDirectory,
  ClientGrant,
  OAuthClient,
  RefreshOptions,
  SecretAuthentication,
  SelfSignedAuthentication,
} from './oauth/client.js'
export type { OAuthExchange } from './oauth/exchange.js'
export type { FastifyReply, KoaContext, OAuthListeners } from './oauth/listener.js'
export type { AuthorizationServerLimits, AuthorizationServerOptions } from './oauth/options.js'
