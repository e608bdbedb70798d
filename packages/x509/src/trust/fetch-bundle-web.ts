import { FetchError, type Runtime, unreachable } from '@countersign/core'
import { type BundleAnswer, isRedirect } from './bundle-exchange.js'

/**
 * Asks an `https_web` endpoint; `fetch` verifies it by the Web PKI.
 * @throws {FetchError}
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Federation.md#521-web-pki-https_web
 */
export async function fetchBundleWeb(url: URL, fetch: Runtime['fetch'], signal: AbortSignal): Promise<BundleAnswer> {
  let response: Response
  try {
    response = await fetch(url.href, { redirect: 'manual', headers: { accept: 'application/json' }, signal })
  } catch (cause) {
    throw unreachable('the endpoint', cause)
  }
  const { status, headers, body, redirected } = response
  if (status !== 200 || redirected) await body?.cancel()
  if (redirected) throw new FetchError('the endpoint redirects, and fetch followed by itself')
  if (isRedirect(status)) return { location: headers.get('location') }
  if (body === null) throw new FetchError('the answer is empty')
  return { body }
}
