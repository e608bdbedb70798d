import type { RevocableId, StateEvent, StateWrite } from '@countersign/core'
import { type ActorClaim, accessTokenClaims } from '@countersign/issuer'
import { decodeToken } from '@countersign/token'
import { stateEventFrom } from '../events/mesh-event.js'
import type { MeshCore } from '../mesh-core.js'
import { writeTokenRecord } from '../service/token-record.js'
import { tokenKey } from '../state-keys.js'
import type { RegisteredClient } from './registered-client.js'
import { type Rejection, reject } from './rejection.js'

/** What a token is bound to; both members bind it twice (RFC 8705 §3.1, RFC 9449 §6.1). */
export interface SenderBinding {
  readonly thumbprint: string | null
  readonly jkt: string | null
}

/** What a token shall say. */
export interface TokenOrder {
  readonly grant: 'client_credentials' | 'token_exchange' | 'refresh_token'
  readonly client: RegisteredClient
  readonly subject: string
  readonly audience: readonly string[]
  readonly scopes: readonly string[]
  readonly boundTo: SenderBinding
  readonly actor?: ActorClaim
  /** What it is revoked with besides. */
  readonly revokedWith: readonly RevocableId[]
  /** The family of refresh tokens that it is of; `null` for none. */
  readonly family: string | null
  /** It lives no longer than this. Epoch milliseconds. Default: as long as the client's tokens do. */
  readonly notAfterMs?: number
}

/** A signed token, and what must be committed before it is given away. */
export interface MintedToken {
  readonly text: string
  readonly tokenId: string
  readonly kid: string
  /** Epoch milliseconds. */
  readonly issuedAtMs: number
  readonly expiresInSeconds: number
  /** Epoch milliseconds, without the skew. */
  readonly expiresAtMs: number
  readonly write: StateWrite
  readonly events: readonly StateEvent[]
}

/** Makes tokens of the mesh. */
export interface TokenMint {
  /** Rejects if the key cannot sign. */
  mint(order: TokenOrder): Promise<MintedToken | Rejection>
}

/** RFC 9068 §2.1 */
const TYPE = 'at+jwt'

/** @param maxTokenSeconds of any token, as the keys are published for. */
export function createTokenMint(core: MeshCore, maxTokenSeconds: number): TokenMint {
  const { issuer, keys, revocations, skewMs, marginMs, randomBytes } = core
  const { clock } = core.surroundings

  async function mint(order: TokenOrder): Promise<MintedToken | Rejection> {
    const { client, subject, audience, scopes, boundTo, actor } = order
    const nowMs = clock.nowMs()
    const notBeforeMs = notBeforeOf(subject, nowMs)
    if (notBeforeMs === null) return reject('ERR_CLIENT_REVOKED', { kind: 'service' })
    const startMs = Math.max(Math.floor(nowMs / 1000) * 1000, notBeforeMs)
    const lifetimeSeconds = Math.min(client.tokenSeconds, Math.floor(((order.notAfterMs ?? Number.POSITIVE_INFINITY) - startMs) / 1000))
    if (lifetimeSeconds < 1) return reject('ERR_EXCHANGE_TOKEN', { reason: 'ends now' })
    const [only] = audience
    const claims = accessTokenClaims({
      issuer,
      subject,
      audience: audience.length === 1 && only !== undefined ? only : audience,
      clientId: client.clientId,
      ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
      ...bindingOf(boundTo),
      ...(actor === undefined ? {} : { actor }),
      revokedWith: order.revokedWith,
      expiresInSeconds: lifetimeSeconds,
      maxExpiresInSeconds: maxTokenSeconds,
      nowMs,
      notBeforeMs,
      randomBytes,
    })
    const text = await keys.sign(TYPE, claims)
    const kid = kidOf(text)
    // Revoked a moment ago, and not replaced yet: what it signs counts nowhere.
    if (revocations.has('key', kid, nowMs)) return reject('ERR_OAUTH_FAULT', { reason: 'key revoked' })
    const untilMs = claims.exp * 1000 + skewMs + marginMs
    return {
      text,
      tokenId: claims.jti,
      kid,
      issuedAtMs: claims.iat * 1000,
      expiresInSeconds: Math.floor((claims.exp * 1000 - nowMs) / 1000),
      expiresAtMs: claims.exp * 1000,
      write: { key: tokenKey(claims.jti), value: writeTokenRecord(claims, kid, order.family), untilMs },
      events: audience.map((target, index) => eventOf(order, target, `${claims.jti}.${index}`, claims.jti, nowMs)),
    }
  }

  // What is revoked up to now would take a token of this second with it: `iat` counts whole seconds. After many in one second, a token
  // that is not revoked would be one of the future.
  function notBeforeOf(subject: string, nowMs: number): number | null {
    if (revocations.has('service', subject, Number.MAX_SAFE_INTEGER)) return null
    let fromMs = Math.floor(nowMs / 1000) * 1000
    while (fromMs <= nowMs + skewMs && revocations.has('service', subject, fromMs)) fromMs += 1000
    return fromMs <= nowMs + skewMs ? fromMs : null
  }

  function eventOf({ grant, client, subject }: TokenOrder, target: string, id: string, tokenId: string, atMs: number): StateEvent {
    const type = grant === 'token_exchange' ? 'auth.token.exchanged' : 'auth.service.authenticated'
    const service = grant === 'token_exchange' ? client.subject : subject
    return stateEventFrom({ type, id: `${type}.${id}`, issuer, atMs, service, target, tokenId })
  }

  return { mint }
}

function kidOf(token: string): string {
  const { kid } = decodeToken(token).header
  if (typeof kid !== 'string') throw new TypeError('a token without a kid was signed')
  return kid
}

function bindingOf({ thumbprint, jkt }: SenderBinding) {
  if (thumbprint === null) return jkt === null ? {} : { boundTo: { jkt } }
  return { boundTo: jkt === null ? { thumbprint } : { thumbprint, jkt } }
}
