/** Where a code is proven that no request of the conformance table can reach, such as one that needs a broken dependency. */
export interface Elsewhere {
  /** The test file, relative to the root of the repository. */
  readonly file: string
  /** The name of the test in it, whole. */
  readonly test: string
}

/** One entry a code. The house check holds that the named test exists and names the code. */
export const ELSEWHERE: Readonly<Record<string, Elsewhere>> = {
  ERR_OPTION_INVALID: { file: 'packages/guard/test/options.test.ts', test: 'an unknown requirement' },
  ERR_OPTION_MISSING: { file: 'packages/guard/test/options.test.ts', test: 'authorize left out' },
  ERR_OPTION_UNKNOWN: { file: 'packages/guard/test/options.test.ts', test: 'an unknown option' },
  ERR_OPTION_CONTRADICTION: { file: 'packages/guard/test/options.test.ts', test: 'no evidence at all' },
  ERR_RULE_VACUOUS: { file: 'packages/guard/test/options.test.ts', test: 'an empty list of rules' },
  ERR_NOT_GUARDED: { file: 'packages/guard/test/pipeline.test.ts', test: 'two guards in one process do not see each other’s grants' },
  ERR_SERVER_UNGUARDED: {
    file: 'packages/node/test/upgrade.test.ts',
    test: 'says once that a server has handlers which no middleware stands in front of, with the line that mends it',
  },
  ERR_RUNTIME_UNSAFE: {
    file: 'packages/guard/test/runtime-notice.test.ts',
    test: 'says so on a Node without security fixes or with a known hole',
  },
  ERR_TRUST_UNREADABLE: {
    file: 'packages/token/test/local-keys.test.ts',
    test: 'refuses at construction a JWKS file that is not there, is none, or holds no key to verify with',
  },
  ERR_CREDENTIAL_UNREADABLE: {
    file: 'packages/node/test/secure-server.test.ts',
    test: 'refuses a pair that does not match, a file that is not there, and PEM text in place of a path, naming the option',
  },
  ERR_SERVICE_UNKNOWN: { file: 'packages/mesh/test/service/authenticate-service.test.ts', test: 'a service that there is not' },
  ERR_SERVICE_MISMATCH: { file: 'packages/mesh/test/service/authenticate-service.test.ts', test: 'a certificate of another service' },
  ERR_SERVICE_UNPROVEN: { file: 'packages/mesh/test/service/authenticate-service.test.ts', test: 'no certificate' },
  ERR_SERVICE_REVOKED: {
    file: 'packages/mesh/test/revoke.test.ts',
    test: 'a certificate that is revoked proves nobody, and what is bound to it counts nowhere',
  },
  ERR_TARGET_UNKNOWN: { file: 'packages/mesh/test/service/authenticate-service.test.ts', test: 'a target that there is not' },
  ERR_TARGET_UNAUTHENTICATED: { file: 'packages/mesh/test/session/propagation.test.ts', test: 'a target that was revoked' },
  ERR_TARGET_FORBIDDEN: { file: 'packages/mesh/test/service/authenticate-service.test.ts', test: 'a target that it may not call' },
  ERR_SCOPE_EXCEEDED: { file: 'packages/mesh/test/service/authenticate-service.test.ts', test: 'a scope that it may not have' },
  ERR_SESSIONS_EXCEEDED: {
    file: 'packages/mesh/test/session/sessions.test.ts',
    test: 'a subject has five sessions at once, and may begin another when one has ended',
  },
  ERR_STATE_UNAVAILABLE: { file: 'packages/mesh/test/service/authenticate-service.test.ts', test: 'with the store down there is no token' },
  ERR_STATE_CONFLICT: {
    file: 'packages/mesh/test/service/authenticate-service.test.ts',
    test: 'where others are always quicker there is no token',
  },
  ERR_OAUTH_REQUEST: {
    file: 'packages/mesh/test/oauth/requests.test.ts',
    test: 'a request that is not a strict form is refused: parameters twice, broken escapes, other bytes, too many',
  },
  ERR_OAUTH_BODY_TOO_LARGE: {
    file: 'packages/mesh/test/oauth/requests.test.ts',
    test: 'a body of more than 64 KiB is refused, whether or not it says so',
  },
  ERR_OAUTH_BODY_TIMEOUT: { file: 'packages/mesh/test/oauth/requests.test.ts', test: 'a body that does not arrive in time is refused' },
  ERR_OAUTH_FAULT: {
    file: 'packages/mesh/test/oauth/requests.test.ts',
    test: 'a part that fails is a fault of ours: nothing is issued, and the client may come again',
  },
  ERR_CLIENT_METHODS: {
    file: 'packages/mesh/test/oauth/client-authentication.test.ts',
    test: 'more than one authentication in a request is an invalid request',
  },
  ERR_CLIENT_UNIDENTIFIED: {
    file: 'packages/mesh/test/oauth/client-authentication.test.ts',
    test: 'client_id is in every request that a certificate authenticates',
  },
  ERR_CLIENT_UNKNOWN: {
    file: 'packages/mesh/test/oauth/client-authentication.test.ts',
    test: 'an API key is the secret of its owner, by Basic or in the body as the client is registered',
  },
  ERR_CLIENT_METHOD_MISMATCH: {
    file: 'packages/mesh/test/oauth/client-authentication.test.ts',
    test: 'an assertion that says anything else than it must is refused',
  },
  ERR_CLIENT_CERTIFICATE: {
    file: 'packages/mesh/test/oauth/client-authentication.test.ts',
    test: 'a certificate of an authority that is not trusted, of another name, none, or an expired one proves nothing',
  },
  ERR_CLIENT_ASSERTION: {
    file: 'packages/mesh/test/oauth/client-authentication.test.ts',
    test: 'an assertion that says anything else than it must is refused',
  },
  ERR_CLIENT_ASSERTION_REPLAYED: {
    file: 'packages/mesh/test/oauth/client-authentication.test.ts',
    test: 'an assertion works once, in whichever order parallel requests arrive',
  },
  ERR_CLIENT_SECRET: {
    file: 'packages/mesh/test/oauth/client-authentication.test.ts',
    test: 'an API key is the secret of its owner, by Basic or in the body as the client is registered',
  },
  ERR_CLIENT_REVOKED: {
    file: 'packages/mesh/test/oauth/client-authentication.test.ts',
    test: 'a certificate that was revoked in the mesh proves nothing any more',
  },
  ERR_CLIENTS_UNAVAILABLE: {
    file: 'packages/mesh/test/oauth/client-authentication.test.ts',
    test: 'clients of a directory are checked like those of a list; one that does not answer is unavailable',
  },
  ERR_GRANT_UNSUPPORTED: {
    file: 'packages/mesh/test/oauth/client-credentials.test.ts',
    test: 'a grant that the client may not use, or that there is not, is refused',
  },
  ERR_GRANT_NOT_ALLOWED: {
    file: 'packages/mesh/test/oauth/client-credentials.test.ts',
    test: 'a grant that the client may not use, or that there is not, is refused',
  },
  ERR_GRANT_SCOPE: {
    file: 'packages/mesh/test/oauth/client-credentials.test.ts',
    test: 'a scope that the client may not have is refused, and fewer may be asked for',
  },
  ERR_GRANT_TARGET: {
    file: 'packages/mesh/test/oauth/client-credentials.test.ts',
    test: 'a token is for the targets that the client may have tokens for, and for no others',
  },
  ERR_GRANT_UNBOUND: {
    file: 'packages/mesh/test/oauth/client-credentials.test.ts',
    test: 'a client without a certificate or a proof gets no token, unless its options say that it may be unbound',
  },
  ERR_GRANT_PROOF: { file: 'packages/mesh/test/oauth/dpop.test.ts', test: 'a proof that was not made for this request, now, is refused' },
  ERR_GRANT_NONCE: {
    file: 'packages/mesh/test/oauth/dpop.test.ts',
    test: 'where a nonce is demanded, a proof without it is told one, and a proof with it gets a token',
  },
  ERR_EXCHANGE_TOKEN: {
    file: 'packages/mesh/test/oauth/token-exchange.test.ts',
    test: 'a revoked, foreign, expired, mistyped or malformed subject token is refused',
  },
  ERR_EXCHANGE_ACTOR: {
    file: 'packages/mesh/test/oauth/token-exchange.test.ts',
    test: 'a token that was sent to somebody else, or names another actor, cannot be exchanged',
  },
  ERR_EXCHANGE_DEPTH: {
    file: 'packages/mesh/test/oauth/token-exchange.test.ts',
    test: 'a chain of actors has an end, and a loop does not make it longer than that',
  },
  ERR_REFRESH_INVALID: {
    file: 'packages/mesh/test/oauth/refresh.test.ts',
    test: 'what is no refresh token of ours is refused, whatever it looks like',
  },
  ERR_REFRESH_BINDING: {
    file: 'packages/mesh/test/oauth/refresh.test.ts',
    test: 'a refresh token is its client’s, with the certificate that the token was bound to',
  },
  ERR_REFRESH_TOO_EARLY: {
    file: 'packages/mesh/test/oauth/refresh.test.ts',
    test: 'a refresh token works within its window: not before, not after, and stays what it was',
  },
  ERR_REFRESH_EXPIRED: {
    file: 'packages/mesh/test/oauth/refresh.test.ts',
    test: 'a refresh token works within its window: not before, not after, and stays what it was',
  },
  ERR_REFRESH_EXHAUSTED: { file: 'packages/mesh/test/oauth/refresh.test.ts', test: 'a grant is refreshed three times, and not a fourth' },
  ERR_REFRESH_REUSED: {
    file: 'packages/mesh/test/oauth/refresh.test.ts',
    test: 'a spent refresh token that is used again takes its family with it, access tokens too',
  },
  ERR_REVOKE_FOREIGN: {
    file: 'packages/mesh/test/oauth/revocation-introspection.test.ts',
    test: 'a token of another client is not revoked, and its client is told so',
  },
}
