/** A parsed SPIFFE ID. `text` is the whole identifier, exactly as it stood in the certificate or token. */
export interface SpiffeId {
  readonly text: string
  readonly trustDomain: string
  /** Begins with `/`; empty for the trust domain itself. */
  readonly path: string
}

// SPIFFE-ID §2.1, §2.2: lowercase trust domain, segments of [a-zA-Z0-9.-_], no empty, `.` or `..` segment, no trailing slash.
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/(?!\.{1,2}(?:\/|$))[a-zA-Z0-9._-]+)*)$/
const MAX_BYTES = 2048 // SPIFFE-ID §2.3

/**
 * Reads a SPIFFE ID, strictly: what is not canonical is not an ID.
 * @returns `null` if the text is not a SPIFFE ID.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md
 */
export function parseSpiffeId(text: string): SpiffeId | null {
  if (text.length > MAX_BYTES) return null
  const match = SPIFFE_ID.exec(text)
  if (match === null) return null
  const [, trustDomain = '', path = ''] = match
  return Object.freeze({ text, trustDomain, path })
}
