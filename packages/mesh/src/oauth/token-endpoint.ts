import type { Headers } from '@countersign/core'
import { isRebuilding } from '../is-rebuilding.js'
import type { SenderBinding } from '../issue/token-mint.js'
import type { MeshCore } from '../mesh-core.js'
import { answerJson } from './answer.js'
import type { ClientGrant } from './client.js'
import type { ClientAuthenticator } from './client-authenticator.js'
import type { ClientQuota } from './client-quota.js'
import { answered, type Endpoint, rejected } from './endpoint.js'
import type { Grant, Granted } from './grant.js'
import type { ProofReader } from './proof-reader.js'
import type { RegisteredClient } from './registered-client.js'
import { isRejection, reject } from './rejection.js'
import { resolveBinding } from './sender-binding.js'

/** Names of the grants, as figures and logs call them. */
export type GrantName = ClientGrant | 'refresh_token'

const GRANT_NAMES: ReadonlyMap<string, GrantName> = new Map<string, GrantName>([
  ['client_credentials', 'client_credentials'],
  ['refresh_token', 'refresh_token'],
  ['urn:ietf:params:oauth:grant-type:token-exchange', 'token_exchange'],
])

/** Every `grant_type` there is here. */
export const GRANT_TYPES: readonly string[] = Object.freeze([...GRANT_NAMES.keys()])

/** What the token endpoint works with. */
export interface TokenEndpointParts {
  readonly core: MeshCore
  readonly authenticator: ClientAuthenticator
  readonly quota: ClientQuota
  readonly proofs: ProofReader
  readonly grants: Readonly<Record<GrantName, Grant>>
}

/** The grant that a request asks for; `null` for none of ours. */
export function grantNameOf(grantType: string | null): GrantName | null {
  return grantType === null ? null : (GRANT_NAMES.get(grantType) ?? null)
}

/** Makes the token endpoint (RFC 6749 §3.2). */
export function createTokenEndpoint({ core, authenticator, quota, proofs, grants }: TokenEndpointParts): Endpoint {
  return async ({ inbound, form }) => {
    const grantType = form.one('grant_type')
    if (grantType === null) return rejected(reject('ERR_OAUTH_REQUEST', { reason: 'grant_type' }))
    const name = grantNameOf(grantType)
    if (name === null) return rejected(reject('ERR_GRANT_UNSUPPORTED'))
    const authenticated = await authenticator.authenticate(inbound, form)
    if (isRejection(authenticated)) return rejected(authenticated)
    const { client, certificate } = authenticated
    const exceeded = quota.take(client.clientId)
    if (exceeded !== null) return rejected(exceeded, client.clientId)
    // Of a refresh token nobody could tell either, and it is not the client's fault.
    if (isRebuilding(core, core.surroundings.clock.nowMs()))
      return rejected(reject('ERR_STATE_UNAVAILABLE', { reason: 'rebuilding' }), client.clientId)
    if (!mayUse(client, name)) return rejected(reject('ERR_GRANT_NOT_ALLOWED'), client.clientId)
    const proof = await proofs.read(inbound)
    if (isRejection(proof.finding)) return rejected(proof.finding, client.clientId, proof.headers)
    const boundTo = resolveBinding(client, certificate, proof.finding)
    if (isRejection(boundTo)) return rejected(boundTo, client.clientId, proof.headers)
    const granted = await grants[name]({ client, form, certificate, boundTo })
    if (isRejection(granted)) return rejected(granted, client.clientId, proof.headers)
    const { audience } = granted
    const { tokenId, expiresAtMs } = granted.token
    const bound = (boundTo.thumbprint ?? boundTo.jkt) !== null
    const facts = { audience, tokenId, bound, grant: name, client: client.clientId, expiresAtMs }
    return answered(answerGranted(granted, boundTo, proof.headers), { kind: 'issued', service: client.subject, facts })
  }
}

function mayUse({ grants, refresh }: RegisteredClient, name: GrantName): boolean {
  return name === 'refresh_token' ? refresh !== null : grants.has(name)
}

/** RFC 6749 §5.1, RFC 8693 §2.2.1, RFC 9449 §5. */
function answerGranted({ token, scopes, refreshToken, issuedTokenType }: Granted, { jkt }: SenderBinding, headers: Headers) {
  const document = {
    access_token: token.text,
    token_type: jkt === null ? 'Bearer' : 'DPoP',
    expires_in: token.expiresInSeconds,
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
    ...(issuedTokenType === null ? {} : { issued_token_type: issuedTokenType }),
  }
  return answerJson(200, document, headers)
}
