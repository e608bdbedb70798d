/**
 * Reads the URL of a bundle endpoint: `https`, no userinfo; nothing else is asked of it.
 * @returns `null` for anything else.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Federation.md#5211-endpoint-url-requirements
 */
export function parseBundleUrl(text: unknown, base?: string): URL | null {
  if (typeof text !== 'string' || !URL.canParse(text, base)) return null
  const url = new URL(text, base)
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') return null
  url.hash = ''
  return url
}
