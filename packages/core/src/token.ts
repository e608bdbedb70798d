import type { Identity } from './identity.js'

/** A verified token. Frozen, its claims too. */
export interface Token {
  readonly issuer: string
  readonly subject: string
  readonly identity: Identity
  readonly audience: readonly string[]
  readonly scopes: ReadonlySet<string>
  readonly claims: Readonly<Record<string, unknown>>
  /** The certificate it is bound to (`cnf.x5t#S256`, RFC 8705 §3.1); `null` for a token that whoever holds it may use. */
  readonly boundTo: string | null
  /** The key it is bound to: its RFC 7638 thumbprint (`cnf.jkt`, RFC 9449 §6.1, or that of `cnf.jwk`); `null` without one. */
  readonly boundToKey: string | null
  /** `jti`; `null` without one. */
  readonly id: string | null
  /** `iat`. Epoch milliseconds; `null` without one. */
  readonly issuedAtMs: number | null
  /** `exp` with the skew added. Epoch milliseconds. */
  readonly expiresAtMs: number
}
