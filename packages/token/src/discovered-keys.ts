import {
  checkChoice,
  FetchError,
  fetchBytes,
  MisuseError,
  parseIssuerUrl,
  parseJsonObject,
  parsePlainUrl,
  type Surroundings,
} from '@countersign/core'
import { isLoopback } from './loopback.js'

/** Whose metadata is read, and within which bounds. */
export interface JwksLocatorOptions {
  readonly issuer: string
  readonly timeoutMs: number
  readonly maxAgeMs: number
}

// Servers with many endpoints and mirrors of them say so in some 5 KB.
const MAX_BYTES = 64 * 1024

/**
 * Finds the `jwks_uri` of an issuer in its metadata, and keeps it as long as keys may be kept. Where it cannot be had, the one from before
 * serves on: the keys behind it age on their own.
 * @throws {MisuseError} for an issuer that can have no metadata.
 */
export function createJwksLocator(
  option: string,
  discover: unknown,
  options: JwksLocatorOptions,
  { clock, fetch }: Surroundings,
): (signal: AbortSignal) => Promise<string> {
  const kind = checkChoice(option, discover === true ? 'oauth-authorization-server' : discover, KINDS)
  const issuer = checkIssuer(option, options.issuer)
  const url = metadataUrlOf(issuer, kind)
  let known: { readonly jwksUri: string; readonly atMs: number } | null = null

  return async (signal) => {
    const nowMs = clock.nowMs()
    if (known !== null && Math.abs(nowMs - known.atMs) < options.maxAgeMs) return known.jwksUri
    try {
      // No redirect is followed: the metadata stands where its name says.
      const request = { server: 'the issuer', url, accept: 'application/json', maxBytes: MAX_BYTES, timeoutMs: options.timeoutMs, signal }
      const { bytes } = await fetchBytes(request, fetch)
      known = { jwksUri: jwksUriOf(bytes ?? new Uint8Array(0), options.issuer, issuer), atMs: nowMs }
      return known.jwksUri
    } catch (cause) {
      if (known === null || signal.aborted) throw cause
      return known.jwksUri
    }
  }
}

const KINDS = ['oauth-authorization-server', 'openid-configuration'] as const

/**
 * Where the metadata of an issuer stands. That of OAuth has its well-known part in front of the issuer's path, that of OpenID Connect behind.
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-3
 */
function metadataUrlOf(issuer: URL, kind: (typeof KINDS)[number]): string {
  const path = issuer.pathname.replace(/\/$/, '')
  return `${issuer.origin}${kind === 'openid-configuration' ? `${path}/.well-known/${kind}` : `/.well-known/${kind}${path}`}`
}

/** RFC 8414 §2: an `https` URL without query and fragment. */
function checkIssuer(option: string, issuer: string): URL {
  const url = parseIssuerUrl(issuer)
  if (url === null || !isSafe(url, isLoopback(url)))
    throw new MisuseError('ERR_OPTION_INVALID', option, 'needs an issuer that is an https URL without user, query and fragment')
  return url
}

function jwksUriOf(bytes: Uint8Array, issuer: string, issuerUrl: URL): string {
  const metadata = parseJsonObject(bytes)
  if (metadata === null) throw new FetchError('the metadata of the issuer is not a JSON object')
  const { issuer: named, jwks_uri: jwksUri } = metadata
  // RFC 8414 §3.3: octet by octet, or one issuer could speak for another.
  if (named !== issuer) throw new FetchError('the metadata of the issuer names another issuer')
  const url = typeof jwksUri === 'string' ? parsePlainUrl(jwksUri) : null
  // Metadata from afar does not send us to what listens on this machine.
  if (url === null || !isSafe(url, isLoopback(issuerUrl))) throw new FetchError('the metadata of the issuer names no usable jwks_uri')
  return url.href
}

function isSafe(url: URL, mayBeLoopback: boolean): boolean {
  if (isLoopback(url)) return mayBeLoopback && (url.protocol === 'https:' || url.protocol === 'http:')
  return url.protocol === 'https:'
}
