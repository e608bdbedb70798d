import { parseJsonObject, RefusedError } from '@countersign/core'
import { decodeCompact } from './compact.js'

/** What a token says. Frozen, objects without a prototype. */
export interface DecodedToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

// For people who look at a token, so a little wider than any limit a verifier may have.
const MAX_BYTES = 65_536

/**
 * Reads a compact JWT without verifying it: for tools that show what is in a token. Never decide anything by what it returns.
 *
 * @throws {RefusedError} `ERR_TOKEN_TOO_LARGE` or `ERR_TOKEN_MALFORMED`.
 * @example
 * const { header, claims } = decodeToken(text)
 */
export function decodeToken(compact: string): DecodedToken {
  if (compact.length > MAX_BYTES) throw new RefusedError('ERR_TOKEN_TOO_LARGE', `The token is longer than ${MAX_BYTES} bytes`)
  const jws = decodeCompact(compact)
  if ('refused' in jws) throw new RefusedError(jws.code, `The token cannot be read: ${jws.facts['reason']}`)
  const claims = parseJsonObject(jws.payload)
  if (claims === null) throw new RefusedError('ERR_TOKEN_MALFORMED', 'The token cannot be read: its payload is not a JSON object')
  return Object.freeze({ header: jws.header, claims })
}
