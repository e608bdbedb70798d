import { parseJsonObject, type StateRecord } from '@countersign/core'
import type { AccessTokenClaims } from '@countersign/issuer'

/** What the mesh remembers of one token, by its `jti`. */
export interface TokenRecord {
  readonly subject: string
  /** `exp`. Epoch milliseconds. */
  readonly expiresAtMs: number
  /** Its family of refresh tokens; `null` for none. */
  readonly family: string | null
}

/** The record of a token that was just made: what it is, never the token. */
export function writeTokenRecord({ sub, client_id, aud, iat, exp }: AccessTokenClaims, kid: string, family: string | null): string {
  return JSON.stringify({ v: 1, status: 'AUTHENTICATED', kid, sub, client_id, aud, iat, exp, family })
}

/** `null`: nothing is known of such a token, or the record cannot be understood. */
export function readTokenRecord(stored: StateRecord | null | undefined): TokenRecord | null {
  const value = stored === null || stored === undefined ? null : parseJsonObject(stored.value)
  if (value === null) return null
  const { sub, exp, family = null } = value
  if (typeof sub !== 'string' || typeof exp !== 'number') return null
  return { subject: sub, expiresAtMs: exp * 1000, family: typeof family === 'string' ? family : null }
}
