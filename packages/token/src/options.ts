import type { JsonWebKey, KeyObject } from 'node:crypto'
import type { NameMatch, RevocationList, Source } from '@countersign/core'
import { checkChoice, checkInteger, checkKeys, checkList, compileNameMatch, joinPath, MisuseError } from '@countersign/core'
import { ALGORITHMS, type Algorithm, DEFAULT_ALGORITHMS, SVID_ALGORITHMS } from './algorithm.js'
import type { Binding } from './binding.js'
import { checkAlgorithmList } from './check-algorithms.js'
import { checkAudience, checkIssuer, checkTexts } from './check-names.js'
import { checkProofs } from './check-proofs.js'
import { checkRevocation, checkStale } from './check-revocation.js'
import type { DpopOptions, DpopRules } from './dpop/options.js'
import type { TokenType } from './header.js'
import type { Revocation } from './revocation.js'
import type { WptOptions, WptRules } from './wimse/options.js'

/** One issuer of bearer JWTs, and which of its tokens are accepted. */
export interface JwtOptions {
  /**
   * Exact `iss`. With `type: 'jwt-svid'` it may be a trust domain, `spiffe://prod.example`: then a token without `iss` is one of the
   * trust domain of its `sub`. With `type: 'wit+jwt'` it is one, `wimse://prod.example` or `spiffe://prod.example`: that of `sub` counts, and
   * `iss` is not looked at.
   */
  readonly issuer: string
  /**
   * Exact `aud`, one of these. `null`: any audience, which lets tokens for other services in. Required. Workload Identity Tokens have none,
   * but their proofs: `null` with `type: 'wit+jwt'`.
   */
  readonly audience: string | readonly string[] | null
  /** Where the issuer's public keys come from. */
  readonly keys: KeysOption
  /**
   * Default: ES256, RS256, PS256, Ed25519 (without Ed25519 for `'jwt-svid'`), each only with a key of its kind. Never taken from the
   * token; HMAC and `none` cannot be named.
   */
  readonly algorithms?: readonly Algorithm[]
  /**
   * Header `typ` (RFC 8725 §3.11). `'at+jwt'`: access tokens of RFC 9068. `'JWT'`: an absent `typ` is accepted too. `'jwt-svid'`: SPIFFE,
   * `JWT`, `JOSE` or absent. `'wit+jwt'`: Workload Identity Tokens of WIMSE, in the field `Workload-Identity-Token`, each with its `proof`
   * (draft-ietf-wimse-workload-creds-02, a draft). `'session-propagation+jwt'`: what hands a session on in an AuthMesh; a guard takes it as no
   * caller's token. Default `'at+jwt'`.
   */
  readonly type?: TokenType
  /** Claims that must be there, beside `iss`, `sub`, `exp` and `aud`. Default: none. */
  readonly requiredClaims?: readonly string[]
  /**
   * Whom the issuer may speak for. Where given, every `sub` must match one. Default: any `sub` but a SPIFFE ID, since such an ID is
   * believed only of an issuer that is named for it. `'any'`: whoever it names, SPIFFE IDs of every trust domain too.
   */
  readonly subjects?: readonly NameMatch[] | 'any'
  /**
   * What a token must be bound to. `'mtls'`: the client certificate (RFC 8705). `'dpop'`: a key that each request proves (RFC 9449).
   * `'sender-constrained'`: either of them. `'if-bound'`: a bearer token, which works for whoever holds it, is accepted too. Whatever a token
   * is bound to must hold, under each of them. `'dangerously-unchecked'`: a token that is bound to a key passes without its proof, for whoever
   * reads tokens that nobody presents as a credential, such as an authorization server. Default `'mtls'`; to be said where `dpop` is
   * configured.
   */
  readonly binding?: Binding
  /**
   * Accepts tokens that are bound to a key of the caller's, by `Authorization: DPoP` with a proof for each request. Default `null`: such
   * tokens are refused, and never taken for bearer tokens.
   */
  readonly dpop?: DpopOptions | null
  /** How the holder of a Workload Identity Token proves its key. Required with `type: 'wit+jwt'`, and of no meaning otherwise. */
  readonly proof?: WptOptions
  /** Asked on every request; a token must have a `jti` then. Default `null`: tokens cannot be revoked before they expire. */
  readonly revocation?: RevocationOptions | null
  /**
   * The keys cannot be fetched. `staleSeconds`: those from before are used for so long beyond their age. `'refuse'`: they are not.
   * After that tokens are answered with 503. Default `{ staleSeconds: 3600 }`; keys that are not fetched are never stale.
   */
  readonly whenKeysUnavailable?: 'refuse' | StaleFor
  /** Longest token that is looked at, 256 to 65536 bytes. Default 8192. */
  readonly maxBytes?: number
  /** How far clocks may differ, 0 to 60 seconds, on `exp`, `nbf` and `iat`. Default 30. */
  readonly clockSkewSeconds?: number
  /** Oldest token that is accepted, counted from its `iat`, which it must have then. Default: as old as its `exp` allows. */
  readonly maxAgeSeconds?: number
}

/**
 * `discover`: fetched from where the issuer's metadata says. `jwksUri`: fetched, refreshed and removed keys forgotten. Only `https`, but for loopback. `file`: a JWKS file, read again when it
 * changes. `jwks`: constant. A `Source` is asked by `kid`, on every token that is not known yet.
 */
export type KeysOption =
  | RemoteKeys
  | DiscoveredKeys
  | { readonly file: string }
  | { readonly jwks: readonly JsonWebKey[] }
  | Source<KeyObject>

export interface RemoteKeys extends RemoteKeysTimes {
  readonly jwksUri: string
}

export interface DiscoveredKeys extends RemoteKeysTimes {
  /**
   * `true`: by the authorization server metadata of the issuer (RFC 8414). `'openid-configuration'`: by its OpenID Connect metadata. The
   * issuer must be an `https` URL, and its metadata must name it.
   */
  readonly discover: true | 'openid-configuration'
}

export interface RemoteKeysTimes {
  /** How long the issuer may take to answer, 100 to 30000 ms. Default 5000. */
  readonly timeoutMs?: number
  /** How old keys may get before they are fetched again, 60 to 86400 seconds. A removed key works no longer than this. Default 600. */
  readonly maxAgeSeconds?: number
}

export interface RevocationOptions {
  readonly list: RevocationList
  /**
   * How old the list may be: `'refuse'` as long as the list itself says (`leaseMs`), or 30 seconds; or as said here. Beyond that tokens are
   * answered with 503. Default `'refuse'`.
   */
  readonly whenUnavailable?: 'refuse' | StaleFor
}

/** Serve what was known before for so long, then refuse. */
export interface StaleFor {
  readonly staleSeconds: number
}

/** {@link JwtOptions}, checked and with every default filled in; without the keys. Frozen. */
export interface IssuerRules {
  readonly issuer: string
  /** `null`: any. */
  readonly audience: readonly string[] | null
  readonly algorithms: ReadonlySet<string>
  readonly type: TokenType
  readonly requiredClaims: readonly string[]
  /** `null`: any that is no SPIFFE ID. */
  readonly maySpeakFor: ((subject: string) => boolean) | null
  readonly binding: Binding
  /** `null`: the scheme is refused. */
  readonly dpop: DpopRules | null
  /** Of Workload Identity Tokens; `null` for every other type. */
  readonly proof: WptRules | null
  readonly revocation: Revocation | null
  readonly keysStaleMs: number
  readonly maxBytes: number
  readonly skewMs: number
  /** `null`: not limited. */
  readonly maxAgeMs: number | null
}

const TYPES: readonly TokenType[] = ['at+jwt', 'JWT', 'jwt-svid', 'wit+jwt', 'session-propagation+jwt']
const KEYS = [
  'issuer',
  'audience',
  'keys',
  'algorithms',
  'type',
  'requiredClaims',
  'subjects',
  'binding',
  'dpop',
  'proof',
  'revocation',
  'whenKeysUnavailable',
  'maxBytes',
  'clockSkewSeconds',
  'maxAgeSeconds',
] as const

const DEFAULT_MAX_BYTES = 8192
const DEFAULT_SKEW_SECONDS = 30
const DEFAULT_STALE_SECONDS = 3600
const MAX_TOKEN_AGE_SECONDS = 366 * 86_400

/**
 * Checks the options of one issuer.
 * @param option path of the options, such as `jwt[0]`.
 * @throws {MisuseError}
 */
export function checkJwtOptions(option: string, options: unknown): IssuerRules {
  checkKeys(option, options, KEYS)
  const at = (key: string): string => joinPath(option, key)
  if (options['issuer'] === undefined) {
    throw new MisuseError('ERR_OPTION_MISSING', at('issuer'), "names the iss of the tokens: issuer: 'https://issuer.example'")
  }
  if (options['keys'] === undefined) {
    throw new MisuseError(
      'ERR_OPTION_MISSING',
      at('keys'),
      "says where the issuer's public keys are: keys: { discover: true }, { jwksUri: 'https://issuer.example/jwks' }, { file } or { jwks }",
    )
  }
  const type = checkChoice(at('type'), options['type'] ?? 'at+jwt', TYPES)
  const skewMs = 1000 * checkInteger(at('clockSkewSeconds'), options['clockSkewSeconds'] ?? DEFAULT_SKEW_SECONDS, 0, 60)
  const rules: IssuerRules = {
    issuer: checkIssuer(at('issuer'), options['issuer'], type),
    audience: checkAudience(at('audience'), options['audience'], type),
    algorithms: checkAlgorithms(at('algorithms'), options['algorithms'], type),
    type,
    requiredClaims: options['requiredClaims'] === undefined ? [] : checkTexts(at('requiredClaims'), options['requiredClaims']),
    maySpeakFor: checkSubjects(at('subjects'), options['subjects'], type),
    ...checkProofs(at, options, type),
    revocation: checkRevocation(at('revocation'), options['revocation'], skewMs),
    keysStaleMs: 1000 * checkStale(at('whenKeysUnavailable'), options['whenKeysUnavailable'] ?? { staleSeconds: DEFAULT_STALE_SECONDS }, 0),
    maxBytes: checkInteger(at('maxBytes'), options['maxBytes'] ?? DEFAULT_MAX_BYTES, 256, 65_536),
    skewMs,
    maxAgeMs:
      options['maxAgeSeconds'] === undefined
        ? null
        : 1000 * checkInteger(at('maxAgeSeconds'), options['maxAgeSeconds'], 1, MAX_TOKEN_AGE_SECONDS),
  }
  return Object.freeze(rules)
}

function checkAlgorithms(option: string, algorithms: unknown, type: TokenType): ReadonlySet<string> {
  const possible = type === 'jwt-svid' ? SVID_ALGORITHMS : ALGORITHMS
  if (algorithms === undefined) return new Set(DEFAULT_ALGORITHMS.filter((name) => possible.includes(name)))
  return checkAlgorithmList(option, algorithms, possible)
}

function checkSubjects(option: string, subjects: unknown, type: TokenType): IssuerRules['maySpeakFor'] {
  if (subjects === undefined) {
    if (type !== 'jwt-svid') return null
    throw new MisuseError('ERR_OPTION_MISSING', option, "names whom the issuer may speak for: subjects: [{ trustDomain: 'prod.example' }]")
  }
  if (subjects === 'any') return () => true
  const matches = checkList(option, subjects).map((match, index) => compileNameMatch(`${option}[${index}]`, match))
  return (subject) => matches.some((match) => match(subject))
}
