import {
  askRevocationList,
  isCurrentList,
  type Refusal,
  type RevocableId,
  type RevocationList,
  readRevokedWith,
  refuse,
  type Token,
  tokenFacts,
} from '@countersign/core'

/** A list, and how old it may be. Checked. */
export interface Revocation {
  readonly list: RevocationList
  /** `null`: what the list itself says. */
  readonly maxAgeMs: number | null
  readonly skewMs: number
}

/** Evidence that can be revoked. */
export interface Clearable {
  /** Epoch of the list in which it was last found not to be revoked. */
  clearedIn: number | undefined
}

/** What of a token can be revoked. */
export interface Revocable extends Clearable {
  readonly token: Token
  readonly tokenId: string
  /** The key that made its signature, by every name it has: its own `kid` and its thumbprint, whatever the token calls it. */
  readonly keyIds: readonly string[]
}

/** What is asked about one piece of evidence. */
export interface Question {
  readonly ids: readonly RevocableId[]
  /** Epoch milliseconds. */
  readonly issuedAtMs: number
}

/** What is said of one kind of evidence. */
export interface Verdicts<Evidence> {
  revoked(evidence: Evidence): Refusal
  /** The list cannot tell. */
  unknown(reason: string, cause?: unknown): Refusal
}

// A longer chain is a loop; our own issuer makes none.
const MAX_ACTORS = 10

const REVOKED = Object.freeze(refuse('ERR_TOKEN_REVOKED'))
const TOKEN: Verdicts<Revocable> = {
  revoked: ({ token }) => ({ ...REVOKED, evidence: tokenFacts(token) }),
  unknown: (reason, cause) => refuse('ERR_TOKEN_REVOCATION_UNKNOWN', { reason }, cause),
}

/** Asks the list about a token, on every request. `null`: not revoked. */
export function askRevocation(revocation: Revocation, revocable: Revocable): Refusal | null {
  return askList(revocation, revocable, questionOf, TOKEN)
}

/** Asks the list about any evidence. `null`: not revoked. */
export function askList<Evidence extends Clearable>(
  { list, maxAgeMs, skewMs }: Revocation,
  evidence: Evidence,
  questionOf: (evidence: Evidence) => Question,
  verdicts: Verdicts<Evidence>,
): Refusal | null {
  try {
    if (!isCurrentList(list, maxAgeMs)) return verdicts.unknown('the list is too old')
    const { epoch } = list
    if (epoch !== undefined && epoch === evidence.clearedIn) return null
    const found = askAnew(list, evidence, questionOf(evidence), skewMs, verdicts)
    if (found === null) evidence.clearedIn = epoch
    return found
  } catch (cause) {
    return verdicts.unknown('the list did not answer', cause)
  }
}

function questionOf({ token, tokenId, keyIds }: Revocable): Question {
  return {
    ids: [
      ['token', tokenId],
      ...keyIds.map((key) => ['key', key] as const),
      ...[...servicesOf(token)].map((service) => ['service', service] as const),
      ...(token.boundTo === null ? [] : [['certificate', token.boundTo] as const]),
      ...(token.boundToKey === null ? [] : [['key', token.boundToKey] as const]),
      ...readRevokedWith(token.claims),
    ],
    // A token that does not say when it was issued is as old as any.
    issuedAtMs: token.issuedAtMs ?? Number.NEGATIVE_INFINITY,
  }
}

/** Whose revocation takes a token with it: its subject's, that of the client which got it (RFC 9068 §2.2), and that of whoever acts in it (RFC 8693 §4.1). */
function servicesOf({ subject, claims }: Token): ReadonlySet<string> {
  const services = new Set([subject])
  // Some issuers name the client in `azp` alone (OpenID Connect Core §2).
  const { client_id: client, azp, act } = claims
  for (const id of [client, azp]) if (typeof id === 'string') services.add(id)
  let actor = act
  for (let depth = 0; depth < MAX_ACTORS && typeof actor === 'object' && actor !== null; depth++) {
    const { sub, act: before }: { readonly sub?: unknown; readonly act?: unknown } = actor
    if (typeof sub === 'string') services.add(sub)
    actor = before
  }
  return services
}

function askAnew<Evidence>(
  list: RevocationList,
  evidence: Evidence,
  { ids, issuedAtMs }: Question,
  skewMs: number,
  verdicts: Verdicts<Evidence>,
): Refusal | null {
  for (const [kind, id] of ids) {
    const isRevoked = askRevocationList(list, kind, id, issuedAtMs)
    if (isRevoked === true) return verdicts.revoked(evidence)
    if (isRevoked === undefined) return verdicts.unknown('the list did not answer')
  }
  // The issuer's clock may be ahead of the store's.
  if (issuedAtMs - skewMs >= (list.completeSinceMs ?? Number.NEGATIVE_INFINITY)) return null
  return verdicts.unknown('the list does not go back to when it was issued')
}
