import type { Identity } from './identity.js'

/** A verified API key: whose it is, and what for. Frozen. Never holds the secret. */
export interface ApiKey {
  /** The part of the key that is no secret. */
  readonly id: string
  readonly owner: Identity
  readonly scopes: ReadonlySet<string>
  /** Epoch milliseconds. */
  readonly expiresAtMs: number
}
