import { type Inbound, isUnder, REPEATED, type Refusal, refuse } from '@countersign/core'
import { loggable } from './loggable.js'

// Segments of RFC 3986 §3.3 pchar without percent-encodings; no empty segment but a trailing one, no dot segment, and neither of them
// with parameters behind a `;`, which many a server cuts off before it looks at the segment.
const PLAIN = /^(?:\/(?!\.{1,2}(?:[/?;]|$)|;)[A-Za-z0-9\-._~!$&'()*+,;=:@]+)*\/?(?:\?[\x21\x22\x24-\x7e]*)?$/
const ENCODED = /^(?:\/(?!\.{1,2}(?:[/?;]|$)|;)(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+)*\/?(?:\?[\x21\x22\x24-\x7e]*)?$/
// What a router may decode into something else: unreserved characters (RFC 3986 §6.2.2.2), `\`, controls, and what a second decoding would turn into one of them.
const DECEPTIVE = /%(?:[01][0-9A-Fa-f]|7[Ff]|5[Cc]|2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe]|25[0-9A-Fa-f]{2})/
const ENCODED_SLASH = /%2[Ff]/g
const AUTHORITY_FORM = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)(\/.*)?$/i
// RFC 9110 §4.2: a host and a port. Parsers of URLs disagree about where an authority with anything else in it ends and the path begins.
const AUTHORITY = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/

// RFC 9110 §9.1: methods are case-sensitive, but who makes a WHATWG Request of one turns `delete` into `DELETE` (Fetch §2.2.1). HTTP/2 lets both through.
const LOWER_CASE = /[a-z]/

/** The path that every decision is made on: the target as it was sent, without its query. */
export type PathReader = (inbound: Inbound) => string | Refusal

/**
 * Makes the reader of canonical paths. Anything that a router could read in two ways is refused.
 * @param encodedSlashes paths, or path prefixes, under which `%2F` is taken.
 */
export function createPathReader(encodedSlashes: readonly (string | { readonly under: string })[]): PathReader {
  const takesSlash = (path: string): boolean =>
    encodedSlashes.some((match) => (typeof match === 'string' ? match === path : isUnder(path, match.under)))

  return function pathOf(inbound) {
    if (LOWER_CASE.test(inbound.method)) return notCanonical('method')
    let target = inbound.target
    if (isTunnel(inbound)) return AUTHORITY_FORM.test(target) ? target : notCanonical('authority-form')
    if (target === '*' && inbound.method === 'OPTIONS') return target
    if (target.charCodeAt(0) !== 0x2f) {
      const [, authority, rest = '/'] = ABSOLUTE_FORM.exec(target) ?? []
      if (authority === undefined || !AUTHORITY.test(authority) || authority.toLowerCase() !== inbound.authority)
        return notCanonical('absolute-form')
      target = rest
    }
    if (PLAIN.test(target)) return withoutQuery(target)
    if (!ENCODED.test(target)) return notCanonical('path')
    const path = withoutQuery(target)
    if (DECEPTIVE.test(path)) return notCanonical('encoding')
    const asSlashes = path.replace(ENCODED_SLASH, '/')
    // Whoever decodes the slashes after us, a handler that opens files for one, must find no dot segment behind them.
    if (asSlashes !== path && !(takesSlash(path) && ENCODED.test(asSlashes))) return notCanonical('encoded-slash')
    return decodes(path) ? path : notCanonical('encoding')
  }
}

function withoutQuery(target: string): string {
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}

function decodes(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

function notCanonical(part: string): Refusal {
  return refuse('ERR_TARGET_NOT_CANONICAL', { part })
}

// A `CONNECT` names the other end of the tunnel. Extended `CONNECT` (RFC 8441 §4) is a request for a path of ours.
function isTunnel(inbound: Inbound): boolean {
  return inbound.method === 'CONNECT' && !(inbound.protocol === 'h2' && inbound.target.charCodeAt(0) === 0x2f)
}

/** A host name has 253 characters at most. */
const MAX_LOGGED_NAME = 255
const IP_LITERAL = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[.*\])$/

const PROXY_FIX = Object.freeze({ fix: "a proxy that hands on the host of the client takes authority: 'any'" })

/**
 * RFC 9110 §7.4: a request that names another host than the handshake did is misdirected.
 * @param mayBeProxied for what the log says of it.
 */
export function checkAuthority(inbound: Inbound, asServerName: boolean, mayBeProxied: boolean): Refusal | null {
  const { authority } = inbound
  if (authority === REPEATED) return refuse('ERR_AUTHORITY_INVALID')
  const { serverName } = inbound.connection
  if (authority === null || authority === serverName) return null
  if (!AUTHORITY.test(authority)) return refuse('ERR_AUTHORITY_INVALID')
  if (!asServerName || serverName === null || isTunnel(inbound)) return null
  const host = authority.replace(/:\d+$/, '').replace(/\.$/, '')
  if (host === serverName || IP_LITERAL.test(host)) return null
  const names = { serverName: loggable(serverName, MAX_LOGGED_NAME), authority: loggable(authority, MAX_LOGGED_NAME) }
  const evidence = mayBeProxied ? { ...names, ...PROXY_FIX } : names
  return { ...refuse('ERR_MISDIRECTED'), evidence }
}
