import type { Readable } from 'node:stream'
import { type Rejection, reject } from './rejection.js'

/** Two signed JWTs and what belongs to them take a few KiB. */
export const MAX_BODY_BYTES = 64 * 1024
/** A form is one packet or a few: whoever takes longer holds a place and sends nothing. */
export const BODY_TIMEOUT_MS = 10_000

/**
 * Reads the body of a request, within a bound and in time. Never rejects.
 * @param contentLength the field as it came; `null` where there is none.
 */
export function readBody(req: Readable, contentLength: string | null): Promise<Uint8Array | Rejection> {
  if (contentLength !== null && Number(contentLength) > MAX_BODY_BYTES) return Promise.resolve(reject('ERR_OAUTH_BODY_TOO_LARGE'))
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = []
    let length = 0
    const timer = setTimeout(() => finish(reject('ERR_OAUTH_BODY_TIMEOUT')), BODY_TIMEOUT_MS)
    const onEnd = (): void => finish(Buffer.concat(chunks))
    const onGone = (): void => finish(reject('ERR_OAUTH_REQUEST', { reason: 'aborted' }))

    function onData(chunk: Uint8Array): void {
      length += chunk.length
      if (length > MAX_BODY_BYTES) finish(reject('ERR_OAUTH_BODY_TOO_LARGE'))
      else chunks.push(chunk)
    }

    function finish(result: Uint8Array | Rejection): void {
      clearTimeout(timer)
      req.off('data', onData)
      req.off('end', onEnd)
      req.off('close', onGone)
      // What is still to come is let go unread; the listener for errors stays, since a stream may fail after its answer.
      req.resume()
      resolve(result)
    }

    req.on('error', onGone)
    req.on('data', onData)
    req.once('end', onEnd)
    req.once('close', onGone)
  })
}
