import type { Runtime } from '@countersign/core'

/** Why a JWKS could not be had. Fixed texts, for the log. */
export class JwksError extends Error {
  override readonly name = 'JwksError'
}

// A hundred keys of 8192 bits, with certificate chains, fit; a bomb does not.
const MAX_BYTES = 256 * 1024
const ACCEPT = 'application/jwk-set+json, application/json'

/**
 * Fetches a JWKS as bytes. No redirect is followed: the keys come from where the options say (RFC 8725 §3.10).
 * @param signal ends the whole exchange, the body too.
 * @throws {JwksError} for whatever is not an answer of status 200 and bounded length, in time.
 */
export async function fetchJwks(uri: string, fetch: Runtime['fetch'], signal: AbortSignal): Promise<Uint8Array> {
  // Raced, since a fetch that was handed in may not heed the signal.
  const { promise: aborted, reject } = withResolvers()
  const onAbort = (): void => reject(new JwksError('the issuer did not answer in time'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([exchange(uri, fetch, signal), aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function exchange(uri: string, fetch: Runtime['fetch'], signal: AbortSignal): Promise<Uint8Array> {
  let response: Response
  try {
    response = await fetch(uri, { redirect: 'manual', headers: { accept: ACCEPT }, signal })
  } catch (cause) {
    throw new JwksError('the issuer cannot be reached', { cause })
  }
  if (response.status !== 200 || response.redirected) {
    await response.body?.cancel()
    throw new JwksError('the issuer did not answer with status 200')
  }
  return readBounded(response)
}

async function readBounded(response: Response): Promise<Uint8Array> {
  if (response.body === null) throw new JwksError('the answer is empty')
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body) {
    length += chunk.length
    // Leaving the loop cancels the body.
    if (length > MAX_BYTES) throw new JwksError('the answer is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function withResolvers(): { readonly promise: Promise<never>; readonly reject: (cause: unknown) => void } {
  let reject: (cause: unknown) => void = () => {}
  const promise = new Promise<never>((_, refuse) => {
    reject = refuse
  })
  return { promise, reject }
}
