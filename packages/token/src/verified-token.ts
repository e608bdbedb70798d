import type { Identity, JsonObject, Token } from '@countersign/core'
import type { Assertions } from './claims.js'
import type { Entry } from './entry.js'
import { ScopeSet } from './scope-set.js'

/** Whose memory holds an entry: tokens of one verifier mean nothing to another. */
export type EntryOwner = object

/**
 * What a service gets to see of a token, once it is verified. Frozen. Its entry is kept in it, where nobody else can reach it: in a WeakMap
 * it would take the garbage collector a tenth of what the signature takes.
 */
class VerifiedToken implements Token {
  readonly issuer: string
  readonly subject: string
  readonly identity: Identity
  readonly audience: readonly string[]
  readonly scopes: ReadonlySet<string>
  readonly claims: JsonObject
  readonly boundTo: string | null
  readonly boundToKey: string | null
  readonly id: string | null
  readonly issuedAtMs: number | null
  readonly expiresAtMs: number
  #entry: Entry | null = null
  #owner: EntryOwner | null = null

  constructor(issuer: string, assertions: Assertions, identity: Identity, proofThumbprint: string | null) {
    const { subject, audience, scopes, claims, confirmation, tokenId, iatMs, expiresAtMs } = assertions
    this.issuer = issuer
    this.subject = subject
    this.identity = identity
    this.audience = Object.freeze(audience)
    this.scopes = new ScopeSet(scopes)
    this.claims = claims
    this.boundTo = confirmation.boundTo
    this.boundToKey = confirmation.boundToKey ?? proofThumbprint
    this.id = tokenId === '' ? null : tokenId
    this.issuedAtMs = iatMs
    this.expiresAtMs = expiresAtMs
    Object.freeze(this)
  }

  static keep(token: Token, entry: Entry, owner: EntryOwner): void {
    if (!(#entry in token)) return
    token.#entry = entry
    token.#owner = owner
  }

  static kept(token: Token, owner: EntryOwner): Entry | undefined {
    return #entry in token && token.#owner === owner && token.#entry !== null ? token.#entry : undefined
  }
}

/**
 * Makes what a service gets to see of a token.
 * @param identity of `assertions`, which has one.
 * @param proofThumbprint of the key in its `cnf.jwk`. `null`: it holds none.
 */
export function createToken(issuer: string, assertions: Assertions, identity: Identity, proofThumbprint: string | null): Token {
  return new VerifiedToken(issuer, assertions, identity, proofThumbprint)
}

/** Keeps the entry of a token that {@link createToken} has made. */
export function keepEntry(entry: Entry, owner: EntryOwner): void {
  VerifiedToken.keep(entry.token, entry, owner)
}

/** The entry that this owner has kept of a token. */
export function entryOf(token: Token, owner: EntryOwner): Entry | undefined {
  return VerifiedToken.kept(token, owner)
}
