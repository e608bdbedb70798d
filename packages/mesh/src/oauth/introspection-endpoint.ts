import { isRefusal, REVOKED_WITH_CLAIM, type Token } from '@countersign/core'
import type { MeshCore } from '../mesh-core.js'
import { answerJson } from './answer.js'
import type { ClientAuthenticator } from './client-authenticator.js'
import type { ClientQuota } from './client-quota.js'
import { answered, type Endpoint, rejected } from './endpoint.js'
import type { RefreshFamilies } from './refresh-families.js'
import type { RegisteredClient } from './registered-client.js'
import { isRejection, reject } from './rejection.js'
import type { TokenReader } from './token-reader.js'

/** What the introspection endpoint works with. */
export interface IntrospectionEndpointParts {
  readonly core: MeshCore
  readonly authenticator: ClientAuthenticator
  readonly quota: ClientQuota
  readonly reader: TokenReader
  readonly families: RefreshFamilies
}

/** Members of the answer that are claims of the token (RFC 7662 §2.2, RFC 8705 §3.2, RFC 8693 §4). */
const CLAIMS = ['scope', 'client_id', 'exp', 'iat', 'nbf', 'sub', 'aud', 'iss', 'jti', 'cnf', 'act', 'may_act', REVOKED_WITH_CLAIM] as const

/** RFC 7662 §2.2: whatever else there is to say of a token, it is not said. */
const INACTIVE = Object.freeze({ active: false })

/** Makes the introspection endpoint (RFC 7662). */
export function createIntrospectionEndpoint({ core, authenticator, quota, reader, families }: IntrospectionEndpointParts): Endpoint {
  const { clock } = core.surroundings

  return async ({ inbound, form }) => {
    const text = form.one('token')
    if (text === null) return rejected(reject('ERR_OAUTH_REQUEST', { reason: 'token' }))
    // RFC 7662 §2.1: MUST also require some form of authorization.
    const authenticated = await authenticator.authenticate(inbound, form)
    if (isRejection(authenticated)) return rejected(authenticated)
    const { client } = authenticated
    const exceeded = quota.take(client.clientId)
    if (exceeded !== null) return rejected(exceeded, client.clientId)
    if (client.introspection === null) return rejected(reject('ERR_GRANT_NOT_ALLOWED'), client.clientId)
    const token = await reader.readOwn(text)
    if (!isRefusal(token)) return answered(answerJson(200, mayKnow(client, token) ? describe(token) : INACTIVE))
    if (token.code === 'ERR_TOKEN_REVOCATION_UNKNOWN' || token.code === 'ERR_KEYS_UNAVAILABLE' || token.code === 'ERR_GUARD_FAULT')
      return rejected(reject('ERR_STATE_UNAVAILABLE', { reason: token.code }), client.clientId)
    return answered(answerJson(200, await describeRefresh(client, text)))
  }

  /** A refresh token is its client's alone to ask about. */
  async function describeRefresh(client: RegisteredClient, text: string): Promise<object> {
    const stored = await families.find(text)
    if (stored === null) return INACTIVE
    const { family, digest } = stored
    const isAlive = !families.isOver(family) && digest === family.current && clock.nowMs() < family.expiresAtMs
    if (!isAlive || family.clientId !== client.clientId) return INACTIVE
    const { subject, audience, scopes, expiresAtMs } = family
    return {
      active: true,
      client_id: client.clientId,
      sub: subject,
      aud: audience,
      iss: core.issuer,
      exp: Math.floor(expiresAtMs / 1000),
      ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    }
  }
}

function mayKnow({ introspection, clientId, subject }: RegisteredClient, { audience, claims }: Token): boolean {
  return introspection === 'any' || claims['client_id'] === clientId || audience.includes(clientId) || audience.includes(subject)
}

function describe({ claims, boundToKey }: Token): object {
  const members = CLAIMS.filter((name) => claims[name] !== undefined).map((name) => [name, claims[name]])
  return { active: true, token_type: boundToKey === null ? 'Bearer' : 'DPoP', ...Object.fromEntries(members) }
}
