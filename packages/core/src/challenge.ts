/** A scheme by which a caller can authenticate, as `WWW-Authenticate` names it (RFC 9110 §11.6.1). */
export interface Challenge {
  /** As it is written: `Bearer`, `DPoP`. */
  readonly scheme: string
  /** Those that are always sent, such as `realm="countersign"`; empty for a scheme that has none. */
  readonly parameters: string
  /** Values of `error` that the scheme knows (RFC 6750 §3.1, RFC 9449 §7.1): no other is sent under it. */
  readonly errors: readonly string[]
}

/** The challenge of bearer tokens (RFC 6750 §3): it holds at least one parameter. */
export const BEARER_CHALLENGE: Challenge = Object.freeze({
  scheme: 'Bearer',
  parameters: 'realm="countersign"',
  errors: Object.freeze(['invalid_request', 'invalid_token', 'insufficient_scope']),
})
