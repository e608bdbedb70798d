import type { Code, Facts, OperationCode } from '@countersign/core'
import type { OperationRefusal } from '../operation-refusal.js'

/** `error` of an answer: RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 9449 §5 and §8. */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'temporarily_unavailable'

/** Why a request to the authorization server was rejected, as a value. The code is for the log alone: the caller gets the error it stands for. */
export interface Rejection {
  readonly rejected: true
  readonly code: RejectionCode
  /** For the log. Never holds a token, a secret or text of the caller's choosing. */
  readonly facts: Facts
  readonly cause?: unknown
}

type Row = readonly [status: number, error: OAuthError, description: string]

// One text for whatever is wrong with a client or its credential: which clients there are is nobody's business.
const NOT_AUTHENTICATED: Row = [401, 'invalid_client', 'Client authentication failed']
const NOT_NOW: Row = [503, 'temporarily_unavailable', 'The request cannot be judged right now']
const TOO_MANY: Row = [429, 'temporarily_unavailable', 'Too many requests']
const WRONG_REFRESH: Row = [400, 'invalid_grant', 'The refresh token is not accepted']

const ROWS = {
  ERR_OAUTH_REQUEST: [400, 'invalid_request', 'The request is not well-formed'],
  ERR_OAUTH_BODY_TOO_LARGE: [413, 'invalid_request', 'The request is too large'],
  ERR_OAUTH_BODY_TIMEOUT: [408, 'invalid_request', 'The request took too long to arrive'],
  ERR_OAUTH_FAULT: NOT_NOW,
  ERR_GUARD_BEHIND_BODY_PARSER: NOT_NOW,
  ERR_CLIENT_METHODS: [400, 'invalid_request', 'The request holds more than one client authentication'],
  ERR_CLIENT_UNIDENTIFIED: NOT_AUTHENTICATED,
  ERR_CLIENT_UNKNOWN: NOT_AUTHENTICATED,
  ERR_CLIENT_METHOD_MISMATCH: NOT_AUTHENTICATED,
  ERR_CLIENT_CERTIFICATE: NOT_AUTHENTICATED,
  ERR_CLIENT_ASSERTION: NOT_AUTHENTICATED,
  ERR_CLIENT_ASSERTION_REPLAYED: NOT_AUTHENTICATED,
  ERR_CLIENT_SECRET: NOT_AUTHENTICATED,
  ERR_CLIENT_REVOKED: NOT_AUTHENTICATED,
  ERR_CLIENTS_UNAVAILABLE: NOT_NOW,
  ERR_GRANT_UNSUPPORTED: [400, 'unsupported_grant_type', 'The grant type is not supported'],
  ERR_GRANT_NOT_ALLOWED: [400, 'unauthorized_client', 'The client may not do this'],
  ERR_GRANT_SCOPE: [400, 'invalid_scope', 'The scope is not accepted'],
  ERR_GRANT_TARGET: [400, 'invalid_target', 'The resource or audience is not accepted'],
  ERR_GRANT_UNBOUND: [400, 'invalid_request', 'The token must be bound to a client certificate or a DPoP key'],
  ERR_GRANT_PROOF: [400, 'invalid_dpop_proof', 'The DPoP proof is not accepted'],
  ERR_GRANT_NONCE: [400, 'use_dpop_nonce', 'The DPoP proof must hold the nonce of this server'],
  // RFC 8693 §2.2.2: a token that is invalid or not acceptable is an invalid request.
  ERR_EXCHANGE_TOKEN: [400, 'invalid_request', 'The subject token or the actor token is not accepted'],
  ERR_EXCHANGE_ACTOR: [400, 'invalid_request', 'The subject token or the actor token is not accepted'],
  ERR_EXCHANGE_DEPTH: [400, 'invalid_request', 'The subject token was exchanged too many times'],
  ERR_REFRESH_INVALID: WRONG_REFRESH,
  ERR_REFRESH_BINDING: WRONG_REFRESH,
  ERR_REFRESH_TOO_EARLY: WRONG_REFRESH,
  ERR_REFRESH_EXPIRED: WRONG_REFRESH,
  ERR_REFRESH_EXHAUSTED: WRONG_REFRESH,
  ERR_REFRESH_REUSED: WRONG_REFRESH,
  ERR_REVOKE_FOREIGN: [400, 'invalid_grant', 'The token was issued to another client'],
  ERR_STATE_UNAVAILABLE: NOT_NOW,
  ERR_STATE_CONFLICT: NOT_NOW,
  ERR_ATTEMPTS_EXCEEDED: TOO_MANY,
  ERR_QUOTA_EXCEEDED: TOO_MANY,
} as const satisfies Partial<Record<Code | OperationCode, Row>>

/** A code that a request to the authorization server can be rejected with. */
export type RejectionCode = keyof typeof ROWS

const NO_FACTS: Facts = Object.freeze({})

/** Makes a {@link Rejection}. `cause` is logged by its name and code alone. */
export function reject(code: RejectionCode, facts: Facts = NO_FACTS, cause?: unknown): Rejection {
  return cause === undefined ? { rejected: true, code, facts } : { rejected: true, code, facts, cause }
}

/** What the mesh refused, as a rejection. What the server has no row for is a fault of ours. */
export function rejectionOf({ code, facts, cause }: OperationRefusal): Rejection {
  if (code === 'ERR_SERVICE_REVOKED')
    return reject('ERR_CLIENT_REVOKED', { kind: facts['reason'] === 'certificate' ? 'certificate' : 'service' })
  return isRejectionCode(code) ? reject(code, facts, cause) : reject('ERR_OAUTH_FAULT', { reason: code }, cause)
}

function isRejectionCode(code: string): code is RejectionCode {
  return Object.hasOwn(ROWS, code)
}

export function isRejection(value: unknown): value is Rejection {
  return typeof value === 'object' && value !== null && 'rejected' in value && value.rejected === true
}

/** What a code says to the caller. */
export function rejectionRow(code: RejectionCode): { readonly status: number; readonly error: OAuthError; readonly description: string } {
  const [status, error, description] = ROWS[code]
  return { status, error, description }
}
