import { ofCertificate } from '../handed-down.js'
import type { TokenOrder } from '../issue/token-mint.js'
import { isOperationRefusal } from '../operation-refusal.js'
import { familyId } from '../revocation-entry.js'
import type { Grant, GrantParts } from './grant.js'
import { isRejection, reject, rejectionOf } from './rejection.js'
import { resolveScopes } from './scope.js'
import { resolveTargets } from './target.js'

/** A client's own token (RFC 6749 §4.4). */
export function createClientCredentialsGrant({ issue, families }: GrantParts): Grant {
  return async ({ client, certificate, form, boundTo }) => {
    const audience = resolveTargets(client, form, null)
    if (isRejection(audience)) return audience
    const scopes = resolveScopes(form.one('scope'), client.scopes, client.defaultScopes)
    if (isRejection(scopes)) return scopes
    const { subject } = client
    const shown = certificate?.['x5t#S256'] ?? null
    const got = ofCertificate(shown === boundTo.thumbprint ? null : shown)
    const family = client.refresh === null ? null : families.newId()
    const order: TokenOrder = {
      event: 'auth.service.authenticated',
      by: subject,
      clientId: client.clientId,
      subject,
      audience,
      scopes,
      boundTo,
      revokedWith: family === null ? got : [...got, familyId(family)],
      family,
      expiresInSeconds: client.tokenSeconds,
    }
    let refreshToken: string | null = null
    const token = await issue(order, { proof: { certificate: shown }, madeFrom: null }, (made) => {
      if (family === null) return {}
      const begun = families.begin(family, client, { audience, scopes, boundTo, revokedWith: got }, made)
      refreshToken = begun.refreshToken
      return { expect: [[begun.write.key, null]], put: [begun.write] }
    })
    if (typeof token === 'string') return reject('ERR_STATE_CONFLICT', { part: 'service' })
    return isOperationRefusal(token) ? rejectionOf(token) : { token, audience, scopes, refreshToken, issuedTokenType: null }
  }
}
