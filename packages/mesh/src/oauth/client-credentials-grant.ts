import type { StateChange, StateWrite } from '@countersign/core'
import { ofCertificate } from '../handed-down.js'
import { changeOf, type Grant, type GrantParts } from './grant.js'
import { familyToken } from './refresh-families.js'
import { isRejection, reject } from './rejection.js'
import { resolveScopes } from './scope.js'
import { resolveTargets } from './target.js'

/** Made anew where the service was revoked meanwhile. */
const MAX_ATTEMPTS = 4

/** A client's own token (RFC 6749 §4.4). */
export function createClientCredentialsGrant({ mint, families, ledger }: GrantParts): Grant {
  return async ({ client, certificate, form, boundTo }) => {
    const audience = resolveTargets(client, form, null)
    if (isRejection(audience)) return audience
    const scopes = resolveScopes(form.one('scope'), client.scopes, client.defaultScopes)
    if (isRejection(scopes)) return scopes
    const { subject } = client
    const shown = certificate?.['x5t#S256'] ?? null
    const proof = { certificate: shown }
    const got = ofCertificate(shown === boundTo.thumbprint ? null : shown)
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const id = client.refresh === null ? null : families.newId()
      const revokedWith = id === null ? got : [...got, familyToken(id)]
      const token = await mint.mint({ grant: 'client_credentials', client, subject, audience, scopes, boundTo, revokedWith, family: id })
      if (isRejection(token)) return token
      const family = id === null ? null : families.begin(id, client, { audience, scopes, boundTo, revokedWith: got }, token)
      const change = changeOf(token)
      const outcome = await ledger.commit(
        { subject, token, proof, madeFrom: null },
        family === null ? change : withFamily(change, family.write),
      )
      if (outcome === 'committed') return { token, scopes, refreshToken: family?.refreshToken ?? null, issuedTokenType: null }
      if (outcome === 'revoked') return reject('ERR_CLIENT_REVOKED', { kind: 'service' })
    }
    return reject('ERR_STATE_CONFLICT', { part: 'service' })
  }
}

function withFamily(change: StateChange, write: StateWrite): StateChange {
  return { ...change, expect: [[write.key, null]], put: [...(change.put ?? []), write] }
}
