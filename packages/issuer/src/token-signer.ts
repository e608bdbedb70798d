import { type KeyObject, randomBytes } from 'node:crypto'
import { type Clock, checkChoice, checkInteger, checkKeys, checkList, checkText, MisuseError } from '@countersign/core'
import { thumbprintOf } from './certificate.js'
import { createSigningKey, type PublicJwk, type SigningAlgorithm, type SigningKey } from './signing-key.js'

/** Who signs, and how. */
export interface TokenSignerOptions {
  /** `iss` of every token. */
  readonly issuer: string
  /** Default `ES256`. */
  readonly algorithm?: SigningAlgorithm
  /** A private key to sign with. Default: a generated one. */
  readonly key?: KeyObject
  /** `kid` of the first key. Default: its RFC 7638 thumbprint. */
  readonly keyId?: string
  /** Header `typ`. Default `at+jwt` (RFC 9068 §2.1). */
  readonly type?: string
  /** Lifetime of a token that does not ask for one. Default 3600. */
  readonly expiresInSeconds?: number
  /** The longest lifetime that may be asked for. Default 3600. Keys are published this much longer than they sign. */
  readonly maxExpiresInSeconds?: number
  /** Default: the system's. */
  readonly clock?: Clock
  /** For `jti`. Default: the system's. */
  readonly randomBytes?: (size: number) => Uint8Array
}

/** What a token should say. */
export interface TokenRequest {
  readonly subject: string
  readonly audience: string | readonly string[]
  /** Space-separated scopes. Default: none. */
  readonly scope?: string
  /** Default: `subject`. */
  readonly clientId?: string
  /** Default and maximum are the signer's. */
  readonly expiresInSeconds?: number
  /** Binds the token to a certificate: `cnf.x5t#S256` (RFC 8705 §3.1). Default: whoever holds the token may use it. */
  readonly boundTo?: { readonly certificateDer: Uint8Array }
  /** Further claims. Those above cannot be set here. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** Mints short-lived signed tokens. */
export interface TokenSigner {
  readonly issuer: string
  readonly algorithm: SigningAlgorithm
  /** The public keys: the one that signs, and those before it until the last token under them has expired. */
  jwks(): { readonly keys: readonly PublicJwk[] }
  /** @throws {MisuseError} for a lifetime above the maximum, or `claims` that would replace a claim of the signer's. */
  sign(request: TokenRequest): string
  /** Signs just these claims, whatever they say, under the usual header with `header` put over it: for tests of what refuses them. */
  signExactly(claims: unknown, header?: Readonly<Record<string, unknown>>): string
  /** Signs with a new key from now on. */
  rotate(): void
}

const KEYS = ['issuer', 'algorithm', 'key', 'keyId', 'type', 'expiresInSeconds', 'maxExpiresInSeconds', 'clock', 'randomBytes'] as const
const REQUEST_KEYS = ['subject', 'audience', 'scope', 'clientId', 'expiresInSeconds', 'boundTo', 'claims'] as const
const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'Ed25519', 'EdDSA'] as const
const OWN_CLAIMS = ['iss', 'sub', 'aud', 'iat', 'nbf', 'exp', 'jti', 'client_id', 'scope', 'cnf']
const DEFAULT_SECONDS = 3600
const LONGEST_MAX_SECONDS = 86_400 // a token that lives longer than a day is a password
const JTI_BYTES = 16

/**
 * Makes a signer of access tokens (RFC 9068).
 * @example
 * const signer = createTokenSigner({ issuer: 'https://issuer.prod.example' })
 * const token = signer.sign({ subject: 'spiffe://prod.example/orders', audience: 'billing', boundTo: orders })
 * @throws {MisuseError} for a wrong option.
 */
export function createTokenSigner(options: TokenSignerOptions): TokenSigner {
  const given: unknown = options
  checkKeys('options', given, KEYS)
  const issuer = checkText('options.issuer', options.issuer)
  const algorithm = checkChoice('options.algorithm', options.algorithm ?? 'ES256', ALGORITHMS)
  const type = checkText('options.type', options.type ?? 'at+jwt')
  const maxSeconds = checkInteger('options.maxExpiresInSeconds', options.maxExpiresInSeconds ?? DEFAULT_SECONDS, 1, LONGEST_MAX_SECONDS)
  const usualSeconds = checkInteger(
    'options.expiresInSeconds',
    options.expiresInSeconds ?? Math.min(DEFAULT_SECONDS, maxSeconds),
    1,
    maxSeconds,
  )
  const nowMs = () => (options.clock === undefined ? Date.now() : options.clock.nowMs())
  const random = options.randomBytes ?? randomBytes
  let current: SigningKey = createSigningKey(algorithm, options.key, options.keyId)
  let retired: readonly { readonly jwk: PublicJwk; readonly untilMs: number }[] = []

  function signExactly(claims: unknown, header: Readonly<Record<string, unknown>> = {}): string {
    const input = `${encode({ alg: algorithm, typ: type, kid: current.jwk.kid, ...header })}.${encode(claims)}`
    return `${input}.${Buffer.from(current.sign(Buffer.from(input))).toString('base64url')}`
  }

  return Object.freeze({
    issuer,
    algorithm,
    signExactly,
    sign(request: TokenRequest): string {
      const seconds = checkTokenRequest(request, usualSeconds, maxSeconds)
      const { subject, audience, scope, clientId, boundTo, claims } = request
      const iat = Math.floor(nowMs() / 1000)
      const jti = Buffer.from(random(JTI_BYTES)).toString('base64url')
      return signExactly({
        ...claims,
        iss: issuer,
        sub: subject,
        aud: audience,
        client_id: clientId ?? subject,
        ...(scope === undefined ? {} : { scope }),
        ...(boundTo === undefined ? {} : { cnf: { 'x5t#S256': thumbprintOf(boundTo.certificateDer, 'base64url') } }),
        iat,
        nbf: iat,
        exp: iat + seconds,
        jti,
      })
    },
    rotate(): void {
      retired = [{ jwk: current.jwk, untilMs: nowMs() + maxSeconds * 1000 }, ...retired]
      current = createSigningKey(algorithm)
    },
    jwks(): { readonly keys: readonly PublicJwk[] } {
      retired = retired.filter(({ untilMs }) => untilMs > nowMs())
      return { keys: [current.jwk, ...retired.map(({ jwk }) => jwk)] }
    },
  })
}

function checkTokenRequest(request: TokenRequest, usualSeconds: number, maxSeconds: number): number {
  const given: unknown = request
  checkKeys('request', given, REQUEST_KEYS)
  checkText('request.subject', request.subject)
  const audiences = typeof request.audience === 'string' ? [request.audience] : checkList('request.audience', request.audience)
  for (const audience of audiences) checkText('request.audience', audience)
  for (const name of Object.keys(request.claims ?? {})) {
    if (OWN_CLAIMS.includes(name)) throw new MisuseError('ERR_OPTION_INVALID', `request.claims.${name}`, 'is a claim that the signer sets')
  }
  return checkInteger('request.expiresInSeconds', request.expiresInSeconds ?? usualSeconds, 1, maxSeconds)
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
