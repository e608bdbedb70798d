// 43 characters hold 258 bits: the last two are zero in the one spelling of a digest.
const SHA256_BASE64URL = /^[\w-]{42}[AEIMQUYcgkosw048]$/

/**
 * Is it a SHA-256 in base64url, as a thumbprint is written: of a certificate (`x5t#S256`, RFC 8705 §3.1) or a key (RFC 7638)? Only in its
 * canonical spelling, since thumbprints are compared as texts.
 * @see https://www.rfc-editor.org/rfc/rfc4648#section-3.5
 */
export function isSha256Thumbprint(value: unknown): value is string {
  return typeof value === 'string' && SHA256_BASE64URL.test(value)
}
