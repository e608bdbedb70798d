import { FetchError, readBounded } from '@countersign/core'
import { parseBundleUrl } from './bundle-url.js'
import { MAX_BUNDLE_BYTES } from './read-bundle.js'

/** What an endpoint answered: a body, or where to ask instead. */
export type BundleAnswer = { readonly body: AsyncIterable<Uint8Array> } | { readonly location: string | null }

/** Asks one URL, and verifies who answers before anything is sent. */
export type AskForBundle = (url: URL, signal: AbortSignal) => Promise<BundleAnswer>

/** To a host nearby, and once more; a longer way is a loop. */
const MAX_REDIRECTS = 3
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/**
 * Asks for a bundle, always from the configured URL on: where it led the last time is forgotten (SPIFFE Federation §5.2.1.4, §7.5.1).
 * @throws {FetchError}
 */
export async function exchangeBundle(url: URL, followRedirects: boolean, ask: AskForBundle, signal: AbortSignal): Promise<Uint8Array> {
  let at = url
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const answer = await ask(at, signal)
    if ('body' in answer) return readBounded(answer.body, MAX_BUNDLE_BYTES)
    if (!followRedirects) throw new FetchError('the endpoint redirects, which the options do not allow')
    // SPIFFE Federation §5.2.1.3: the target is a valid endpoint URL too.
    const target = parseBundleUrl(answer.location, at.href)
    if (target === null) throw new FetchError('the endpoint redirects to what is no https URL without userinfo')
    at = target
  }
  throw new FetchError('the endpoint redirects too often')
}

/** @throws {FetchError} for any status that brings no bundle. */
export function isRedirect(status: number): boolean {
  if (REDIRECTS.has(status)) return true
  if (status !== 200) throw new FetchError('the endpoint did not answer with status 200')
  return false
}
