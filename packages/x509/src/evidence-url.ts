/** Longer ones are no names of a place. */
const MAX_URL = 2_048

/**
 * Is this URL, which stands in a certificate, one that may be fetched? `http:` or `https:`, no user, and a host that is listed, with its port
 * unless that is the scheme's own. An address is a host like any other: it counts only where it is listed.
 * @returns The URL as it is fetched; `null` if it may not be.
 */
export function permittedUrl(text: string, hosts: ReadonlySet<string>): string | null {
  const url = plainUrl(text)
  return url !== null && hosts.has(url.host) ? url.href : null
}

/** An `http:` or `https:` URL without a user, its fragment dropped. */
export function plainUrl(text: string): URL | null {
  if (text.length > MAX_URL || !URL.canParse(text)) return null
  const url = new URL(text)
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '' || url.password !== '') return null
  url.hash = ''
  return url
}
