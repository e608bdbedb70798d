import { type Peer, type Refusal, refuse, type Token, tokenFacts } from '@countersign/core'

/** What a token must be bound to: see `JwtOptions.binding`. */
export type Binding = 'mtls' | 'dpop' | 'sender-constrained' | 'if-bound' | 'dangerously-unchecked'

const ANOTHER = Object.freeze(refuse('ERR_TOKEN_BINDING', Object.freeze({ reason: 'it is bound to another certificate' })))
const NO_CERTIFICATE = Object.freeze(refuse('ERR_TOKEN_BINDING', Object.freeze({ reason: 'no client certificate was presented' })))
const UNBOUND = Object.freeze(refuse('ERR_TOKEN_UNBOUND'))

/**
 * Is this token this peer's (RFC 8705 §3)? A token that is bound to a certificate must match it, whatever the options say. That of a key
 * it is bound to was proven when the token was found.
 * @param mode what it must be bound to.
 */
export function checkBinding(token: Token, peer: Peer | null, mode: Binding): Refusal | null {
  const refusal = judgeBinding(token, peer, mode)
  // Whoever brings a token that is not his is in the log as the peer: whose it is belongs beside that.
  return refusal === null ? null : { ...refusal, evidence: tokenFacts(token) }
}

function judgeBinding(token: Token, peer: Peer | null, mode: Binding): Refusal | null {
  if (token.boundTo === null) return isBoundAs(token, mode) ? null : UNBOUND
  if (peer === null) return NO_CERTIFICATE
  if (peer.certificate === null || !isSame(token.boundTo, peer.certificate['x5t#S256'])) return ANOTHER
  return isBoundAs(token, mode) ? null : UNBOUND
}

function isBoundAs({ boundTo, boundToKey }: Token, mode: Binding): boolean {
  switch (mode) {
    case 'mtls':
      return boundTo !== null
    case 'dpop':
      return boundToKey !== null
    case 'sender-constrained':
      return boundTo !== null || boundToKey !== null
    case 'if-bound':
    case 'dangerously-unchecked':
      return true
  }
}

/** Takes as long for a near miss as for a far one. */
export function isSame(one: string, other: string): boolean {
  if (one.length !== other.length) return false
  let difference = 0
  for (let index = 0; index < one.length; index++) difference |= one.charCodeAt(index) ^ other.charCodeAt(index)
  return difference === 0
}
