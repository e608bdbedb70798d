import type { OAuthClientAuthentication } from './client.js'
import { GRANT_TYPES } from './token-endpoint.js'

/** Where the endpoints of a server are. */
export interface EndpointPaths {
  readonly token: string
  readonly revoke: string
  readonly introspect: string
  readonly jwks: string
  readonly metadata: string
}

const WELL_KNOWN = '/.well-known/oauth-authorization-server'

/** The paths that belong to an issuer: its own below its path, its metadata as RFC 8414 §3.1 has it. */
export function pathsOf(issuer: string): EndpointPaths {
  const { pathname } = new URL(issuer)
  // RFC 8414 §3: a terminating slash is removed first.
  const base = pathname.replace(/\/$/, '')
  return Object.freeze({
    token: `${base}/token`,
    revoke: `${base}/revoke`,
    introspect: `${base}/introspect`,
    jwks: `${base}/jwks`,
    metadata: `${WELL_KNOWN}${base}`,
  })
}

/** What of a server its metadata says. */
export interface MetadataParts {
  readonly issuer: string
  readonly paths: EndpointPaths
  readonly methods: readonly OAuthClientAuthentication['method'][]
  readonly algorithms: readonly string[]
  /** Of DPoP proofs; empty where none are read. */
  readonly proofAlgorithms: readonly string[]
  /** Origin at which client certificates are asked for, where that is another. */
  readonly mtlsOrigin: string | null
}

/** Authorization server metadata (RFC 8414 §2). */
export function metadataOf({ issuer, paths, methods, algorithms, proofAlgorithms, mtlsOrigin }: MetadataParts): object {
  const { origin } = new URL(issuer)
  const signed = methods.includes('private_key_jwt') ? algorithms : undefined
  return {
    issuer,
    token_endpoint: `${origin}${paths.token}`,
    revocation_endpoint: `${origin}${paths.revoke}`,
    introspection_endpoint: `${origin}${paths.introspect}`,
    jwks_uri: `${origin}${paths.jwks}`,
    // REQUIRED, and there is no authorization endpoint.
    response_types_supported: [],
    grant_types_supported: GRANT_TYPES,
    token_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_methods_supported: methods,
    ...(signed === undefined
      ? {}
      : {
          token_endpoint_auth_signing_alg_values_supported: signed,
          revocation_endpoint_auth_signing_alg_values_supported: signed,
          introspection_endpoint_auth_signing_alg_values_supported: signed,
        }),
    // RFC 8705 §3.3
    tls_client_certificate_bound_access_tokens: true,
    ...(proofAlgorithms.length === 0 ? {} : { dpop_signing_alg_values_supported: proofAlgorithms }),
    ...(mtlsOrigin === null ? {} : { mtls_endpoint_aliases: aliasesOf(mtlsOrigin, paths) }),
  }
}

/** RFC 8705 §5 */
function aliasesOf(origin: string, paths: EndpointPaths): object {
  return {
    token_endpoint: `${origin}${paths.token}`,
    revocation_endpoint: `${origin}${paths.revoke}`,
    introspection_endpoint: `${origin}${paths.introspect}`,
  }
}
