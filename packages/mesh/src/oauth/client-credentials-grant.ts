import { changeOf, type Grant, type GrantParts } from './grant.js'
import { isRejection, reject } from './rejection.js'
import { resolveScopes } from './scope.js'
import { resolveTargets } from './target.js'

/** A client's own token (RFC 6749 §4.4). */
export function createClientCredentialsGrant({ core, mint, families }: GrantParts): Grant {
  return async ({ client, form, boundTo }) => {
    const audience = resolveTargets(client, form, null)
    if (isRejection(audience)) return audience
    const scopes = resolveScopes(form.one('scope'), client.scopes, client.defaultScopes)
    if (isRejection(scopes)) return scopes
    const token = await mint.mint({ grant: 'client_credentials', client, subject: client.subject, audience, scopes, boundTo })
    if (isRejection(token)) return token
    const family = client.refresh === null ? null : families.begin(client, { audience, scopes, boundTo }, token)
    const change = changeOf(token)
    const committed = await core.revocations.commit(
      family === null ? change : { ...change, expect: [[family.write.key, null]], put: [...(change.put ?? []), family.write] },
    )
    return committed
      ? { token, scopes, refreshToken: family?.refreshToken ?? null, issuedTokenType: null }
      : reject('ERR_STATE_CONFLICT', { part: 'refresh' })
  }
}
