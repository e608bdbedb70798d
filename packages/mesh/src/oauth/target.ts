import type { Form } from './form.js'
import type { RegisteredClient } from './registered-client.js'
import { type Rejection, reject } from './rejection.js'

/** One token for more is a token that too many can use at each other (RFC 8707 §3). */
const MAX_TARGETS = 8
const NOT_ALLOWED = Object.freeze(reject('ERR_GRANT_TARGET'))

/**
 * For whom the token shall be: what `resource` (RFC 8707) and `audience` (RFC 8693 §2.1) name.
 * @param within those of the grant before, which a refresh can only narrow; `null` for a new one.
 */
export function resolveTargets(client: RegisteredClient, form: Form, within: readonly string[] | null): readonly string[] | Rejection {
  const resources = form.all('resource')
  // RFC 8707 §2: an absolute URI, and MUST NOT include a fragment component.
  if (!resources.every((resource) => URL.canParse(resource) && !resource.includes('#')))
    return reject('ERR_GRANT_TARGET', { reason: 'resource' })
  const named = [...new Set([...resources, ...form.all('audience')])]
  if (named.length > MAX_TARGETS) return reject('ERR_GRANT_TARGET', { reason: 'count' })
  const wanted = named.length > 0 ? named : (within ?? (client.defaultAudience === null ? [] : [client.defaultAudience]))
  if (wanted.length === 0) return reject('ERR_GRANT_TARGET', { reason: 'none' })
  const allowed = wanted.every((target) => client.mayTarget(target) && (within === null || within.includes(target)))
  return allowed ? wanted : NOT_ALLOWED
}
