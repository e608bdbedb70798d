import {
  checkInteger,
  checkKeys,
  checkText,
  type JsonObject,
  parseJsonObject,
  type Refusal,
  refuse,
  type Surroundings,
} from '@countersign/core'
import { decodeCompact, malformed } from './compact.js'
import { checkHeader } from './header.js'
import { createKeyStore } from './keys.js'
import { matchSignature } from './match-signature.js'
import { checkJwtOptions, type JwtOptions, type RemoteKeys } from './options.js'

/** Whose assertions are accepted, and of which form. */
export interface ClientAssertionOptions {
  /** `iss` and `sub` of the assertion. */
  readonly clientId: string
  /** The issuer identifier of the authorization server: the assertion's sole `aud`. */
  readonly audience: string
  readonly keys: RemoteKeys | { readonly jwks: readonly object[] }
  /** Default: ES256, RS256, PS256, Ed25519. */
  readonly algorithms?: JwtOptions['algorithms']
  /** How far ahead `exp` may lie. Default 60. */
  readonly maxLifetimeSeconds?: number
  /** Default 30. */
  readonly clockSkewSeconds?: number
}

/** An assertion whose signature was verified. */
export interface ClientAssertion {
  readonly clientId: string
  /** Whoever accepts the assertion must see to it that this is used once. */
  readonly id: string
  /** `exp` with the skew added. Epoch milliseconds. */
  readonly expiresAtMs: number
}

/** Verifies the assertions of one client. */
export interface ClientAssertionVerifier {
  /** Never rejects. A refusal of `ERR_KEYS_UNAVAILABLE` says nothing about the assertion. */
  verify(assertion: string): Promise<ClientAssertion | Refusal>
  close(): Promise<void>
}

const KEYS = ['clientId', 'audience', 'keys', 'algorithms', 'maxLifetimeSeconds', 'clockSkewSeconds'] as const
const MAX_BYTES = 8192
/** A digest of it is remembered, so this bounds the work alone. */
const MAX_JTI_LENGTH = 256
const DEFAULT_LIFETIME_SECONDS = 60
const DEFAULT_SKEW_SECONDS = 30
// A question to the client's jwks_uri, then its answer.
const MAX_ROUNDS = 2
const TYPES: ReadonlySet<unknown> = new Set([
  undefined,
  'jwt',
  'application/jwt',
  'client-authentication+jwt',
  'application/client-authentication+jwt',
])

const NO_CLAIMS = malformed('its payload is not a JSON object')
const WRONG_TYPE = Object.freeze(refuse('ERR_TOKEN_TYPE'))
const WRONG_ISSUER = Object.freeze(refuse('ERR_TOKEN_ISSUER'))
const WRONG_SUBJECT = Object.freeze(refuse('ERR_TOKEN_SUBJECT'))
const WRONG_AUDIENCE = Object.freeze(refuse('ERR_TOKEN_AUDIENCE'))
const KEY_UNKNOWN = Object.freeze(refuse('ERR_TOKEN_KEY_UNKNOWN'))
const KEYS_UNAVAILABLE = Object.freeze(refuse('ERR_KEYS_UNAVAILABLE'))
const WRONG_SIGNATURE = Object.freeze(refuse('ERR_TOKEN_SIGNATURE'))

/**
 * Makes a verifier of the JWTs that a client authenticates with at an authorization server (RFC 7523 §3, as
 * draft-ietf-oauth-rfc7523bis-11 §4 narrows it).
 * @throws {MisuseError} for a wrong option, and for keys that cannot verify anything.
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-oauth-rfc7523bis-11
 */
export function createClientAssertionVerifier(
  option: string,
  options: ClientAssertionOptions,
  surroundings: Surroundings,
): ClientAssertionVerifier {
  const given: unknown = options
  checkKeys(option, given, KEYS)
  const { clock } = surroundings
  const clientId = checkText(`${option}.clientId`, options.clientId)
  const audience = checkText(`${option}.audience`, options.audience)
  const skewSeconds = checkInteger(`${option}.clockSkewSeconds`, options.clockSkewSeconds ?? DEFAULT_SKEW_SECONDS, 0, 60)
  const maxLifetimeMs = 1000 * checkInteger(`${option}.maxLifetimeSeconds`, options.maxLifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS, 1, 3600)
  const skewMs = skewSeconds * 1000
  const { algorithms } = options
  const rules = checkJwtOptions(option, {
    issuer: clientId,
    audience,
    keys: options.keys,
    type: 'JWT',
    ...(algorithms === undefined ? {} : { algorithms }),
  })
  const keys = createKeyStore(`${option}.keys`, options.keys, rules, surroundings)

  function judgeClaims(claims: JsonObject, nowMs: number): ClientAssertion | Refusal {
    const { iss, sub, aud, exp, nbf, iat, jti } = claims
    // RFC 7523 §3, items 1 and 2: both are the client.
    if (iss !== clientId) return WRONG_ISSUER
    if (sub !== clientId) return WRONG_SUBJECT
    // rfc7523bis-11 §4: the issuer identifier as the sole value; a token endpoint would let one server use it at another.
    if (aud !== audience) return WRONG_AUDIENCE
    if (typeof exp !== 'number' || !Number.isFinite(exp))
      return refuse(exp === undefined ? 'ERR_TOKEN_CLAIM_MISSING' : 'ERR_TOKEN_CLAIM_INVALID', { claim: 'exp' })
    for (const [claim, time] of [
      ['nbf', nbf],
      ['iat', iat],
    ] as const) {
      if (time === undefined) continue
      if (typeof time !== 'number' || !Number.isFinite(time)) return refuse('ERR_TOKEN_CLAIM_INVALID', { claim })
      if (time * 1000 - skewMs > nowMs) return refuse(claim === 'nbf' ? 'ERR_TOKEN_NOT_YET_VALID' : 'ERR_TOKEN_ISSUED_IN_FUTURE')
    }
    if (!(nowMs < exp * 1000 + skewMs)) return refuse('ERR_TOKEN_EXPIRED')
    // RFC 7523 §3, item 4: an unreasonably distant exp may be refused; it would have to be remembered as long.
    if (exp * 1000 > nowMs + maxLifetimeMs + skewMs) return refuse('ERR_TOKEN_CLAIM_INVALID', { claim: 'exp' })
    if (jti === undefined) return refuse('ERR_TOKEN_CLAIM_MISSING', { claim: 'jti' })
    if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) return refuse('ERR_TOKEN_CLAIM_INVALID', { claim: 'jti' })
    return { clientId, id: jti, expiresAtMs: exp * 1000 + skewMs }
  }

  async function verify(assertion: string): Promise<ClientAssertion | Refusal> {
    if (assertion.length > MAX_BYTES) return refuse('ERR_TOKEN_TOO_LARGE', { bytes: assertion.length, maxBytes: MAX_BYTES })
    const jws = decodeCompact(assertion)
    if ('refused' in jws) return jws
    const { header, signingInput, signature } = jws
    const unfit = checkHeader(header, signature, rules.algorithms)
    if (unfit !== null) return unfit
    const { typ, alg, kid } = header
    // rfc7523bis-11 §4: what has no typ of its own is not refused for that.
    if (!TYPES.has(typeof typ === 'string' ? typ.toLowerCase() : typ)) return WRONG_TYPE
    const claims = parseJsonObject(jws.payload)
    if (claims === null) return NO_CLAIMS
    const judged = judgeClaims(claims, clock.nowMs())
    if ('refused' in judged) return judged

    for (let round = 0; round < MAX_ROUNDS; round++) {
      const nowMs = clock.nowMs()
      const standing = keys.standing(nowMs)
      if (standing === 'unavailable') return KEYS_UNAVAILABLE
      const candidates = standing === 'usable' ? keys.find(typeof kid === 'string' ? kid : null, String(alg)) : []
      if (candidates.length > 0) {
        if ((await matchSignature(candidates, String(alg), signingInput, signature)) === null) return WRONG_SIGNATURE
        // It may have run out while the keys were waited for.
        return judgeClaims(claims, clock.nowMs())
      }
      if (standing === 'usable') {
        const missing = keys.missing(nowMs)
        if (missing !== 'ask') return missing === 'failed' ? KEYS_UNAVAILABLE : KEY_UNKNOWN
      }
      if (round + 1 < MAX_ROUNDS) await keys.load()
    }
    return KEYS_UNAVAILABLE
  }

  return {
    async verify(assertion) {
      try {
        return await verify(assertion)
      } catch (cause) {
        return refuse('ERR_KEYS_UNAVAILABLE', undefined, cause)
      }
    },
    close: () => keys.close(),
  }
}

/**
 * Whose assertion it says it is, which is not verified: only to know whose keys it must pass.
 * @returns `null` for what is no assertion.
 */
export function subjectOfAssertion(assertion: string): string | null {
  if (assertion.length > MAX_BYTES) return null
  const jws = decodeCompact(assertion)
  const subject = 'refused' in jws ? undefined : parseJsonObject(jws.payload)?.['sub']
  return typeof subject === 'string' && subject !== '' ? subject : null
}
