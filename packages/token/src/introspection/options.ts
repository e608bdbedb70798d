import { checkChoice, checkInteger, checkKeys, checkText, joinPath, kindOf, MisuseError } from '@countersign/core'
import { checkEndpoint } from '../endpoint.js'
import { checkJwtOptions, type IssuerRules, type JwtOptions } from '../options.js'
import { type Authenticate, type ClientAuthentication, checkClientAuthentication } from './client-authentication.js'

/**
 * An issuer whose tokens say nothing by themselves: each is asked about at the issuer (RFC 7662). There can be one such issuer. It is asked
 * about whatever is no JWT, and where no other issuer is configured about every token.
 */
export interface IntrospectedOptions
  extends Omit<JwtOptions, 'keys' | 'algorithms' | 'type' | 'binding' | 'dpop' | 'proof' | 'whenKeysUnavailable'> {
  readonly introspection: IntrospectionOptions
  readonly keys?: never
  /**
   * `'mtls'`: a token must be bound to the client certificate (RFC 8705 §3.2). `'if-bound'`: a bearer token is accepted too. One that is
   * bound to a key is refused under both. Default `'mtls'`.
   */
  readonly binding?: 'mtls' | 'if-bound'
}

/** Where and how an issuer is asked about tokens. While it does not answer, tokens are answered with 503. */
export interface IntrospectionOptions {
  /** `introspection_endpoint` of the issuer. Only `https`, but for loopback. */
  readonly endpoint: string
  /** How this service proves to the issuer who is asking (RFC 7662 §2.1). */
  readonly clientAuthentication: ClientAuthentication
  /** How long the issuer may take to answer, 100 to 30000 ms. The request waits for it. Default 2000. */
  readonly timeoutMs?: number
  /**
   * How long an answer is believed, 0 to 3600 seconds, and never beyond the token's `exp`. A token that the issuer revokes works no longer
   * than this. 0: each request asks. Default 30.
   */
  readonly cacheSeconds?: number
  /** How long a token that is not active is remembered as such, 0 to 3600 seconds. Default 5. */
  readonly negativeCacheSeconds?: number
  /** How many answers are kept, 1 to 1000000. The one that was not needed for longest makes room. Default 10000. */
  readonly maxEntries?: number
}

/** {@link IntrospectionOptions}, checked. Holds no secret but inside `authenticate`. */
export interface IntrospectionRules {
  readonly endpoint: string
  readonly authenticate: Authenticate
  readonly timeoutMs: number
  readonly cacheMs: number
  readonly negativeCacheMs: number
  readonly maxEntries: number
}

const ISSUER_KEYS = [
  'issuer',
  'audience',
  'introspection',
  'requiredClaims',
  'subjects',
  'binding',
  'revocation',
  'maxBytes',
  'clockSkewSeconds',
  'maxAgeSeconds',
] as const
const KEYS = ['endpoint', 'clientAuthentication', 'timeoutMs', 'cacheSeconds', 'negativeCacheSeconds', 'maxEntries'] as const

const DEFAULT_TIMEOUT_MS = 2000
const DEFAULT_CACHE_SECONDS = 30
const DEFAULT_NEGATIVE_CACHE_SECONDS = 5
const DEFAULT_MAX_ENTRIES = 10_000
const MAX_CACHE_SECONDS = 3600
const MAX_ENTRIES = 1_000_000

/** Is this the entry of an issuer that is asked about its tokens? */
export function isIntrospected(options: unknown): options is Readonly<Record<'introspection', unknown>> {
  return typeof options === 'object' && options !== null && 'introspection' in options && options.introspection !== undefined
}

/**
 * Checks the options of an issuer that is asked about its tokens.
 * @param option path of the options, such as `jwt[0]`.
 * @throws {MisuseError}
 */
export function checkIntrospectedOptions(
  option: string,
  options: Readonly<Record<'introspection', unknown>>,
): { readonly rules: IssuerRules; readonly introspection: IntrospectionRules } {
  if ('keys' in options) {
    throw new MisuseError('ERR_OPTION_CONTRADICTION', joinPath(option, 'keys'), 'goes with no introspection: write one of the two')
  }
  checkKeys(option, options, ISSUER_KEYS)
  const { introspection, ...others } = options
  checkChoice(joinPath(option, 'binding'), 'binding' in options ? options['binding'] : 'mtls', ['mtls', 'if-bound'])
  // All the rest is what it is for an issuer of JWTs, whose keys are not looked at here.
  const rules = checkJwtOptions(option, { ...others, keys: {}, type: 'JWT' })
  return { rules, introspection: checkIntrospection(joinPath(option, 'introspection'), introspection) }
}

function checkIntrospection(option: string, introspection: unknown): IntrospectionRules {
  checkKeys(option, introspection, KEYS)
  const at = (key: string): string => joinPath(option, key)
  const { timeoutMs = DEFAULT_TIMEOUT_MS, cacheSeconds = DEFAULT_CACHE_SECONDS } = introspection
  const { negativeCacheSeconds = DEFAULT_NEGATIVE_CACHE_SECONDS, maxEntries = DEFAULT_MAX_ENTRIES } = introspection
  for (const key of ['endpoint', 'clientAuthentication']) {
    if (introspection[key] === undefined) throw new MisuseError('ERR_OPTION_MISSING', at(key), `is needed, not ${kindOf(undefined)}`)
  }
  return Object.freeze({
    endpoint: checkEndpoint(
      at('endpoint'),
      checkText(at('endpoint'), introspection['endpoint']),
      'whoever can change the answer can make any token',
    ),
    authenticate: checkClientAuthentication(at('clientAuthentication'), introspection['clientAuthentication']),
    timeoutMs: checkInteger(at('timeoutMs'), timeoutMs, 100, 30_000),
    cacheMs: 1000 * checkInteger(at('cacheSeconds'), cacheSeconds, 0, MAX_CACHE_SECONDS),
    negativeCacheMs: 1000 * checkInteger(at('negativeCacheSeconds'), negativeCacheSeconds, 0, MAX_CACHE_SECONDS),
    maxEntries: checkInteger(at('maxEntries'), maxEntries, 1, MAX_ENTRIES),
  })
}
