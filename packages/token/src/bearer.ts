import { type Refusal, refuse } from '@countersign/core'
import { malformed } from './compact.js'

const PREFIX = 'Bearer '
const SCHEME = /^bearer(?: +|$)/i
const SPACE = 0x20

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
  const canonical = field.startsWith(PREFIX) && field.charCodeAt(PREFIX.length) !== SPACE
  const scheme = canonical ? PREFIX : SCHEME.exec(field)?.[0]
  if (scheme === undefined) return WRONG_SCHEME
  const first = field.indexOf('.', scheme.length)
  const second = first === -1 ? -1 : field.indexOf('.', first + 1)
  if (second === -1 || field.indexOf('.', second + 1) !== -1) return WRONG_SEGMENTS
  return canonical ? field : PREFIX + field.slice(scheme.length)
}

/** The token of a field in its one spelling. */
export function tokenOf(field: string): string {
  return field.slice(PREFIX.length)
}
