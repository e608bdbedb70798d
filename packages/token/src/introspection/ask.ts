import { FetchError, fetchBytes, type JsonObject, parseJsonObject, type Runtime, withDeadline } from '@countersign/core'
import type { IntrospectionRules } from './options.js'

// Claims of a few kilobytes fit; a bomb does not.
const MAX_BYTES = 64 * 1024
const FORM = 'application/x-www-form-urlencoded'

/**
 * Asks the issuer about a token (RFC 7662 §2).
 * @returns what it says of a token that is active, `active` with it; `null` for one that is not, whatever else it says.
 * @throws {FetchError} for whatever is no answer: status, length, time, or an object without a true or false `active`.
 */
export async function askAbout(
  token: string,
  { endpoint, authenticate, timeoutMs }: IntrospectionRules,
  fetch: Runtime['fetch'],
  signal: AbortSignal,
): Promise<JsonObject | null> {
  const deadline = { server: 'the issuer', timeoutMs, signal }
  const { bytes } = await withDeadline(deadline, async (ended) => {
    const credentials = await authenticate()
    const form = new URLSearchParams({ token, token_type_hint: 'access_token', ...credentials.fields })
    const { authorization } = credentials
    return fetchBytes(
      {
        ...deadline,
        signal: ended,
        url: endpoint,
        accept: 'application/json',
        maxBytes: MAX_BYTES,
        body: { type: FORM, bytes: Buffer.from(form.toString()) },
        ...(authorization === null ? {} : { authorization }),
      },
      credentials.fetch ?? fetch,
    )
  })
  const answer = bytes === null ? null : parseJsonObject(bytes)
  if (answer === null) throw new FetchError('the answer is not a JSON object')
  const { active } = answer
  // RFC 7662 §2.2: a boolean. A text "false" is true to whoever is not strict.
  if (typeof active !== 'boolean') throw new FetchError('the answer does not say whether the token is active')
  return active ? answer : null
}
