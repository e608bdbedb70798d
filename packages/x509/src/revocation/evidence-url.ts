import { plainUrl } from './plain-url.js'

/**
 * Is this URL, which stands in a certificate, one that may be fetched? `http:` or `https:`, no user, and a host that is listed, with its port
 * unless that is the scheme's own. An address is a host like any other: it counts only where it is listed.
 * @returns The URL as it is fetched; `null` if it may not be.
 */
export function permittedUrl(text: string, hosts: ReadonlySet<string>): string | null {
  const url = plainUrl(text)
  return url !== null && hosts.has(url.host) ? url.href : null
}
