import type { MeshContext } from '../mesh-context.js'
import type { ClientAuthenticator } from './client-authenticator.js'
import type { ClientQuota } from './client-quota.js'
import { type Endpoint, type EndpointResult, rejected } from './endpoint.js'
import type { RefreshFamilies } from './refresh-families.js'
import type { RegisteredClient } from './registered-client.js'
import { isRejection, reject } from './rejection.js'
import type { TokenReader } from './token-reader.js'

/** What an endpoint works with that is asked about a token. */
export interface TokenQuestionParts {
  readonly context: MeshContext
  readonly authenticator: ClientAuthenticator
  readonly quota: ClientQuota
  readonly reader: TokenReader
  readonly families: RefreshFamilies
}

/**
 * Makes an endpoint that is asked about a token, which stands in the parameter `token`.
 * @param answer to a client that has proven who it is, and may ask.
 */
export function createTokenQuestion(
  { authenticator, quota }: Pick<TokenQuestionParts, 'authenticator' | 'quota'>,
  answer: (client: RegisteredClient, text: string) => Promise<EndpointResult>,
): Endpoint {
  return async ({ inbound, form }) => {
    const text = form.one('token')
    if (text === null) return rejected(reject('ERR_OAUTH_REQUEST', { reason: 'token' }))
    // RFC 7009 §2.1, RFC 7662 §2.1: whoever asks must be known.
    const authenticated = await authenticator.authenticate(inbound, form)
    if (isRejection(authenticated)) return rejected(authenticated)
    const { client } = authenticated
    const exceeded = quota.take(client.clientId)
    return exceeded === null ? answer(client, text) : rejected(exceeded, client.clientId)
  }
}
