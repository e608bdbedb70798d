import { type Inbound, REPEATED, type Refusal, refuse } from '@countersign/core'
import { readBearer } from './bearer.js'
import { readWit } from './wimse/credentials.js'

/** How a token is presented: `Authorization: Bearer`, `Authorization: DPoP`, or in a field of its own with `Authorization: WPT` beside it. */
export type Scheme = 'Bearer' | 'DPoP' | 'WPT'

const BEARER = 'Bearer '
const DPOP = 'DPoP '
// No field value holds a line feed, so this is none that a caller could send as another scheme.
const WPT = 'WPT\n'
const DPOP_SCHEME = /^dpop(?: |$)/i

const TOO_MANY = Object.freeze(refuse('ERR_TOKEN_REPEATED'))
const WRONG_SCHEME = Object.freeze(refuse('ERR_TOKEN_SCHEME'))

/**
 * Looks at what a request presents as its token, as cheaply as can be.
 * @param schemes those that some issuer's tokens may come by.
 * @returns scheme and token in one spelling, by which tokens are remembered; `null`: nothing is presented.
 */
export function readCredentials(inbound: Inbound, schemes: ReadonlySet<Scheme>, maxBytes: number): string | Refusal | null {
  const field = inbound.header('authorization')
  if (schemes.has('WPT')) {
    const wit = readWit(inbound, field, maxBytes)
    if (wit !== null) return typeof wit === 'string' ? WPT + wit : wit
  }
  if (field === null) return null
  if (field === REPEATED) return TOO_MANY
  if (schemes.has('DPoP') && DPOP_SCHEME.test(field)) {
    // RFC 9449 §7.1: the same form as a bearer token.
    const read = readBearer(BEARER + field.slice(DPOP.length), maxBytes)
    return typeof read === 'string' ? DPOP + read.slice(BEARER.length) : read
  }
  return schemes.has('Bearer') ? readBearer(field, maxBytes) : WRONG_SCHEME
}

/** The scheme of what {@link readCredentials} returned. */
export function schemeOf(credentials: string): Scheme {
  return credentials.startsWith(DPOP) ? 'DPoP' : credentials.startsWith(WPT) ? 'WPT' : 'Bearer'
}

/** The token in what {@link readCredentials} returned. */
export function tokenOf(credentials: string): string {
  const scheme = schemeOf(credentials)
  return credentials.slice(scheme === 'Bearer' ? BEARER.length : scheme === 'DPoP' ? DPOP.length : WPT.length)
}
