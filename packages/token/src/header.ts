import { type JsonObject, type Refusal, refuse } from '@countersign/core'
import { malformed } from './compact.js'

/** Kinds of token by their header `typ`: see `JwtOptions.type`. */
export type TokenType = 'at+jwt' | 'JWT' | 'jwt-svid' | 'wit+jwt' | 'session-propagation+jwt'

/** Longest `kid`: far longer than a thumbprint or an ARN. It is looked up and compared on every cold request. */
export const MAX_KID_LENGTH = 512

const NO_ALGORITHM = malformed('its header has no alg')
const BAD_KID = malformed('its kid is not a text of bounded length')
const UNSIGNED = Object.freeze(refuse('ERR_TOKEN_UNSIGNED'))
const CRITICAL = Object.freeze(refuse('ERR_TOKEN_CRITICAL'))
const EMBEDDED = Object.freeze(refuse('ERR_TOKEN_KEY_EMBEDDED'))
const WRONG_ALGORITHM = Object.freeze(refuse('ERR_TOKEN_ALGORITHM'))
const WRONG_TYPE = Object.freeze(refuse('ERR_TOKEN_TYPE'))

/** Judges the header of a JWS, whatever it signs. `null`: an algorithm of the list, and nothing that it should not hold. */
export function checkHeader(header: JsonObject, signature: Uint8Array, algorithms: ReadonlySet<string>): Refusal | null {
  const { alg, kid } = header
  if (typeof alg !== 'string' || alg === '') return NO_ALGORITHM
  // RFC 8725 §3.2, in any spelling: "nOnE" got through a comparison once.
  if (alg.toLowerCase() === 'none' || signature.length === 0) return UNSIGNED
  // RFC 7515 §4.1.11: an extension that is not understood makes the JWS invalid. We understand none, and no unencoded payload (RFC 7797).
  if ('crit' in header || ('b64' in header && header['b64'] !== true)) return CRITICAL
  // RFC 8725 §3.1: compared as it is written, and never taken from the token.
  if (!algorithms.has(alg)) return WRONG_ALGORITHM
  // RFC 7515 §4.1.3: a key that comes with the token proves nothing. `jku`, `x5u` and `x5c` are never looked at.
  if ('jwk' in header) return EMBEDDED
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH)) return BAD_KID
  return null
}

/** Judges `typ` (RFC 8725 §3.11): one kind of token never passes for another. */
export function checkType(header: JsonObject, type: TokenType): Refusal | null {
  const { typ } = header
  // An absent one is what the older kinds may have, and no other.
  if (typ === undefined) return type === 'JWT' || type === 'jwt-svid' ? null : WRONG_TYPE
  const name = mediaTypeOf(typ)
  switch (type) {
    case 'at+jwt':
      return name === 'at+jwt' ? null : WRONG_TYPE // RFC 9068 §4
    case 'session-propagation+jwt':
      return name === 'session-propagation+jwt' ? null : WRONG_TYPE
    case 'JWT':
      return name === 'jwt' ? null : WRONG_TYPE
    case 'jwt-svid':
      return name === 'jwt' || name === 'jose' ? null : WRONG_TYPE // JWT-SVID §2.3
    case 'wit+jwt':
      return name === 'wit+jwt' ? null : WRONG_TYPE // draft-ietf-wimse-workload-creds-02 §5.1
  }
}

/** The media type that a `typ` names, lowercase and without its `application/`, which may be left out (RFC 7515 §4.1.9). `null`: none. */
export function mediaTypeOf(typ: unknown): string | null {
  if (typeof typ !== 'string') return null
  const lower = typ.toLowerCase()
  return lower.startsWith('application/') ? lower.slice('application/'.length) : lower
}
