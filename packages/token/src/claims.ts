import {
  type Identity,
  isJsonArray,
  type JsonObject,
  type JsonValue,
  parseSpiffeId,
  type Refusal,
  refuse,
  tokenFacts,
} from '@countersign/core'
import { type Confirmation, readConfirmation } from './confirmation.js'
import type { IssuerRules } from './options.js'

/** What the claims of a token say, each of its type, and accepted of this issuer. Not verified, and not judged by time. */
export interface Assertions {
  readonly claims: JsonObject
  readonly subject: string
  /** `null`: the issuer may not speak for the subject. */
  readonly identity: Identity | null
  readonly audience: readonly string[]
  readonly scopes: readonly string[]
  readonly confirmation: Confirmation
  /** `jti`; empty where there is none. */
  readonly tokenId: string
  /** `iat` as it stands. */
  readonly iatMs: number | null
  /** Each with the skew: at `expiresAtMs` the token is no longer valid, at the others it is. */
  readonly expiresAtMs: number
  readonly notBeforeMs: number
  readonly issuedAtMs: number
}

// The last instant that a Date can hold: an `exp` beyond it is as good as this.
const LAST_MS = 8.64e15
const WRONG_SUBJECT = Object.freeze(refuse('ERR_TOKEN_SUBJECT'))
const WRONG_AUDIENCE = Object.freeze(refuse('ERR_TOKEN_AUDIENCE'))

/** Reads claims (RFC 7519 §4.1) as this issuer's rules have it. */
export function readClaims(claims: JsonObject, rules: IssuerRules): Assertions | Refusal {
  const { sub, aud, exp, nbf, iat, jti, cnf, scope, scp } = claims

  if (exp === undefined) return missing('exp')
  if (!isNumber(exp)) return invalid('exp')
  if (nbf !== undefined && !isNumber(nbf)) return invalid('nbf')
  if (iat === undefined ? rules.maxAgeMs !== null : !isNumber(iat)) return iat === undefined ? missing('iat') : invalid('iat')

  const audience = aud === undefined ? [] : texts(aud)
  if (audience === null) return invalid('aud')
  // A Workload Identity Token is for whoever its proof is for; one that names an audience of its own names another than us.
  if (rules.proof !== null && aud !== undefined) return WRONG_AUDIENCE
  if (rules.audience !== null) {
    if (aud === undefined) return missing('aud')
    // RFC 8725 §3.9: compared exactly; one of the token's must be one of ours.
    if (!audience.some((name) => rules.audience?.includes(name))) return WRONG_AUDIENCE
  }

  if (sub === undefined) return missing('sub')
  if (typeof sub !== 'string' || sub === '') return invalid('sub')

  if (jti === undefined ? rules.revocation !== null : typeof jti !== 'string' || jti === '') {
    return jti === undefined ? missing('jti') : invalid('jti')
  }
  const scopes = readScopes(scope, scp)
  if (scopes === null) return invalid('scope')
  const confirmation = readConfirmation(cnf, rules)
  if ('refused' in confirmation) return confirmation
  for (const name of rules.requiredClaims) if (claims[name] === undefined || claims[name] === null) return missing(name)

  const issuedMs = typeof iat === 'number' ? iat * 1000 : null
  const oldestMs = issuedMs === null || rules.maxAgeMs === null ? Number.POSITIVE_INFINITY : issuedMs + rules.maxAgeMs
  return {
    claims,
    subject: sub,
    identity: identify(sub, rules),
    audience,
    scopes,
    confirmation,
    tokenId: typeof jti === 'string' ? jti : '',
    iatMs: issuedMs,
    expiresAtMs: Math.min(exp * 1000, oldestMs, LAST_MS) + rules.skewMs,
    notBeforeMs: typeof nbf === 'number' ? nbf * 1000 - rules.skewMs : Number.NEGATIVE_INFINITY,
    issuedAtMs: issuedMs === null ? Number.NEGATIVE_INFINITY : issuedMs - rules.skewMs,
  }
}

/**
 * What is to be said of a subject that the issuer may not speak for. Only of a token that was verified: whom it names is text of the caller's
 * until then.
 */
export function refuseSubject(issuer: string, { subject, claims }: Assertions): Refusal {
  return { ...WRONG_SUBJECT, evidence: tokenFacts({ issuer, subject, claims }) }
}

/** Judges the times, on every request. `null`: valid now. */
export function judgeTime(assertions: Pick<Assertions, 'expiresAtMs' | 'notBeforeMs' | 'issuedAtMs'>, nowMs: number): Refusal | null {
  const { expiresAtMs, notBeforeMs, issuedAtMs } = assertions
  // RFC 7519 §4.1.4: not on or after. Written so that a NaN refuses.
  if (!(nowMs < expiresAtMs)) return refuse('ERR_TOKEN_EXPIRED', { forSeconds: Math.floor((nowMs - expiresAtMs) / 1000) })
  if (!(nowMs >= notBeforeMs)) return refuse('ERR_TOKEN_NOT_YET_VALID', { forSeconds: Math.ceil((notBeforeMs - nowMs) / 1000) })
  if (!(nowMs >= issuedAtMs)) return refuse('ERR_TOKEN_ISSUED_IN_FUTURE', { forSeconds: Math.ceil((issuedAtMs - nowMs) / 1000) })
  return null
}

/** RFC 8725 §3.8: an issuer speaks for whom it may. What looks like a SPIFFE ID is one, or nothing. */
function identify(subject: string, rules: IssuerRules): Identity | null {
  const spiffeId = parseSpiffeId(subject)
  // The trust domain of a workload identifier has chosen the issuer.
  const isOwn = rules.proof !== null && rules.maySpeakFor === null
  if (!isOwn && (rules.maySpeakFor === null ? /^spiffe:/i.test(subject) : !rules.maySpeakFor(subject))) return null
  if (spiffeId !== null) return Object.freeze({ kind: 'spiffe', authority: spiffeId.trustDomain, value: subject })
  // JWT-SVID §3.1: the subject is a SPIFFE ID.
  if (rules.type === 'jwt-svid' || /^spiffe:/i.test(subject)) return null
  return Object.freeze({ kind: 'subject', authority: rules.issuer, value: subject })
}

/** `scope` (RFC 8693 §4.2), and `scp` as some issuers write it. */
function readScopes(scope: JsonValue | undefined, scp: JsonValue | undefined): readonly string[] | null {
  if (scope !== undefined && typeof scope !== 'string') return null
  const others = scp === undefined ? '' : texts(scp)?.join(' ')
  if (others === undefined) return null
  const words = scp === undefined ? (scope ?? '') : `${scope ?? ''} ${others}`
  return words.split(' ').filter((word) => word !== '')
}

function texts(value: JsonValue): readonly string[] | null {
  if (typeof value === 'string') return Object.freeze([value])
  return isJsonArray(value) && value.every((item) => typeof item === 'string') ? value : null
}

function isNumber(value: JsonValue): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function missing(claim: string): Refusal {
  return refuse('ERR_TOKEN_CLAIM_MISSING', { claim })
}

function invalid(claim: string): Refusal {
  return refuse('ERR_TOKEN_CLAIM_INVALID', { claim })
}
