import { createSelfSigned } from '@countersign/issuer'
import type { OAuthClient } from '@countersign/mesh'
import { type Workload, workloadFrom } from '@countersign/testing'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose'
import { BILLING, ORDERS } from './stage.js'

/** Everything that a client may be given, so that a test says only what it is about. */
export function clientOf(clientId: string, authentication: OAuthClient['authentication'], changes: Partial<OAuthClient> = {}): OAuthClient {
  return {
    clientId,
    authentication,
    grants: ['client_credentials', 'token_exchange'],
    audiences: [BILLING, ORDERS, 'https://api.example/'],
    scopes: ['read', 'write'],
    defaultScopes: ['read'],
    introspection: 'own',
    ...changes,
  }
}

export const byCertificate = (id: string, changes: Partial<OAuthClient> = {}): OAuthClient =>
  clientOf(id, { method: 'tls_client_auth', sanUri: id }, changes)

/** A self-signed certificate, and the client that registered it. */
export function selfSigned(): { readonly workload: Workload; readonly client: OAuthClient } {
  const workload = workloadFrom('tool', createSelfSigned({ commonName: 'tool', validSeconds: 3600 }))
  const x5c = [Buffer.from(workload.certificateDer).toString('base64')]
  return { workload, client: clientOf('tool', { method: 'self_signed_tls_client_auth', jwks: { keys: [{ kty: 'EC', x5c }] } }) }
}

/** A key pair, and the client that registered its public part. */
export async function signing(algorithm: 'ES256' | 'RS256' | 'PS256' | 'Ed25519' = 'ES256'): Promise<{
  readonly key: CryptoKey
  readonly jwk: JWK
  readonly client: OAuthClient
}> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: `${algorithm}-key`, alg: algorithm }
  const client = clientOf('signer', { method: 'private_key_jwt', keys: { jwks: [jwk] } }, { dangerouslyUnbound: true })
  return { key: privateKey, jwk, client }
}
