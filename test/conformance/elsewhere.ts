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
}
