import type { Identity } from './identity.js'
import { compileNameMatch } from './match.js'

/**
 * Compiles a name match for the names of certificates. A SPIFFE ID, a DNS name and any other name are never the same: `under`,
 * `trustDomain` and what begins with `spiffe://` match SPIFFE IDs alone, everything else no SPIFFE ID and no subject of a token.
 * @throws {MisuseError} `ERR_OPTION_INVALID` for what could never match, or would match more than it says.
 */
export function compileIdentityMatch(option: string, match: unknown): (identity: Identity) => boolean {
  const matches = compileNameMatch(option, match)
  if (typeof match !== 'string' || match.startsWith('spiffe://')) return ({ kind, value }) => kind === 'spiffe' && matches(value)
  const dns = match.toLowerCase()
  // RFC 4343: letter case means nothing in a DNS name.
  return ({ kind, value }) => (kind === 'dns' ? value.toLowerCase() === dns : kind !== 'spiffe' && kind !== 'subject' && matches(value))
}
