import {
  checkInteger,
  checkKeys,
  checkList,
  checkText,
  isSha256Thumbprint,
  MisuseError,
  REVOKED_WITH_CLAIM,
  type RevocableId,
  revokedWithClaim,
} from '@countersign/core'
import { thumbprintOf } from './certificate.js'

/**
 * What an access token is bound to: a certificate, by its DER or `x5t#S256` (RFC 8705 §3.1), a key, by `jkt` (RFC 9449 §6.1), or both: whoever
 * uses the token must then hold both.
 */
export type TokenBinding =
  | { readonly certificateDer: Uint8Array }
  /** `thumbprint`: `x5t#S256`, SHA-256 of the certificate, base64url. `jkt`: RFC 7638 thumbprint of the key. */
  | { readonly thumbprint: string; readonly jkt?: string }
  | { readonly jkt: string }

/** Who acts for the subject, and for whom that one acts in turn: the claim `act` (RFC 8693 §4.1). */
export interface ActorClaim {
  readonly sub: string
  readonly iss?: string
  readonly act?: ActorClaim
}

/** What an access token should say. */
export interface AccessTokenRequest {
  readonly issuer: string
  readonly subject: string
  readonly audience: string | readonly string[]
  /** Default: `subject`. */
  readonly clientId?: string
  /** Space-separated scopes. Default: none. */
  readonly scope?: string
  /** Default: whoever holds the token may use it. */
  readonly boundTo?: TokenBinding
  /** Default: the subject acts itself. */
  readonly actor?: ActorClaim
  /** What it is revoked with besides what it says otherwise, in `revoked_with`. Default: nothing. */
  readonly revokedWith?: readonly RevocableId[]
  /** Further claims, each of them named in `allowedClaims`. Default: none. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** Names of further claims that the issuer lets in. Default: none. */
  readonly allowedClaims?: readonly string[]
  readonly expiresInSeconds: number
  /** The longest lifetime that may be asked for. */
  readonly maxExpiresInSeconds: number
  /** Epoch milliseconds. */
  readonly nowMs: number
  /**
   * What was issued before this moment is revoked: a token of the same second gets the `iat` of the next one, since `iat` counts whole
   * seconds. At most `clockSkewSeconds` from now. Default: nothing is. Epoch milliseconds.
   */
  readonly notBeforeMs?: number
  /** How far the clocks of verifiers may differ, 0 to 60: beyond that they would refuse the token as one of the future. Default 30. */
  readonly clockSkewSeconds?: number
  /** For `jti`. */
  readonly randomBytes: (size: number) => Uint8Array
}

/** The claims of an access token (RFC 9068 §2.2). */
export interface AccessTokenClaims extends Readonly<Record<string, unknown>> {
  readonly iss: string
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly client_id: string
  readonly iat: number
  readonly nbf: number
  readonly exp: number
  readonly jti: string
}

/** Claims that the issuer alone sets, or that mean something to a verifier of ours. */
const OWN_CLAIMS: ReadonlySet<string> = new Set([
  'iss',
  'sub',
  'aud',
  'iat',
  'nbf',
  'exp',
  'jti',
  'client_id',
  'scope',
  'cnf',
  'act',
  'may_act',
  REVOKED_WITH_CLAIM,
])
const KEYS = [
  'issuer',
  'subject',
  'audience',
  'clientId',
  'scope',
  'boundTo',
  'actor',
  'revokedWith',
  'claims',
  'allowedClaims',
  'expiresInSeconds',
  'maxExpiresInSeconds',
  'nowMs',
  'notBeforeMs',
  'clockSkewSeconds',
  'randomBytes',
] as const
const JTI_BYTES = 16
/** Longer chains are loops, or attacks on whoever reads them. */
const MAX_ACTORS = 10
/** RFC 6749 §3.3 */
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/
const DEFAULT_SKEW_SECONDS = 30
/** Verifiers take no more. */
const MAX_SKEW_SECONDS = 60
/** What an error message may repeat. */
const CLAIM_NAME = /^[A-Za-z0-9_.:/#-]{1,128}$/

/**
 * The claims of an access token (RFC 9068), from what the issuer knows. Nothing that a caller sent gets in but by the options here.
 * @example
 * const claims = accessTokenClaims({
 *   issuer: 'https://mesh.prod.example', subject: 'spiffe://prod.example/orders', audience: 'spiffe://prod.example/billing',
 *   boundTo: { thumbprint }, expiresInSeconds: 3600, maxExpiresInSeconds: 3600, nowMs: Date.now(), randomBytes,
 * })
 * @throws {MisuseError} naming the part of the request: a lifetime above the maximum, a claim that is not allowed or is the issuer's own, a
 * chain of more than 10 actors.
 */
export function accessTokenClaims(request: AccessTokenRequest): AccessTokenClaims {
  const given: unknown = request
  checkKeys('request', given, KEYS)
  const { boundTo, actor, scope, nowMs } = request
  const revokedWith = revokedWithClaim(request.revokedWith ?? [])
  const sub = checkText('request.subject', request.subject)
  const seconds = checkInteger('request.expiresInSeconds', request.expiresInSeconds, 1, request.maxExpiresInSeconds)
  if (scope !== undefined && !SCOPE.test(scope))
    throw new MisuseError('ERR_OPTION_INVALID', 'request.scope', 'takes scopes with one space between them')
  const nowSeconds = Math.floor(nowMs / 1000)
  const iat = Math.max(nowSeconds, Math.ceil(checkNotBefore(request) / 1000))
  return Object.freeze({
    ...furtherClaims(request),
    iss: checkText('request.issuer', request.issuer),
    sub,
    aud: checkAudience(request.audience),
    client_id: checkText('request.clientId', request.clientId ?? sub),
    ...(scope === undefined ? {} : { scope }),
    ...(boundTo === undefined ? {} : { cnf: confirmationOf(boundTo) }),
    ...(actor === undefined ? {} : { act: actorClaim('request.actor', actor, 1) }),
    ...(revokedWith === undefined ? {} : { [REVOKED_WITH_CLAIM]: revokedWith }),
    iat,
    nbf: nowSeconds,
    exp: iat + seconds,
    jti: Buffer.from(request.randomBytes(JTI_BYTES)).toString('base64url'),
  })
}

function checkNotBefore({ notBeforeMs = 0, clockSkewSeconds = DEFAULT_SKEW_SECONDS, nowMs }: AccessTokenRequest): number {
  const aheadMs = 1000 * checkInteger('request.clockSkewSeconds', clockSkewSeconds, 0, MAX_SKEW_SECONDS)
  if (notBeforeMs <= nowMs + aheadMs) return notBeforeMs
  throw new MisuseError('ERR_OPTION_INVALID', 'request.notBeforeMs', 'lies so far ahead that the token would be one of the future')
}

function checkAudience(audience: AccessTokenRequest['audience']): string | readonly string[] {
  if (typeof audience === 'string') return checkText('request.audience', audience)
  return checkList('request.audience', audience).map((name, index) => checkText(`request.audience[${index}]`, name))
}

function furtherClaims({ claims = {}, allowedClaims = [] }: AccessTokenRequest): Readonly<Record<string, unknown>> {
  for (const name of Object.keys(claims)) {
    const option = `request.claims.${CLAIM_NAME.test(name) ? name : '…'}`
    if (OWN_CLAIMS.has(name)) throw new MisuseError('ERR_OPTION_INVALID', option, 'is a claim that the issuer sets')
    if (!allowedClaims.includes(name)) throw new MisuseError('ERR_OPTION_INVALID', option, 'is not among allowedClaims')
  }
  return claims
}

function confirmationOf(boundTo: TokenBinding): Readonly<Record<string, string>> {
  const given: unknown = boundTo
  if ('certificateDer' in boundTo) return { 'x5t#S256': thumbprintOf(boundTo.certificateDer, 'base64url') }
  checkKeys('request.boundTo', given, ['thumbprint', 'jkt'])
  const { thumbprint, jkt } = boundTo as { readonly thumbprint?: string; readonly jkt?: string }
  if (thumbprint === undefined && jkt === undefined)
    throw new MisuseError('ERR_OPTION_INVALID', 'request.boundTo', 'takes { certificateDer }, or { thumbprint }, { jkt } or both of these')
  return {
    ...(thumbprint === undefined ? {} : { 'x5t#S256': checkThumbprint('request.boundTo.thumbprint', thumbprint) }),
    ...(jkt === undefined ? {} : { jkt: checkThumbprint('request.boundTo.jkt', jkt) }),
  }
}

function checkThumbprint(option: string, value: unknown): string {
  if (isSha256Thumbprint(value)) return value
  throw new MisuseError('ERR_OPTION_INVALID', option, 'takes a SHA-256 in base64url: 43 characters')
}

function actorClaim(option: string, actor: ActorClaim, depth: number): ActorClaim {
  if (depth > MAX_ACTORS) throw new MisuseError('ERR_OPTION_INVALID', 'request.actor', `takes a chain of at most ${MAX_ACTORS} actors`)
  const given: unknown = actor
  checkKeys(option, given, ['sub', 'iss', 'act'])
  const { sub, iss, act } = actor
  return Object.freeze({
    sub: checkText(`${option}.sub`, sub),
    ...(iss === undefined ? {} : { iss: checkText(`${option}.iss`, iss) }),
    ...(act === undefined ? {} : { act: actorClaim(`${option}.act`, act, depth + 1) }),
  })
}
