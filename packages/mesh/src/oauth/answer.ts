import type { Headers } from '@countersign/core'
import { type Rejection, rejectionRow } from './rejection.js'

/** What is sent. */
export interface OAuthAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

const JSON_TYPE = 'application/json'
/** Soon enough for a client that retries, late enough for a store that fails over. */
const UNAVAILABLE_SECONDS = 1

// RFC 6749 §5.1, and RFC 9449 §8.2 where a nonce is in it.
const UNCACHEABLE: Headers = Object.freeze({ 'Cache-Control': 'no-store', Pragma: 'no-cache' })

/** A JSON answer that no cache keeps. */
export function answerJson(status: number, document: unknown, headers: Headers = {}): OAuthAnswer {
  return { status, headers: { ...UNCACHEABLE, 'Content-Type': JSON_TYPE, ...headers }, body: JSON.stringify(document) }
}

/** An answer without a body: RFC 7009 §2.2. */
export function answerEmpty(status: number, headers: Headers = {}): OAuthAnswer {
  return { status, headers: { ...UNCACHEABLE, ...headers }, body: '' }
}

/** The answer to a request that was rejected (RFC 6749 §5.2): fixed texts, nothing of the caller's. */
export function answerRejection({ code, facts }: Rejection, headers: Headers = {}): OAuthAnswer {
  const { status, error, description } = rejectionRow(code)
  return answerJson(status, { error, error_description: description }, { ...fieldsFor(status, facts['retryAfterSeconds']), ...headers })
}

function fieldsFor(status: number, retryAfterSeconds: unknown): Headers {
  // RFC 9110 §15.5.2: a 401 names a scheme, and no other than Basic (RFC 6749 §2.3.1) has a name.
  if (status === 401) return { 'WWW-Authenticate': 'Basic realm="oauth"' }
  if (status === 408 || status === 413) return { Connection: 'close' }
  if (status !== 429 && status !== 503) return {}
  return { 'Retry-After': String(typeof retryAfterSeconds === 'number' ? retryAfterSeconds : UNAVAILABLE_SECONDS) }
}
