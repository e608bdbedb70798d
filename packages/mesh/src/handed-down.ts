import { type RevocableId, type RevocationList, readRevokedWith, type Token } from '@countersign/core'
import { decodeToken } from '@countersign/token'

/**
 * What all that is made from a verified token is revoked with: the token, the key that signed it, what it is bound to, and what it names
 * itself. Of another issuer's token the certificate alone: its other names mean something else here.
 * @param text the token itself.
 */
export function handedDown(token: Token, text: string, issuer: string): readonly RevocableId[] {
  const bound = ofCertificate(token.boundTo)
  if (token.issuer !== issuer) return bound
  const { kid } = decodeToken(text).header
  const ids: readonly (readonly [kind: RevocableId[0], id: unknown])[] = [
    ['token', token.id],
    ['key', kid],
    ['key', token.boundToKey],
  ]
  return [...bound, ...ids.filter(isNamed), ...readRevokedWith(token.claims)]
}

/** A certificate that somebody has proven himself with, by its `x5t#S256`; `null` for none. */
export function ofCertificate(thumbprint: string | null | undefined): readonly RevocableId[] {
  return thumbprint === null || thumbprint === undefined ? [] : [['certificate', thumbprint]]
}

/** Is any of them revoked? Never waits. */
export function isAnyRevoked(revocations: RevocationList, ids: readonly RevocableId[], issuedAtMs: number): boolean {
  return ids.some(([kind, id]) => revocations.has(kind, id, issuedAtMs))
}

function isNamed(named: readonly [kind: RevocableId[0], id: unknown]): named is RevocableId {
  return typeof named[1] === 'string'
}
