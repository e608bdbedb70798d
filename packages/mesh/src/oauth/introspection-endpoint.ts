import { isRefusal, REVOKED_WITH_CLAIM, type Token } from '@countersign/core'
import { answerJson } from './answer.js'
import { answered, type Endpoint, rejected } from './endpoint.js'
import type { RegisteredClient } from './registered-client.js'
import { reject } from './rejection.js'
import { createTokenQuestion, type TokenQuestionParts } from './token-question.js'
import { isUnjudged } from './token-reader.js'

/** Members of the answer that are claims of the token (RFC 7662 §2.2, RFC 8705 §3.2, RFC 8693 §4). */
const CLAIMS = ['scope', 'client_id', 'exp', 'iat', 'nbf', 'sub', 'aud', 'iss', 'jti', 'cnf', 'act', 'may_act', REVOKED_WITH_CLAIM] as const

/** RFC 7662 §2.2: whatever else there is to say of a token, it is not said. */
const INACTIVE = Object.freeze({ active: false })

/** Makes the introspection endpoint (RFC 7662). */
export function createIntrospectionEndpoint(parts: TokenQuestionParts): Endpoint {
  const { reader, families } = parts
  const { core } = parts.context
  const { clock } = core.surroundings

  return createTokenQuestion(parts, async (client, text) => {
    if (client.introspection === null) return rejected(reject('ERR_GRANT_NOT_ALLOWED'), client.clientId)
    const token = await reader.readOwn(text)
    if (!isRefusal(token)) return answered(answerJson(200, mayKnow(client, token) ? describe(token) : INACTIVE))
    if (isUnjudged(token.code)) return rejected(reject('ERR_STATE_UNAVAILABLE', { reason: token.code }), client.clientId)
    return answered(answerJson(200, await describeRefresh(client, text)))
  })

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
