import { type Refusal, refuse } from '@countersign/core'
import { malformed, NOT_CANONICAL } from './compact.js'

const PREFIX = 'Bearer '
const SCHEME = /^bearer(?: +|$)/i
const SPACE = 0x20
/** RFC 6750 §2.1, b64token. */
const B64TOKEN = /^[\w.~+/-]+=*$/

const LETTER = /[\w.-]/

const WRONG_SCHEME = Object.freeze(refuse('ERR_TOKEN_SCHEME'))
const WRONG_SEGMENTS = malformed('it is not three segments')
const NO_HEADER = malformed('its header is not a JSON object')
const NO_CLAIMS = malformed('its payload is not a JSON object')

/**
 * Looks at an `Authorization` field (RFC 6750 §2.1) as cheaply as can be, before it is even hashed: length, scheme, dots, and where its
 * segments begin and end.
 * @returns the field in its one spelling, `Bearer ` and the token, by which tokens are remembered.
 */
export function readBearer(field: string, maxBytes: number): string | Refusal {
  // Before anything else, and with its spaces, or they would be a way around the limit.
  const bytes = field.length - PREFIX.length
  if (bytes > maxBytes) return refuse('ERR_TOKEN_TOO_LARGE', { bytes, maxBytes })
  const spelled = spell(field)
  if (spelled === null) return WRONG_SCHEME
  const payloadAt = payloadOf(spelled)
  if (payloadAt === 0) return WRONG_SEGMENTS
  if (!mayBeginObject(spelled.charCodeAt(PREFIX.length))) return NO_HEADER
  if (!mayBeginObject(spelled.charCodeAt(payloadAt))) return NO_CLAIMS
  // What is padded is garbled most often.
  return LETTER.test(spelled.charAt(spelled.length - 1)) ? spelled : NOT_CANONICAL
}

/**
 * Looks whether an `Authorization` field brings a token that only its issuer understands: one that is no JWS.
 * @param asksAboutAll a JWS too.
 * @returns the field in its one spelling; `null` for whatever else it brings.
 */
export function readOpaque(field: string, maxBytes: number, asksAboutAll: boolean): string | null {
  if (field.length - PREFIX.length > maxBytes) return null
  const spelled = spell(field)
  if (spelled === null || (!asksAboutAll && payloadOf(spelled) !== 0)) return null
  return B64TOKEN.test(spelled.slice(PREFIX.length)) ? spelled : null
}

/** `null`: it is of another scheme. */
function spell(field: string): string | null {
  if (field.startsWith(PREFIX) && field.charCodeAt(PREFIX.length) !== SPACE) return field
  const scheme = SCHEME.exec(field)?.[0]
  return scheme === undefined ? null : PREFIX + field.slice(scheme.length)
}

/** Where the second of three segments begins; 0 where there are fewer or more: a JWE has five. */
function payloadOf(spelled: string): number {
  const first = spelled.indexOf('.', PREFIX.length)
  const second = first === -1 ? -1 : spelled.indexOf('.', first + 1)
  return second !== -1 && spelled.indexOf('.', second + 1) === -1 ? first + 1 : 0
}

/** The first letter of base64url for `{`, or for the white space that JSON may begin with: a space, a tab, the end of a line. */
function mayBeginObject(letter: number): boolean {
  return letter === 0x65 || letter === 0x49 || letter === 0x43 || letter === 0x44
}
