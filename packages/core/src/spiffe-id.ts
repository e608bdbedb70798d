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

/** The name of a trust domain, and the SPIFFE ID of the domain itself. */
export interface TrustDomain {
  /** Such as `prod.example`. */
  readonly name: string
  /** Such as `spiffe://prod.example`. */
  readonly id: string
}

// SPIFFE-ID §2.1: not empty, lowercase, at most 255 bytes; no port, no user, no percent-encoding.
const TRUST_DOMAIN = /^(?:spiffe:\/\/)?([a-z0-9._-]{1,255})$/

/**
 * Reads a trust domain, as a name or as its SPIFFE ID, as strictly as {@link parseSpiffeId}.
 * @returns `null` for anything else, such as the ID of a workload.
 */
export function parseTrustDomain(text: string): TrustDomain | null {
  const name = TRUST_DOMAIN.exec(text)?.[1]
  return name === undefined ? null : Object.freeze({ name, id: `spiffe://${name}` })
}
