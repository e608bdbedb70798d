import type { Code } from './catalogue.js'

/** Codes of errors that are thrown at whoever writes or starts a service, never sent to a caller. Each has a row in `docs/errors.md`. */
export const MISUSE_CODES = [
  'ERR_OPTION_INVALID',
  'ERR_OPTION_MISSING',
  'ERR_OPTION_UNKNOWN',
  'ERR_OPTION_CONTRADICTION',
  'ERR_RULE_VACUOUS',
  'ERR_NOT_GUARDED',
  'ERR_SERVER_UNGUARDED',
  'ERR_RUNTIME_UNSAFE',
  'ERR_TRUST_UNREADABLE',
  'ERR_CREDENTIAL_UNREADABLE',
] as const
export type MisuseCode = (typeof MISUSE_CODES)[number]

/**
 * Codes of operations that were refused: values for whoever called them, never the denial of a request. Each has a section in
 * `docs/errors.md`.
 */
export const OPERATION_CODES = [
  'ERR_SERVICE_UNKNOWN',
  'ERR_SERVICE_MISMATCH',
  'ERR_SERVICE_UNPROVEN',
  'ERR_SERVICE_REVOKED',
  'ERR_TARGET_UNKNOWN',
  'ERR_TARGET_UNAUTHENTICATED',
  'ERR_TARGET_FORBIDDEN',
  'ERR_SCOPE_EXCEEDED',
  'ERR_SESSIONS_EXCEEDED',
  'ERR_STATE_UNAVAILABLE',
  'ERR_STATE_CONFLICT',
  'ERR_OAUTH_REQUEST',
  'ERR_OAUTH_BODY_TOO_LARGE',
  'ERR_OAUTH_BODY_TIMEOUT',
  'ERR_OAUTH_FAULT',
  'ERR_CLIENT_METHODS',
  'ERR_CLIENT_UNIDENTIFIED',
  'ERR_CLIENT_UNKNOWN',
  'ERR_CLIENT_METHOD_MISMATCH',
  'ERR_CLIENT_CERTIFICATE',
  'ERR_CLIENT_ASSERTION',
  'ERR_CLIENT_ASSERTION_REPLAYED',
  'ERR_CLIENT_SECRET',
  'ERR_CLIENT_REVOKED',
  'ERR_CLIENTS_UNAVAILABLE',
  'ERR_GRANT_UNSUPPORTED',
  'ERR_GRANT_NOT_ALLOWED',
  'ERR_GRANT_SCOPE',
  'ERR_GRANT_TARGET',
  'ERR_GRANT_UNBOUND',
  'ERR_GRANT_PROOF',
  'ERR_GRANT_NONCE',
  'ERR_EXCHANGE_TOKEN',
  'ERR_EXCHANGE_ACTOR',
  'ERR_EXCHANGE_DEPTH',
  'ERR_REFRESH_INVALID',
  'ERR_REFRESH_BINDING',
  'ERR_REFRESH_TOO_EARLY',
  'ERR_REFRESH_EXPIRED',
  'ERR_REFRESH_EXHAUSTED',
  'ERR_REFRESH_REUSED',
  'ERR_REVOKE_FOREIGN',
] as const
export type OperationCode = (typeof OPERATION_CODES)[number]

/** Where the page of each code is: the `type` of a problem is this and the code, unless `problemTypeBase` says otherwise. */
export const DOCS_BASE = 'https://countersign.dev/errors/'

/** A wrong option or a wrong use, thrown at construction or at the first use, naming what is wrong and the line that mends it. */
export class MisuseError extends TypeError {
  override readonly name = 'MisuseError'
  readonly code: MisuseCode
  /** Path of the option, such as `jwt[0].audience`; empty where no option is at fault. */
  readonly option: string

  constructor(code: MisuseCode, option: string, message: string, cause?: unknown) {
    super(`${option === '' ? '' : `${option}: `}${message} (${DOCS_BASE}${code})`, cause === undefined ? undefined : { cause })
    this.code = code
    this.option = option
  }
}

/** A refusal at a public edge that throws, such as parsing evidence by hand. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly code: Code

  constructor(code: Code, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
