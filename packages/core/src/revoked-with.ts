import { isJsonArray, isJsonObject, type JsonValue } from './json-value.js'
import { REVOCATION_KINDS, type RevocationKind } from './revocation-list.js'

/** Something that can be revoked. */
export type RevocableId = readonly [kind: RevocationKind, id: string]

/**
 * The claim of a token that names what else it is revoked with, by kind: the certificate that it was got with, the token that it was exchanged
 * for, the keys and tokens before those. A private claim (RFC 7519 §4.3); whoever does not know it loses nothing but that.
 */
export const REVOKED_WITH_CLAIM = 'revoked_with'

/** More would be a header field that nobody takes. Ten hops with a token, a key and a certificate each are within it. */
const MAX_REVOKED_WITH = 64

const NOTHING: readonly RevocableId[] = Object.freeze([])

/** Joins what something is revoked with, each once. `null`: it is more than a token may name. */
export function joinRevokedWith(...lists: readonly (readonly RevocableId[])[]): readonly RevocableId[] | null {
  const joined = new Map<string, RevocableId>()
  for (const one of lists.flat()) joined.set(one.join(' '), one)
  return joined.size > MAX_REVOKED_WITH ? null : [...joined.values()]
}

/** The claim itself; `undefined` where there is nothing to name. */
export function revokedWithClaim(ids: readonly RevocableId[]): Readonly<Record<string, readonly string[]>> | undefined {
  const byKind: Record<string, string[]> = {}
  for (const [kind, id] of ids) {
    byKind[kind] ??= []
    byKind[kind].push(id)
  }
  return ids.length === 0 ? undefined : byKind
}

/** Reads the claim from those of a verified token. Of another issuer's, what it does not mean so is left out. */
export function readRevokedWith(claims: Readonly<Record<string, unknown>>): readonly RevocableId[] {
  const named = claims[REVOKED_WITH_CLAIM] as JsonValue | undefined
  if (named === undefined || !isJsonObject(named)) return NOTHING
  return REVOCATION_KINDS.flatMap((kind) => textsOf(named[kind]).map((id) => [kind, id] as const))
}

function textsOf(list: JsonValue | undefined): readonly string[] {
  return list !== undefined && isJsonArray(list) ? list.filter((id) => typeof id === 'string') : []
}
