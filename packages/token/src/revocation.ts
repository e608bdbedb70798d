import { type Refusal, type RevocationKind, type RevocationList, refuse, type Token } from '@countersign/core'

/** A list, and how old it may be. Checked. */
export interface Revocation {
  readonly list: RevocationList
  /** `null`: what the list itself says, or {@link DEFAULT_LEASE_MS}. */
  readonly maxAgeMs: number | null
  readonly skewMs: number
}

/** What of a token can be revoked. */
export interface Revocable {
  readonly token: Token
  readonly tokenId: string
  readonly kid: string | null
  /** `null` where no key is known: the issuer itself was asked. */
  readonly thumbprint: string | null
  /** Epoch of the list in which the token was last found not to be revoked. */
  clearedIn: number | undefined
}

// Three heartbeats of ten seconds: a list that is pushed to is silent no longer unless something is wrong.
const DEFAULT_LEASE_MS = 30_000

const REVOKED = Object.freeze(refuse('ERR_TOKEN_REVOKED'))
const UNANSWERED = Object.freeze(refuse('ERR_TOKEN_REVOCATION_UNKNOWN', Object.freeze({ reason: 'the list did not answer' })))
const OUTDATED = Object.freeze(refuse('ERR_TOKEN_REVOCATION_UNKNOWN', Object.freeze({ reason: 'the list is too old' })))
const INCOMPLETE = Object.freeze(
  refuse('ERR_TOKEN_REVOCATION_UNKNOWN', Object.freeze({ reason: 'the list does not go back to when the token was issued' })),
)

/** Asks the list, on every request. `null`: not revoked. */
export function askRevocation({ list, maxAgeMs, skewMs }: Revocation, revocable: Revocable): Refusal | null {
  try {
    const { ageMs, epoch } = list
    if (!(ageMs >= 0 && ageMs <= (maxAgeMs ?? list.leaseMs ?? DEFAULT_LEASE_MS))) return OUTDATED
    if (epoch !== undefined && epoch === revocable.clearedIn) return null
    const found = askAnew(list, revocable, skewMs)
    if (found === null) revocable.clearedIn = epoch
    return found
  } catch (cause) {
    return refuse('ERR_TOKEN_REVOCATION_UNKNOWN', { reason: 'the list did not answer' }, cause)
  }
}

function askAnew(list: RevocationList, { token, tokenId, kid, thumbprint }: Revocable, skewMs: number): Refusal | null {
  // A token that does not say when it was issued is as old as any.
  const issuedAtMs = token.issuedAtMs ?? Number.NEGATIVE_INFINITY
  const key = kid ?? thumbprint
  const known =
    ask(list, 'token', tokenId, issuedAtMs) ??
    (key === null ? null : ask(list, 'key', key, issuedAtMs)) ??
    ask(list, 'service', token.subject, issuedAtMs) ??
    (token.boundTo === null ? null : ask(list, 'certificate', token.boundTo, issuedAtMs))
  if (known !== null) return known
  // The issuer's clock may be ahead of the store's.
  return issuedAtMs - skewMs >= (list.completeSinceMs ?? Number.NEGATIVE_INFINITY) ? null : INCOMPLETE
}

function ask(list: RevocationList, kind: RevocationKind, id: string, issuedAtMs: number): Refusal | null {
  // Not by truthiness: a promise would be a revocation that nobody waits for, and `undefined` a pardon.
  const answer: unknown = list.has(kind, id, issuedAtMs)
  if (answer === false) return null
  return answer === true ? REVOKED : UNANSWERED
}
