import { FetchError } from './fetch-error.js'
import { readBounded } from './read-bounded.js'
import type { Runtime } from './runtime.js'
import { unreachable } from './unreachable.js'
import { type Deadline, withDeadline } from './with-deadline.js'

/** What is asked for, and within which bounds. */
export interface BytesRequest extends Deadline {
  readonly url: string
  /** Media types. */
  readonly accept: string
  readonly maxBytes: number
  /** What was had before, to be told that it is the same still. */
  readonly known?: Validators
  /** The field of this name. Goes to `url` and nowhere else, since no redirect is followed. */
  readonly authorization?: string
  /** With it the request is a POST. */
  readonly body?: { readonly type: string; readonly bytes: Uint8Array }
}

/** RFC 9110 §8.8 */
export interface Validators {
  readonly etag: string | null
  readonly lastModified: string | null
}

export interface FetchedBytes extends Validators {
  /** `null`: what was had before is the same still. */
  readonly bytes: Uint8Array | null
}

/**
 * Fetches bytes. No redirect is followed: the place is the one that the options, or the authority, named.
 * @throws {FetchError} for whatever is not an answer of status 200 and bounded length, in time.
 */
export async function fetchBytes(request: BytesRequest, fetch: Runtime['fetch']): Promise<FetchedBytes> {
  return withDeadline(request, (signal) => exchange(request, fetch, signal))
}

async function exchange(request: BytesRequest, fetch: Runtime['fetch'], signal: AbortSignal): Promise<FetchedBytes> {
  const { server, url, accept, authorization, body, known, maxBytes } = request
  const headers = {
    accept,
    ...(authorization === undefined ? {} : { authorization }),
    ...(body === undefined ? {} : { 'content-type': body.type }),
    ...(known?.etag ? { 'if-none-match': known.etag } : {}),
    ...(known?.lastModified ? { 'if-modified-since': known.lastModified } : {}),
  }
  const sent = body === undefined ? {} : { method: 'POST', body: new Uint8Array(body.bytes) }
  let response: Response
  try {
    response = await fetch(url, { redirect: 'manual', headers, signal, ...sent })
  } catch (cause) {
    throw unreachable(server, cause)
  }
  const validators = { etag: response.headers.get('etag'), lastModified: response.headers.get('last-modified') }
  if (response.status === 304 && known !== undefined) {
    await response.body?.cancel()
    return { bytes: null, ...known }
  }
  if (response.status !== 200 || response.redirected) {
    await response.body?.cancel()
    const flaw = response.status >= 300 && response.status < 400 ? 'sends elsewhere' : 'did not answer with status 200'
    throw new FetchError(`${server} ${flaw}`)
  }
  if (response.body === null) throw new FetchError('the answer is empty')
  return { bytes: await readBounded(response.body, maxBytes), ...validators }
}
