/**
 * Reads an absolute URL without user, password and fragment. What its scheme may be is the caller's to judge.
 * @returns `null` for any other text.
 */
export function parsePlainUrl(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null
  return url !== null && url.username === '' && url.password === '' && url.hash === '' ? url : null
}

/**
 * Reads the URL of an issuer: plain, and without query and fragment, not even empty ones. What its scheme may be is the caller's to judge.
 * @returns `null` for any other text.
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-2
 */
export function parseIssuerUrl(text: string): URL | null {
  return /[?#]/.test(text) ? null : parsePlainUrl(text)
}
