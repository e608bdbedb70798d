import { joinRevokedWith } from '@countersign/core'
import { ofCertificate } from '../handed-down.js'
import type { SenderBinding, TokenOrder } from '../issue/token-mint.js'
import { isOperationRefusal } from '../operation-refusal.js'
import { familyId } from '../revocation-entry.js'
import type { Grant, GrantParts, GrantRequest } from './grant.js'
import { type RefreshFamily, revokedEvents, type StoredFamily } from './refresh-families.js'
import { isRejection, type Rejection, reject, rejectionOf } from './rejection.js'
import { resolveScopes } from './scope.js'
import { resolveTargets } from './target.js'

/** Others that spend the same token have the same few steps to make; more would be a store that loses what it is told. */
const MAX_ATTEMPTS = 4

/** A token in the place of one that is about to end (RFC 6749 §6). Each refresh token works once (RFC 9700 §4.14.2). */
export function createRefreshGrant({ context, issue, families }: GrantParts): Grant {
  const { core, figures } = context
  const { clock } = core.surroundings

  return async (request) => {
    const { client, form, boundTo } = request
    const refreshToken = form.one('refresh_token')
    if (refreshToken === null) return reject('ERR_OAUTH_REQUEST', { reason: 'refresh_token' })
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const stored = await families.find(refreshToken)
      const flaw = stored === null ? reject('ERR_REFRESH_INVALID') : flawOf(request, stored)
      if (stored === null || flaw?.code === 'ERR_REFRESH_INVALID') return flaw ?? reject('ERR_REFRESH_INVALID')
      if (flaw?.code === 'ERR_REFRESH_REUSED') {
        if (await endFamily(stored)) return flaw
        continue
      }
      if (flaw !== null) return flaw
      const { family } = stored
      const audience = resolveTargets(client, form, family.audience)
      if (isRejection(audience)) return audience
      // What was taken from the client since is not refreshed.
      const possible = family.scopes.filter((scope) => client.scopes.has(scope))
      const scopes = resolveScopes(form.one('scope'), new Set(possible), possible)
      if (isRejection(scopes)) return scopes
      const { id, subject } = family
      const shown = request.certificate?.['x5t#S256'] ?? null
      const got = joinRevokedWith(family.revokedWith, ofCertificate(shown === boundTo.thumbprint ? null : shown))
      if (got === null) return reject('ERR_REFRESH_EXHAUSTED')
      const order: TokenOrder = {
        event: 'auth.service.authenticated',
        by: subject,
        clientId: client.clientId,
        subject,
        audience,
        scopes,
        boundTo,
        revokedWith: [...got, familyId(id)],
        family: id,
        expiresInSeconds: client.tokenSeconds,
      }
      const standing = { proof: { certificate: shown }, madeFrom: { services: [], issuedAtMs: family.issuedAtMs } }
      let next = ''
      const token = await issue(order, standing, (made) => {
        const step = families.next(stored, made, got)
        next = step.refreshToken
        return { expect: [[stored.key, stored.version]], put: [step.write] }
      })
      // Revoked up to now, and the family with it: the list here may not know yet.
      if (token === 'outdated') return reject('ERR_REFRESH_INVALID')
      if (token !== 'conflict')
        return isOperationRefusal(token) ? rejectionOf(token) : { token, audience, scopes, refreshToken: next, issuedTokenType: null }
      // Whoever loses finds the token spent when he reads again.
    }
    return reject('ERR_STATE_CONFLICT', { part: 'refresh' })
  }

  function flawOf({ client, boundTo }: GrantRequest, { family, digest }: StoredFamily): Rejection | null {
    // RFC 6749 §5.2, §10.4: of another client it is no token at all, and not that client's failure.
    if (family.clientId !== client.clientId || family.subject !== client.subject || families.isOver(family) || client.refresh === null)
      return reject('ERR_REFRESH_INVALID')
    if (digest !== family.current) return reject('ERR_REFRESH_REUSED')
    if (!isSame(family.boundTo, boundTo)) return reject('ERR_REFRESH_BINDING')
    const nowMs = clock.nowMs()
    if (!(nowMs < family.expiresAtMs + core.skewMs)) return reject('ERR_REFRESH_EXPIRED')
    if (nowMs < family.expiresAtMs - client.refresh.windowMs) return reject('ERR_REFRESH_TOO_EARLY')
    return family.count < client.refresh.maxCount ? null : reject('ERR_REFRESH_EXHAUSTED')
  }

  /** RFC 9700 §4.14.2: which of two is the thief cannot be told, so both lose. */
  async function endFamily(stored: StoredFamily): Promise<boolean> {
    const { write, revoke, tokenIds } = families.end(stored, 'suspicious-activity')
    const emit = revokedEvents(core.issuer, stored.family, tokenIds, 'suspicious-activity', clock.nowMs())
    const isMade = await core.revocations.commit({ expect: [[stored.key, stored.version]], put: [write], revoke, emit })
    if (isMade) figures.revoked('token')
    return isMade
  }
}

function isSame(one: RefreshFamily['boundTo'], other: SenderBinding): boolean {
  return one.thumbprint === other.thumbprint && one.jkt === other.jkt
}
