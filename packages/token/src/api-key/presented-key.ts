import { type Inbound, REPEATED, type Refusal, refuse } from '@countersign/core'

const PREFIX = 'ApiKey '
/** RFC 9110 §11.1: a scheme is compared without regard to case. */
const SCHEME = /^apikey(?: +|$)/i

const TOO_MANY = Object.freeze(refuse('ERR_API_KEY_REPEATED'))

/**
 * Finds the API key of a request: in `Authorization` under the scheme `ApiKey`, or in the field of its own. One alone may be there, since
 * what another reader takes for the key is nobody's to guess.
 * @param header the field's lowercase name; `null`: `Authorization` alone.
 * @returns the text, whatever it is; `null` for none.
 */
export function presentedKey(inbound: Inbound, header: string | null): string | Refusal | null {
  const authorization = inbound.header('authorization')
  const own = header === null ? null : inbound.header(header)
  if (authorization === REPEATED || own === REPEATED) return TOO_MANY
  const credentials = authorization === null ? null : credentialsIn(authorization)
  if (credentials !== null && own !== null) return TOO_MANY
  return credentials ?? own
}

/** The text behind the scheme; `null` for another scheme. */
export function credentialsIn(authorization: string): string | null {
  if (authorization.startsWith(PREFIX) && authorization.charCodeAt(PREFIX.length) !== 0x20) return authorization.slice(PREFIX.length)
  const scheme = SCHEME.exec(authorization)?.[0]
  return scheme === undefined ? null : authorization.slice(scheme.length)
}
