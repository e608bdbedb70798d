import { type Rejection, reject } from './rejection.js'

/** RFC 6749 §3.3 */
const SCOPES = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/
const MALFORMED = Object.freeze(reject('ERR_GRANT_SCOPE', Object.freeze({ reason: 'malformed' })))
const NOT_ALLOWED = Object.freeze(reject('ERR_GRANT_SCOPE', Object.freeze({ reason: 'not allowed' })))

/**
 * Which scopes the token shall hold: those that were asked for, all of them or none.
 * @param requested the parameter `scope`; `null` where it is absent.
 * @param defaults for a request that names none (RFC 6749 §3.3).
 */
export function resolveScopes(
  requested: string | null,
  allowed: ReadonlySet<string>,
  defaults: readonly string[],
): readonly string[] | Rejection {
  if (requested === null) return defaults
  if (!SCOPES.test(requested)) return MALFORMED
  const scopes = [...new Set(requested.split(' '))]
  return scopes.every((scope) => allowed.has(scope)) ? scopes : NOT_ALLOWED
}
