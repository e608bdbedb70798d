import { type Refusal, refuse } from '@countersign/core'

/**
 * What has been revoked. Local, so that asking never waits: it is kept current from outside.
 * A question that throws, or is answered with anything but true or false, is not answered.
 */
export interface RevocationList {
  /** By the token's `jti`, the `kid` it was signed with (its thumbprint where it has none), or its `sub`. */
  has(kind: 'token' | 'service' | 'key', id: string): boolean
  /** How long ago the list was last known to be complete; 0 for a list that always is. */
  readonly ageMs: number
}

/** A list, and how old it may be. Checked. */
export interface Revocation {
  readonly list: RevocationList
  readonly maxAgeMs: number
}

const REVOKED = Object.freeze(refuse('ERR_TOKEN_REVOKED'))
const UNANSWERED = Object.freeze(refuse('ERR_TOKEN_REVOCATION_UNKNOWN', Object.freeze({ reason: 'the list did not answer' })))
const OUTDATED = Object.freeze(refuse('ERR_TOKEN_REVOCATION_UNKNOWN', Object.freeze({ reason: 'the list is too old' })))

/** Asks the list, on every request. `null`: not revoked. */
export function askRevocation({ list, maxAgeMs }: Revocation, tokenId: string, keyId: string, subject: string): Refusal | null {
  try {
    const { ageMs } = list
    if (!(ageMs >= 0 && ageMs <= maxAgeMs)) return OUTDATED
    return ask(list, 'token', tokenId) ?? ask(list, 'key', keyId) ?? ask(list, 'service', subject)
  } catch (cause) {
    return refuse('ERR_TOKEN_REVOCATION_UNKNOWN', { reason: 'the list did not answer' }, cause)
  }
}

function ask(list: RevocationList, kind: 'token' | 'service' | 'key', id: string): Refusal | null {
  // Not by truthiness: a promise would be a revocation that nobody waits for, and `undefined` a pardon.
  const answer: unknown = list.has(kind, id)
  if (answer === false) return null
  return answer === true ? REVOKED : UNANSWERED
}
