import type { Runtime } from '@countersign/core'

/** Why a CRL or an OCSP response could not be had. Fixed texts, for the log. */
export class FetchError extends Error {
  override readonly name = 'FetchError'
}

export interface EvidenceRequest {
  readonly url: string
  readonly accept: string
  readonly maxBytes: number
  /** Of the whole exchange, the body too. */
  readonly timeoutMs: number
  /** Ends it earlier. */
  readonly signal: AbortSignal
  /** What was had before, to be told that it is the same still. */
  readonly known?: Validators
  /** With it the request is a POST. */
  readonly body?: { readonly type: string; readonly bytes: Uint8Array }
}

/** RFC 9110 §8.8 */
export interface Validators {
  readonly etag: string | null
  readonly lastModified: string | null
}

export interface FetchedEvidence extends Validators {
  /** `null`: what was had before is the same still. */
  readonly bytes: Uint8Array | null
}

/**
 * Fetches bytes. No redirect is followed: the place is the one that the options, or the authority, named.
 * @throws {FetchError} for whatever is not an answer of status 200 and bounded length, in time.
 */
export async function fetchEvidence(request: EvidenceRequest, fetch: Runtime['fetch']): Promise<FetchedEvidence> {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  const timer = setTimeout(abort, request.timeoutMs)
  request.signal.addEventListener('abort', abort, { once: true })
  if (request.signal.aborted) abort()
  // Raced, since a fetch that was handed in may not heed the signal.
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(new FetchError('no answer in time'))
    if (controller.signal.aborted) onAbort()
    else controller.signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([exchange(request, fetch, controller.signal), aborted])
  } finally {
    clearTimeout(timer)
    request.signal.removeEventListener('abort', abort)
  }
}

async function exchange(request: EvidenceRequest, fetch: Runtime['fetch'], signal: AbortSignal): Promise<FetchedEvidence> {
  const { url, accept, body, known, maxBytes } = request
  const headers = {
    accept,
    ...(body === undefined ? {} : { 'content-type': body.type }),
    ...(known?.etag ? { 'if-none-match': known.etag } : {}),
    ...(known?.lastModified ? { 'if-modified-since': known.lastModified } : {}),
  }
  const sent = body === undefined ? {} : { method: 'POST', body: new Uint8Array(body.bytes) }
  let response: Response
  try {
    response = await fetch(url, { redirect: 'manual', headers, signal, ...sent })
  } catch (cause) {
    throw new FetchError('it cannot be reached', { cause })
  }
  const validators = { etag: response.headers.get('etag'), lastModified: response.headers.get('last-modified') }
  if (response.status === 304 && known !== undefined) {
    await response.body?.cancel()
    return { bytes: null, ...known }
  }
  if (response.status !== 200 || response.redirected) {
    await response.body?.cancel()
    throw new FetchError(response.status >= 300 && response.status < 400 ? 'it sends elsewhere' : 'it did not answer with status 200')
  }
  return { bytes: await readBounded(response, maxBytes), ...validators }
}

async function readBounded(response: Response, maxBytes: number): Promise<Uint8Array> {
  if (response.body === null) throw new FetchError('the answer is empty')
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of response.body) {
      length += chunk.length
      // Leaving the loop cancels the body.
      if (length > maxBytes) throw new FetchError('the answer is too large')
      chunks.push(chunk)
    }
  } catch (cause) {
    throw cause instanceof FetchError ? cause : new FetchError('the answer broke off', { cause })
  }
  return new Uint8Array(Buffer.concat(chunks))
}
