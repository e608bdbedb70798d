import { parseJsonObject, type StateRecord } from '@countersign/core'
import type { AccessTokenClaims } from '@countersign/issuer'

/** What the mesh remembers of one token, by its `jti`. */
export interface TokenRecord {
  readonly subject: string
  /** `exp`. Epoch milliseconds. */
  readonly expiresAtMs: number
}

/** The record of a token that was just made: what it is, never the token. */
export function writeTokenRecord({ sub, client_id, aud, iat, exp }: AccessTokenClaims, kid: string): string {
  return JSON.stringify({ v: 1, status: 'AUTHENTICATED', kid, sub, client_id, aud, iat, exp })
}

/** `null`: nothing is known of such a token, or the record cannot be understood. */
export function readTokenRecord(stored: StateRecord | null | undefined): TokenRecord | null {
  const value = stored === null || stored === undefined ? null : parseJsonObject(stored.value)
  if (value === null) return null
  const { sub, exp } = value
  return typeof sub === 'string' && typeof exp === 'number' ? { subject: sub, expiresAtMs: exp * 1000 } : null
}
