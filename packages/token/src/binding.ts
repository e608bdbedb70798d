import { type Peer, type Refusal, refuse, type Token } from '@countersign/core'

const ANOTHER = Object.freeze(refuse('ERR_TOKEN_BINDING', Object.freeze({ reason: 'it is bound to another certificate' })))
const NO_CERTIFICATE = Object.freeze(refuse('ERR_TOKEN_BINDING', Object.freeze({ reason: 'no client certificate was presented' })))
const UNBOUND = Object.freeze(refuse('ERR_TOKEN_UNBOUND'))

/**
 * Is this token this peer's (RFC 8705 §3)? A bound token must match, whatever the options say.
 * @param mode `'mtls'`: a token that is not bound is refused.
 */
export function checkBinding(token: Token, peer: Peer | null, mode: 'mtls' | 'if-bound'): Refusal | null {
  if (token.boundTo === null) return mode === 'if-bound' ? null : UNBOUND
  if (peer === null) return NO_CERTIFICATE
  return peer.certificate !== null && isSame(token.boundTo, peer.certificate['x5t#S256']) ? null : ANOTHER
}

/** Takes as long for a near miss as for a far one. */
function isSame(one: string, other: string): boolean {
  if (one.length !== other.length) return false
  let difference = 0
  for (let index = 0; index < one.length; index++) difference |= one.charCodeAt(index) ^ other.charCodeAt(index)
  return difference === 0
}
