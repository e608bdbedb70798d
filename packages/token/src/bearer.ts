import { type Refusal, refuse } from '@countersign/core'
import { malformed } from './compact.js'

const PREFIX = 'Bearer '
const SCHEME = /^bearer(?: +|$)/i
const SPACE = 0x20
/** RFC 6750 §2.1, b64token. */
const B64TOKEN = /^[\w.~+/-]+=*$/

const WRONG_SCHEME = Object.freeze(refuse('ERR_TOKEN_SCHEME'))
const WRONG_SEGMENTS = malformed('it is not three segments')

/**
 * Looks at an `Authorization` field (RFC 6750 §2.1) as cheaply as can be: length, scheme, dots.
 * @returns the field in its one spelling, `Bearer ` and the token, by which tokens are remembered.
 */
export function readBearer(field: string, maxBytes: number): string | Refusal {
  // Before anything else, and with its spaces, or they would be a way around the limit.
  const bytes = field.length - PREFIX.length
  if (bytes > maxBytes) return refuse('ERR_TOKEN_TOO_LARGE', { bytes, maxBytes })
  const spelled = spell(field)
  if (spelled === null) return WRONG_SCHEME
  return hasThreeSegments(spelled) ? spelled : WRONG_SEGMENTS
}

/**
 * Looks whether an `Authorization` field brings a token that only its issuer understands: one that is no JWS.
 * @param asksAboutAll a JWS too.
 * @returns the field in its one spelling; `null` for whatever else it brings.
 */
export function readOpaque(field: string, maxBytes: number, asksAboutAll: boolean): string | null {
  if (field.length - PREFIX.length > maxBytes) return null
  const spelled = spell(field)
  if (spelled === null || (!asksAboutAll && hasThreeSegments(spelled))) return null
  return B64TOKEN.test(tokenOf(spelled)) ? spelled : null
}

/** The token of a field in its one spelling. */
export function tokenOf(field: string): string {
  return field.slice(PREFIX.length)
}

/** `null`: it is of another scheme. */
function spell(field: string): string | null {
  if (field.startsWith(PREFIX) && field.charCodeAt(PREFIX.length) !== SPACE) return field
  const scheme = SCHEME.exec(field)?.[0]
  return scheme === undefined ? null : PREFIX + field.slice(scheme.length)
}

/** A JWS has three, a JWE five. */
function hasThreeSegments(spelled: string): boolean {
  const first = spelled.indexOf('.', PREFIX.length)
  const second = first === -1 ? -1 : spelled.indexOf('.', first + 1)
  return second !== -1 && spelled.indexOf('.', second + 1) === -1
}
