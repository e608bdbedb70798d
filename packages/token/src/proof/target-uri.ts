import { checkList, checkText, type Inbound, MisuseError } from '@countersign/core'

// RFC 3986 §3.2.2, §3.3, and no more: parsers of URLs mend what is none, and each in its own way.
const URI = /^(https?):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d{0,5}))?(\/[^?#]*)?(?:\?[^#]*)?(?:#.*)?$/i
const PATH = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/
const VISIBLE = /^[\x21-\x7e]+$/
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i
const ESCAPE = /%[0-9A-Fa-f]{2}/g
const UNRESERVED = /[A-Za-z0-9\-._~]/
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 }
const MAX_PORT = 65_535

/**
 * The one spelling of an `http` or `https` URI without its query and fragment: RFC 3986 §6.2.2 (case, percent-encoding, dot segments) and
 * §6.2.3 (empty path, default port).
 * @returns `null` for what is no such URI.
 */
export function normalizeUri(text: string): string | null {
  const [, scheme, host, port, path = '/'] = VISIBLE.test(text) ? (URI.exec(text) ?? []) : []
  if (scheme === undefined || host === undefined) return null
  const normalized = normalizePath(path)
  const number = port === undefined || port === '' ? null : Number(port)
  if (normalized === null || (number !== null && number > MAX_PORT)) return null
  const lower = scheme.toLowerCase()
  const suffix = number === null || number === DEFAULT_PORTS[lower] ? '' : `:${number}`
  return `${lower}://${host.toLowerCase()}${suffix}${normalized}`
}

function normalizePath(path: string): string | null {
  if (!PATH.test(path)) return null
  if (!path.includes('%') && !path.includes('/.')) return path
  const decoded = path.replace(ESCAPE, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16))
    return UNRESERVED.test(character) ? character : triplet.toUpperCase()
  })
  return decoded.includes('/.') ? removeDotSegments(decoded) : decoded
}

/** RFC 3986 §5.2.4. */
function removeDotSegments(path: string): string {
  const segments = path.split('/').slice(1)
  const kept: string[] = []
  for (const [index, segment] of segments.entries()) {
    if (segment === '..') kept.pop()
    if (segment !== '.' && segment !== '..') kept.push(segment)
    else if (index === segments.length - 1) kept.push('')
  }
  return `/${kept.join('/')}`
}

/**
 * Is this URI, already in its one spelling, the target of the request at one of our origins? What the request says of its host is never
 * looked at: whoever sends it has written it.
 */
export function isTargetOf(uri: string, inbound: Inbound, origins: readonly string[]): boolean {
  const { target } = inbound
  const query = target.indexOf('?')
  const plain = (query === -1 ? target : target.slice(0, query)).replace(ABSOLUTE_FORM, '')
  const path = normalizePath(plain === '' && target !== '' ? '/' : plain)
  return path !== null && origins.some((origin) => uri.length === origin.length + path.length && uri === origin + path)
}

/**
 * Reads origins as callers know them.
 * @returns each without a trailing slash, in its one spelling.
 * @throws {MisuseError}
 */
export function checkOrigins(option: string, origins: unknown): readonly string[] {
  if (origins === undefined) {
    throw new MisuseError(
      'ERR_OPTION_MISSING',
      option,
      "names where callers reach this service, as they write it: origins: 'https://billing.example' (never taken from Host)",
    )
  }
  const list = typeof origins === 'string' ? [origins] : checkList(option, origins)
  return Object.freeze(list.map((origin, index) => checkOrigin(typeof origins === 'string' ? option : `${option}[${index}]`, origin)))
}

function checkOrigin(option: string, origin: unknown): string {
  const text = checkText(option, origin)
  const uri = /^[^?#@]*$/.test(text) ? normalizeUri(text) : null
  const root = uri === null ? -1 : uri.indexOf('/', uri.indexOf('://') + 3)
  if (uri === null || root !== uri.length - 1) {
    throw new MisuseError('ERR_OPTION_INVALID', option, "takes an origin, a scheme and a host without a path: 'https://billing.example'")
  }
  return uri.slice(0, -1)
}
