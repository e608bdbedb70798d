/** HTTP statuses that a denial can have. */
export type Status = 400 | 401 | 403 | 421 | 429 | 431 | 503

/** gRPC status codes that a denial can have (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
export type GrpcStatus = 'INVALID_ARGUMENT' | 'UNAUTHENTICATED' | 'PERMISSION_DENIED' | 'RESOURCE_EXHAUSTED' | 'UNAVAILABLE'

/** Where in the way of a request the refusal is made. */
export type Stage = 'request' | 'peer' | 'token' | 'proof' | 'api-key' | 'session' | 'authorization' | 'limit' | 'availability'

export interface CatalogueEntry {
  readonly stage: Stage
  readonly status: Status
  readonly grpcStatus: GrpcStatus
  /** RFC 6750 §3.1 or RFC 9449 §7.1, §9 error of the challenge; `''`: a challenge without an error; `null`: no challenge. */
  readonly challenge: 'invalid_request' | 'invalid_token' | 'insufficient_scope' | 'invalid_dpop_proof' | 'use_dpop_nonce' | '' | null
  /** The code that is sent. Another than the entry's own where precision would tell of stores, policies or ourselves. */
  readonly publicCode: string
  /** Fixed text of the problem's `title`, safe to send. */
  readonly title: string
}

type Row = readonly [status: Status, grpcStatus: GrpcStatus, challenge: CatalogueEntry['challenge'], title: string, publicCode?: string]

const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

const REQUEST = {
  ERR_TARGET_NOT_CANONICAL: [400, 'INVALID_ARGUMENT', null, 'The request target is not in canonical form'],
  ERR_AUTHORITY_INVALID: [400, 'INVALID_ARGUMENT', null, 'The request has no authority, or more than one'],
  ERR_MISDIRECTED: [421, 'INVALID_ARGUMENT', null, 'This connection was made for another authority'],
} as const satisfies Record<string, Row>

const PEER = {
  ERR_PEER_UNENCRYPTED: [403, 'UNAUTHENTICATED', null, 'The connection is not encrypted'],
  ERR_PEER_MISSING: [403, 'UNAUTHENTICATED', null, 'A client certificate is required'],
  ERR_PEER_UNREADABLE: [403, 'UNAUTHENTICATED', null, 'The client certificate cannot be read'],
  ERR_PEER_SELF_SIGNED: [403, 'UNAUTHENTICATED', null, 'The client certificate is self-signed'],
  ERR_PEER_UNTRUSTED: [403, 'UNAUTHENTICATED', null, 'The client certificate was not issued by a trusted authority'],
  ERR_PEER_CHAIN_INVALID: [403, 'UNAUTHENTICATED', null, 'The certificate chain is not valid'],
  ERR_PEER_EXPIRED: [403, 'UNAUTHENTICATED', null, 'The client certificate has expired'],
  ERR_PEER_NOT_YET_VALID: [403, 'UNAUTHENTICATED', null, 'The client certificate is not valid yet'],
  ERR_PEER_REVOKED: [403, 'UNAUTHENTICATED', null, 'The client certificate has been revoked'],
  ERR_PEER_PURPOSE: [403, 'UNAUTHENTICATED', null, 'The certificate is not meant for client authentication'],
  ERR_PEER_IS_CA: [403, 'UNAUTHENTICATED', null, 'A CA certificate cannot authenticate a client'],
  ERR_PEER_WEAK_KEY: [403, 'UNAUTHENTICATED', null, 'The key of the certificate is too weak or of a kind not accepted'],
  ERR_PEER_WEAK_SIGNATURE: [403, 'UNAUTHENTICATED', null, 'The certificate is signed with an algorithm not accepted'],
  ERR_PEER_NAME: [403, 'UNAUTHENTICATED', null, 'The certificate holds no name that can identify its holder'],
  ERR_PEER_NAME_NOT_PERMITTED: [403, 'PERMISSION_DENIED', null, 'The name in the certificate is not accepted here'],
  ERR_PEER_PIN_MISMATCH: [403, 'UNAUTHENTICATED', null, 'No key of the certificate chain is pinned', 'ERR_PEER_UNTRUSTED'],
  ERR_PEER_TOO_COMPLEX: [403, 'UNAUTHENTICATED', null, 'The certificate chain takes too much work to check', 'ERR_PEER_CHAIN_INVALID'],
  ERR_PEER_REVOCATION_UNKNOWN: [503, 'UNAVAILABLE', null, 'It is not known whether the certificate was revoked', 'ERR_UNAVAILABLE'],
  ERR_FORWARDED_AMBIGUOUS: [400, 'INVALID_ARGUMENT', null, 'The forwarded client certificate came in more than one way'],
  ERR_FORWARDED_TOO_LARGE: [431, 'UNAUTHENTICATED', null, 'The forwarded client certificate is too large'],
  ERR_FORWARDED_MALFORMED: [403, 'UNAUTHENTICATED', null, 'The forwarded client certificate cannot be read'],
  ERR_FORWARDED_HOPS: [403, 'UNAUTHENTICATED', null, 'The client certificate did not pass as many proxies as it should'],
  ERR_FORWARDED_MISMATCH: [403, 'UNAUTHENTICATED', null, 'What the proxy says of the client certificate contradicts it'],
  ERR_FORWARDED_UNVERIFIED: [403, 'UNAUTHENTICATED', null, 'The proxy did not verify the client certificate'],
} as const satisfies Record<string, Row>

const TOKEN = {
  ERR_TOKEN_MISSING: [401, 'UNAUTHENTICATED', '', 'A token is required'],
  ERR_TOKEN_REPEATED: [400, 'INVALID_ARGUMENT', 'invalid_request', 'The request holds more than one credential'],
  ERR_TOKEN_SCHEME: [401, 'UNAUTHENTICATED', '', 'The authorization scheme is not accepted'],
  ERR_TOKEN_TOO_LARGE: [431, 'UNAUTHENTICATED', null, 'The token is too large'],
  ERR_TOKEN_MALFORMED: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token is not a well-formed signed JWT'],
  ERR_TOKEN_UNSIGNED: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token is not signed'],
  ERR_TOKEN_ALGORITHM: [401, 'UNAUTHENTICATED', 'invalid_token', 'The algorithm of the token is not accepted'],
  ERR_TOKEN_TYPE: [401, 'UNAUTHENTICATED', 'invalid_token', 'The type of the token is not accepted'],
  ERR_TOKEN_CRITICAL: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token demands an extension that is not understood'],
  ERR_TOKEN_KEY_EMBEDDED: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token brings its own key'],
  ERR_TOKEN_KEY_UNKNOWN: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token is signed with an unknown key'],
  ERR_TOKEN_SIGNATURE: [401, 'UNAUTHENTICATED', 'invalid_token', 'The signature of the token is wrong'],
  ERR_TOKEN_ISSUER: [401, 'UNAUTHENTICATED', 'invalid_token', 'The issuer of the token is not accepted'],
  ERR_TOKEN_AUDIENCE: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token is meant for another audience'],
  ERR_TOKEN_SUBJECT: [401, 'UNAUTHENTICATED', 'invalid_token', 'The issuer may not speak for the subject of the token'],
  ERR_TOKEN_EXPIRED: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token has expired'],
  ERR_TOKEN_NOT_YET_VALID: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token is not valid yet'],
  ERR_TOKEN_ISSUED_IN_FUTURE: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token was issued in the future'],
  ERR_TOKEN_CLAIM_MISSING: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token lacks a required claim'],
  ERR_TOKEN_CLAIM_INVALID: [401, 'UNAUTHENTICATED', 'invalid_token', 'A claim of the token is not of its type'],
  ERR_TOKEN_BINDING: [
    401,
    'UNAUTHENTICATED',
    'invalid_token',
    'The token is bound to another certificate, or to a key that was not proven',
  ],
  ERR_TOKEN_UNBOUND: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token must be bound to a certificate or a key of the caller'],
  ERR_TOKEN_REVOKED: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token has been revoked'],
  ERR_TOKEN_INACTIVE: [401, 'UNAUTHENTICATED', 'invalid_token', 'The issuer says that the token is not active'],
  ERR_TOKEN_REVOCATION_UNKNOWN: [503, 'UNAVAILABLE', null, 'It is not known whether the token was revoked', 'ERR_UNAVAILABLE'],
  ERR_INTROSPECTION_UNAVAILABLE: [503, 'UNAVAILABLE', null, 'The issuer cannot be asked about the token', 'ERR_UNAVAILABLE'],
  ERR_KEYS_UNAVAILABLE: [503, 'UNAVAILABLE', null, 'The keys of the issuer cannot be had', 'ERR_UNAVAILABLE'],
} as const satisfies Record<string, Row>

const PROOF = {
  ERR_PROOF_MISSING: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The token is bound to a key, and no proof of that key came with it'],
  ERR_PROOF_REPEATED: [400, 'INVALID_ARGUMENT', 'invalid_request', 'The request holds more than one proof'],
  ERR_PROOF_TOO_LARGE: [431, 'UNAUTHENTICATED', null, 'The proof is too large'],
  ERR_PROOF_MALFORMED: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The proof is not a well-formed signed JWT'],
  ERR_PROOF_TYPE: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The type of the proof is not accepted'],
  ERR_PROOF_ALGORITHM: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The algorithm of the proof is not accepted'],
  ERR_PROOF_KEY: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The key in the proof cannot be used'],
  ERR_PROOF_SIGNATURE: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The signature of the proof is wrong'],
  ERR_PROOF_CLAIM: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The proof lacks a claim, or one is not of its type'],
  ERR_PROOF_METHOD: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The proof was made for another method'],
  ERR_PROOF_TARGET: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The proof was made for another target'],
  ERR_PROOF_TOKEN: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The proof was made for another token'],
  ERR_PROOF_BINDING: [401, 'UNAUTHENTICATED', 'invalid_token', 'The token is bound to another key than that of the proof'],
  ERR_PROOF_EXPIRED: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The proof is too old'],
  ERR_PROOF_ISSUED_IN_FUTURE: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The proof was made in the future'],
  ERR_PROOF_NONCE: [401, 'UNAUTHENTICATED', 'use_dpop_nonce', 'The proof must hold the nonce of this server'],
  ERR_PROOF_REPLAYED: [401, 'UNAUTHENTICATED', 'invalid_dpop_proof', 'The proof has been used before'],
  ERR_REPLAY_UNAVAILABLE: [503, 'UNAVAILABLE', null, 'It is not known whether the proof was used before', 'ERR_UNAVAILABLE'],
} as const satisfies Record<string, Row>

const API_KEY = {
  ERR_API_KEY_MISSING: [401, 'UNAUTHENTICATED', '', 'An API key is required'],
  ERR_API_KEY_REPEATED: [400, 'INVALID_ARGUMENT', 'invalid_request', 'The request holds more than one API key'],
  ERR_API_KEY_INVALID: [401, 'UNAUTHENTICATED', '', 'The API key is not accepted'],
  ERR_API_KEY_MALFORMED: [401, 'UNAUTHENTICATED', '', 'The API key is not of the form of one', 'ERR_API_KEY_INVALID'],
  ERR_API_KEY_UNKNOWN: [401, 'UNAUTHENTICATED', '', 'There is no such API key', 'ERR_API_KEY_INVALID'],
  ERR_API_KEY_EXPIRED: [401, 'UNAUTHENTICATED', '', 'The API key has expired'],
  ERR_API_KEY_REVOKED: [401, 'UNAUTHENTICATED', '', 'The API key has been revoked'],
  ERR_API_KEY_BINDING: [401, 'UNAUTHENTICATED', '', 'The API key belongs to another caller'],
  ERR_API_KEY_LOCKED: [429, 'RESOURCE_EXHAUSTED', null, 'Too many failed attempts with an API key'],
  ERR_API_KEYS_UNAVAILABLE: [503, 'UNAVAILABLE', null, 'The API keys cannot be looked up', 'ERR_UNAVAILABLE'],
} as const satisfies Record<string, Row>

const SESSION = {
  ERR_SESSION_REPEATED: [400, 'INVALID_ARGUMENT', null, 'The request hands on more than one session'],
  ERR_SESSION_INVALID: [403, 'UNAUTHENTICATED', null, 'What hands the session on is not a valid session token'],
  ERR_SESSION_AUDIENCE: [403, 'PERMISSION_DENIED', null, 'The session was handed on to another service'],
  ERR_SESSION_SENDER: [403, 'PERMISSION_DENIED', null, 'The session was handed on by another service than the caller'],
  ERR_SESSION_EXPIRED: [403, 'UNAUTHENTICATED', null, 'What hands the session on has expired'],
  ERR_SESSION_REPLAYED: [403, 'UNAUTHENTICATED', null, 'The session was accepted from this session token before'],
  ERR_SESSION_HOPS: [403, 'PERMISSION_DENIED', null, 'The session was handed on too many times'],
  ERR_SESSION_ENDED: [403, 'UNAUTHENTICATED', null, 'The session has ended'],
  ERR_SESSION_UNAVAILABLE: [503, 'UNAVAILABLE', null, 'It is not known whether the session is still alive', 'ERR_UNAVAILABLE'],
} as const satisfies Record<string, Row>

const AUTHORIZATION = {
  ERR_FORBIDDEN: [403, 'PERMISSION_DENIED', null, 'The caller may not do this'],
  ERR_SCOPE_INSUFFICIENT: [403, 'PERMISSION_DENIED', 'insufficient_scope', 'The token does not hold the scope for this'],
} as const satisfies Record<string, Row>

const LIMIT = {
  ERR_QUOTA_EXCEEDED: [429, 'RESOURCE_EXHAUSTED', null, 'Too many requests'],
  ERR_ATTEMPTS_EXCEEDED: [429, 'RESOURCE_EXHAUSTED', null, 'Too many failed attempts'],
} as const satisfies Record<string, Row>

const AVAILABILITY = {
  ERR_UNAVAILABLE: [503, 'UNAVAILABLE', null, 'The request cannot be judged right now'],
  ERR_LIMITER_UNAVAILABLE: [503, 'UNAVAILABLE', null, 'The quota store cannot be reached', 'ERR_UNAVAILABLE'],
  ERR_AUDIT_UNAVAILABLE: [503, 'UNAVAILABLE', null, 'The audit log cannot be written', 'ERR_UNAVAILABLE'],
  ERR_GUARD_FAULT: [503, 'UNAVAILABLE', null, 'A part of the guard failed', 'ERR_UNAVAILABLE'],
  ERR_GUARD_CLOSED: [503, 'UNAVAILABLE', null, 'The guard is closed', 'ERR_UNAVAILABLE'],
  ERR_SERVER_WITHOUT_REQUEST_CERT: [503, 'UNAVAILABLE', null, 'The server does not ask for client certificates', 'ERR_UNAVAILABLE'],
  ERR_GUARD_BEHIND_BODY_PARSER: [503, 'UNAVAILABLE', null, 'The guard stands behind a body parser', 'ERR_UNAVAILABLE'],
} as const satisfies Record<string, Row>

/** A stable code, one for each way a request can be refused. */
export type Code =
  | keyof typeof REQUEST
  | keyof typeof PEER
  | keyof typeof TOKEN
  | keyof typeof PROOF
  | keyof typeof API_KEY
  | keyof typeof SESSION
  | keyof typeof AUTHORIZATION
  | keyof typeof LIMIT
  | keyof typeof AVAILABILITY

const CATALOGUE: ReadonlyMap<string, CatalogueEntry> = new Map(
  (
    [
      ['request', REQUEST],
      ['peer', PEER],
      ['token', TOKEN],
      ['proof', PROOF],
      ['api-key', API_KEY],
      ['session', SESSION],
      ['authorization', AUTHORIZATION],
      ['limit', LIMIT],
      ['availability', AVAILABILITY],
    ] as const
  ).flatMap(([stage, rows]) =>
    Object.entries<Row>(rows).map(([code, [status, grpcStatus, challenge, title, publicCode = code]]): [string, CatalogueEntry] => [
      code,
      Object.freeze({ stage, status, grpcStatus, challenge, publicCode, title }),
    ]),
  ),
)

/** Every code, in the order of `docs/errors.md`. */
export const CODES: readonly Code[] = Object.freeze([...CATALOGUE.keys()] as Code[])

/** The one table: what a code means on every protocol. */
export function catalogueEntry(code: Code): CatalogueEntry {
  const entry = CATALOGUE.get(code)
  if (entry === undefined) throw new TypeError(`not a code of the catalogue: ${code}`)
  return entry
}

/**
 * The RFC 9457 `type` of a code: its page in the docs, but for the quota problem, which the RateLimit draft has named.
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ §5
 */
export function problemType(code: Code, base: string): string {
  return code === 'ERR_QUOTA_EXCEEDED' ? QUOTA_EXCEEDED : `${base}${code}`
}
