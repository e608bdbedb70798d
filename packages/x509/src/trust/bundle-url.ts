import { plainUrl } from '../revocation/plain-url.js'

/**
 * Reads the URL of a bundle endpoint: `https`, no userinfo; nothing else is asked of it.
 * @returns `null` for anything else.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Federation.md#5211-endpoint-url-requirements
 */
export function parseBundleUrl(text: unknown, base?: string): URL | null {
  const url = typeof text === 'string' ? plainUrl(text, base) : null
  return url?.protocol === 'https:' ? url : null
}
