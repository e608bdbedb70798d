import { type KeyObject, randomBytes } from 'node:crypto'
import { type Clock, checkBoolean, checkChoice, checkInteger, checkKeys, checkList, checkText } from '@countersign/core'
import { type AccessTokenRequest, accessTokenClaims } from './access-token-claims.js'
import { encodeJson } from './compact-jws.js'
import { createKeyVersions } from './key-versions.js'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from './signing-algorithm.js'
import { createSigningKey, type PublicJwk, type SigningKey } from './signing-key.js'

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
  /** Names of the further claims that a request may set. Default: none, so that no data of a caller becomes a claim by mistake. */
  readonly allowedClaims?: readonly string[]
  /** Lets a request set any claim but the signer's own. Default `false`; for tests. */
  readonly dangerouslyAllowAnyClaim?: boolean
  /** Default: the system's. */
  readonly clock?: Clock
  /** For `jti`. Default: the system's. */
  readonly randomBytes?: (size: number) => Uint8Array
}

/** What a token should say. */
export interface TokenRequest
  extends Pick<AccessTokenRequest, 'subject' | 'audience' | 'scope' | 'clientId' | 'boundTo' | 'actor' | 'claims'> {
  /** Default and maximum are the signer's. */
  readonly expiresInSeconds?: number
}

/** Mints short-lived signed tokens. */
export interface TokenSigner {
  readonly issuer: string
  readonly algorithm: SigningAlgorithm
  /** The public keys: the one that signs, and those before it until the last token under them has expired. */
  jwks(): { readonly keys: readonly PublicJwk[] }
  /** @throws {MisuseError} for a lifetime above the maximum, and for `claims` that are not allowed, or would replace one of the signer's. */
  sign(request: TokenRequest): string
  /** Signs just these claims, whatever they say, under the usual header with `header` put over it: for tests of what refuses them. */
  signExactly(claims: unknown, header?: Readonly<Record<string, unknown>>): string
  /** Signs with a new key from now on. */
  rotate(): void
}

const KEYS = [
  'issuer',
  'algorithm',
  'key',
  'keyId',
  'type',
  'expiresInSeconds',
  'maxExpiresInSeconds',
  'allowedClaims',
  'dangerouslyAllowAnyClaim',
  'clock',
  'randomBytes',
] as const
const REQUEST_KEYS = ['subject', 'audience', 'scope', 'clientId', 'expiresInSeconds', 'boundTo', 'actor', 'claims'] as const
const DEFAULT_SECONDS = 3600
const LONGEST_MAX_SECONDS = 86_400 // a token that lives longer than a day is a password

/**
 * Makes a signer of access tokens (RFC 9068). It signs at once, on the event loop; a server signs with a `KeyRing`.
 * @example
 * const signer = createTokenSigner({ issuer: 'https://issuer.prod.example' })
 * const token = signer.sign({ subject: 'spiffe://prod.example/orders', audience: 'billing', boundTo: orders })
 * @throws {MisuseError} for a wrong option.
 */
export function createTokenSigner(options: TokenSignerOptions): TokenSigner {
  const given: unknown = options
  checkKeys('options', given, KEYS)
  const issuer = checkText('options.issuer', options.issuer)
  const algorithm = checkChoice('options.algorithm', options.algorithm ?? 'ES256', SIGNING_ALGORITHMS)
  const type = checkText('options.type', options.type ?? 'at+jwt')
  const maxSeconds = checkInteger('options.maxExpiresInSeconds', options.maxExpiresInSeconds ?? DEFAULT_SECONDS, 1, LONGEST_MAX_SECONDS)
  const usualSeconds = checkInteger(
    'options.expiresInSeconds',
    options.expiresInSeconds ?? Math.min(DEFAULT_SECONDS, maxSeconds),
    1,
    maxSeconds,
  )
  const allowedClaims = (options.allowedClaims === undefined ? [] : checkList('options.allowedClaims', options.allowedClaims)).map(
    (name, index) => checkText(`options.allowedClaims[${index}]`, name),
  )
  const anyClaim = checkBoolean('options.dangerouslyAllowAnyClaim', options.dangerouslyAllowAnyClaim ?? false)
  const nowMs = () => (options.clock === undefined ? Date.now() : options.clock.nowMs())
  const random = options.randomBytes ?? randomBytes
  const versions = createKeyVersions<SigningKey>(createSigningKey('options.key', algorithm, options.key, options.keyId))

  function signExactly(claims: unknown, header: Readonly<Record<string, unknown>> = {}): string {
    const { jwk, sign } = versions.current
    const input = `${encodeJson({ alg: algorithm, typ: type, kid: jwk.kid, ...header })}.${encodeJson(claims)}`
    return `${input}.${Buffer.from(sign(Buffer.from(input))).toString('base64url')}`
  }

  return Object.freeze({
    issuer,
    algorithm,
    signExactly,
    sign(request: TokenRequest): string {
      const given: unknown = request
      checkKeys('request', given, REQUEST_KEYS)
      return signExactly(
        accessTokenClaims({
          ...request,
          issuer,
          expiresInSeconds: request.expiresInSeconds ?? usualSeconds,
          maxExpiresInSeconds: maxSeconds,
          allowedClaims: anyClaim ? Object.keys(request.claims ?? {}) : allowedClaims,
          nowMs: nowMs(),
          randomBytes: random,
        }),
      )
    },
    rotate(): void {
      versions.advance(createSigningKey('options.algorithm', algorithm), maxSeconds * 1000, nowMs())
    },
    jwks: () => versions.jwks(nowMs()),
  })
}
