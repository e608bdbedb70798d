import type { JsonWebKey } from 'node:crypto'
import type { NameMatch } from '@countersign/core'
import type { Algorithm, RemoteKeys } from '@countersign/token'

/** A client of the authorization server, as it is registered (RFC 7591 §2). */
export interface OAuthClient {
  /** Printable ASCII, such as the SPIFFE ID of a service. */
  readonly clientId: string
  readonly authentication: OAuthClientAuthentication
  /** Which grants it may use. A refresh token is one of `refresh`. */
  readonly grants: readonly ClientGrant[]
  /** For whom it may get tokens: names of audiences and absolute URIs of resources (RFC 8707). */
  readonly audiences: readonly NameMatch[]
  /** Scopes that it may ask for. Default: none. */
  readonly scopes?: readonly string[]
  /** Scopes of a token that does not ask for any, of those in `scopes`. Default: none. */
  readonly defaultScopes?: readonly string[]
  /** `sub` of its tokens. Default: `clientId`. Keep the names of clients and of users apart (RFC 9068 §5). */
  readonly subject?: string
  /** Lifetime of its tokens, at most the mesh's `token.maxExpiresInSeconds`. Default: the mesh's `token.expiresInSeconds`. */
  readonly tokenSeconds?: number
  /**
   * What its tokens are bound to. `'mtls'`: the certificate of the request (RFC 8705 §3). `'dpop'`: the key of its proof (RFC 9449 §5).
   * `'either'`: whatever the request brings of these, and both where it brings both. Without it no token is issued. Default `'either'`.
   */
  readonly senderConstrained?: 'mtls' | 'dpop' | 'either'
  /** Issues bearer tokens, which work for whoever holds them, where the request brings nothing to bind them to. Default `false`. */
  readonly dangerouslyUnbound?: boolean
  /**
   * Subjects that it may act for by token exchange (RFC 8693), beside what else must be true of their tokens. Default: whoever's token names
   * the client in `aud`, `client_id` or `may_act`.
   */
  readonly mayActFor?: readonly NameMatch[]
  /** Refresh tokens for its own tokens. Default `null`: none. */
  readonly refresh?: RefreshOptions | null
  /**
   * Tokens that it may ask about (RFC 7662). `'own'`: those that name it in `aud` or `client_id`. `'any'`: all of this server. Default
   * `null`: none.
   */
  readonly introspection?: 'own' | 'any' | null
}

export type ClientGrant = 'client_credentials' | 'token_exchange'

/** How a client proves that it is the client: exactly one of these. */
export type OAuthClientAuthentication =
  | CertificateAuthentication
  | SelfSignedAuthentication
  | AssertionAuthentication
  | SecretAuthentication

/**
 * A certificate that `mtls` of the server vouches for, with this name (RFC 8705 §2.1). Exactly one name: `subjectDn` is RFC 4514 text, the
 * others are values of the subjectAltName. Workloads with SPIFFE IDs use `sanUri`.
 */
export interface CertificateAuthentication {
  readonly method: 'tls_client_auth'
  readonly subjectDn?: string
  readonly sanDns?: string
  readonly sanUri?: string
  readonly sanIp?: string
  readonly sanEmail?: string
}

/** One of these very certificates, whoever signed it (RFC 8705 §2.2): by `x5t#S256` thumbprint, or as `x5c` of a JWK Set. */
export interface SelfSignedAuthentication {
  readonly method: 'self_signed_tls_client_auth'
  readonly thumbprints?: readonly string[]
  readonly jwks?: { readonly keys: readonly JsonWebKey[] }
}

/** A JWT that the client signs (RFC 7523, draft-ietf-oauth-rfc7523bis-11). */
export interface AssertionAuthentication {
  readonly method: 'private_key_jwt'
  readonly keys: RemoteKeys | { readonly jwks: readonly JsonWebKey[] }
  /** Default: ES256, RS256, PS256, Ed25519. */
  readonly algorithms?: readonly Algorithm[]
}

/** An API key, sent as the client secret (RFC 6749 §2.3.1). */
export interface SecretAuthentication {
  readonly method: 'client_secret_basic' | 'client_secret_post'
  /** Name of the key's owner. Default: `clientId`. */
  readonly owner?: string
}

/** Refresh of a client's own tokens. Each refresh token works once; one that is used again takes all of its family with it. */
export interface RefreshOptions {
  /** How long before its access token ends a refresh token begins to work. It ends with the access token. Default 300. */
  readonly windowSeconds?: number
  /** How often a grant can be refreshed. Default 3. */
  readonly maxCount?: number
}

/** Clients kept elsewhere. */
export interface ClientDirectory {
  /** @returns `null` for one that is not registered. Bounded in time; one that rejects or is late is unavailable, not unknown. */
  find(clientId: string): OAuthClient | null | Promise<OAuthClient | null>
}
