import type { RevocableId, StateEvent, StateWrite } from '@countersign/core'
import { type ActorClaim, accessTokenClaims } from '@countersign/issuer'
import type { MeshContext } from '../mesh-context.js'
import { rememberedUntil } from '../mesh-core.js'
import { type OperationRefusal, refuseOperation } from '../operation-refusal.js'
import { writeTokenRecord } from '../service/token-record.js'
import { tokenKey } from '../state-keys.js'

/** What a token is bound to; both members bind it twice (RFC 8705 §3.1, RFC 9449 §6.1). */
export interface SenderBinding {
  readonly thumbprint: string | null
  readonly jkt: string | null
}

/** What a token shall say. */
export interface TokenOrder {
  /** What others hear of it. */
  readonly event: 'auth.service.authenticated' | 'auth.token.exchanged'
  /** The service that gets it: it has proven itself now. */
  readonly by: string
  readonly clientId: string
  readonly subject: string
  readonly audience: readonly string[]
  readonly scopes: readonly string[]
  readonly boundTo: SenderBinding
  readonly actor?: ActorClaim
  /** What it is revoked with besides. */
  readonly revokedWith: readonly RevocableId[]
  /** The family of refresh tokens that it is of; `null` for none. */
  readonly family: string | null
  readonly expiresInSeconds: number
  /** It lives no longer than this. Epoch milliseconds. Default: as long as `expiresInSeconds` says. */
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

/**
 * Makes one token.
 * @param revokedBeforeMs what of its subject was issued before is revoked, as far as the store knows: the list here may not know yet.
 * @throws {RefusedError} `ERR_KEYS_UNAVAILABLE`.
 */
export type TokenMint = (order: TokenOrder, revokedBeforeMs: number) => Promise<MintedToken | OperationRefusal>

/** RFC 9068 §2.1 */
const TYPE = 'at+jwt'

/** Makes what makes the tokens of a mesh. */
export function createTokenMint(context: MeshContext): TokenMint {
  const { core, rules } = context
  const { revocations, skewMs } = core

  return async function mint(order, revokedBeforeMs) {
    const { by, subject, audience, scopes, boundTo, actor, notAfterMs = Number.POSITIVE_INFINITY } = order
    const nowMs = core.surroundings.clock.nowMs()
    if (revocations.has('service', subject, Number.MAX_SAFE_INTEGER)) return refuseOperation('ERR_SERVICE_REVOKED', { reason: 'service' })
    const notBeforeMs = firstMoment(subject, revokedBeforeMs, nowMs)
    if (notBeforeMs === null) return refuseOperation('ERR_SERVICE_REVOKED', { reason: 'too-often' })
    const lifetimeSeconds = Math.min(order.expiresInSeconds, Math.floor((notAfterMs - notBeforeMs) / 1000))
    if (lifetimeSeconds < 1) return refuseOperation('ERR_EXCHANGE_TOKEN', { reason: 'ends now' })
    const [only] = audience
    const claims = accessTokenClaims({
      issuer: core.issuer,
      subject,
      audience: audience.length === 1 && only !== undefined ? only : audience,
      clientId: order.clientId,
      ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
      ...bindingOf(boundTo),
      ...(actor === undefined ? {} : { actor }),
      revokedWith: order.revokedWith,
      expiresInSeconds: lifetimeSeconds,
      maxExpiresInSeconds: rules.maxTokenMs / 1000,
      nowMs,
      notBeforeMs,
      clockSkewSeconds: skewMs / 1000,
      randomBytes: core.randomBytes,
    })
    const { compact, kid } = await context.sign(TYPE, claims)
    const { jti: tokenId } = claims
    const expiresAtMs = claims.exp * 1000
    return {
      text: compact,
      tokenId,
      kid,
      issuedAtMs: claims.iat * 1000,
      expiresInSeconds: Math.floor((expiresAtMs - nowMs) / 1000),
      expiresAtMs,
      write: { key: tokenKey(tokenId), value: writeTokenRecord(claims, kid, order.family), untilMs: rememberedUntil(core, expiresAtMs) },
      events: audience.flatMap((target) => context.events({ type: order.event, service: by, target, tokenId, atMs: nowMs })),
    }
  }

  /**
   * What is revoked up to now would take a token of this second with it: `iat` counts whole seconds. `null`: after many revocations in one second,
   * a token that is not revoked would be one of the future.
   */
  function firstMoment(subject: string, revokedBeforeMs: number, nowMs: number): number | null {
    let fromMs = Math.max(Math.floor(nowMs / 1000), Math.ceil(revokedBeforeMs / 1000)) * 1000
    while (fromMs <= nowMs + skewMs && revocations.has('service', subject, fromMs)) fromMs += 1000
    return fromMs <= nowMs + skewMs ? fromMs : null
  }
}

function bindingOf({ thumbprint, jkt }: SenderBinding) {
  if (thumbprint === null) return jkt === null ? {} : { boundTo: { jkt } }
  return { boundTo: jkt === null ? { thumbprint } : { thumbprint, jkt } }
}
