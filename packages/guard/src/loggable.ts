/** Visible ASCII: what stands in a log as it is, and cannot pass for another line. */
const VISIBLE = /^[\x21-\x7e]*$/
const MAX_PATH = 200
/** Scheme and authority of the absolute form: an authority may hold a password (RFC 3986 §3.2.1). */
const ORIGIN = /^[^/?#]*:\/\/[^/?#]*/

/** A text of the caller's as it may stand in a log: cut, and `null` if it is anything but visible ASCII. */
export function loggable(text: string, maxLength: number): string | null {
  const cut = text.slice(0, maxLength)
  return VISIBLE.test(cut) ? cut : null
}

/** The path of a request target for a log: without a query, which may hold secrets. */
export function loggablePath(target: string): string | null {
  const path = target.charCodeAt(0) === 0x2f ? target : target.replace(ORIGIN, '')
  const end = path.search(/[?#]/)
  const plain = end === -1 ? path : path.slice(0, end)
  return plain.charCodeAt(0) !== 0x2f && plain.includes('@') ? null : loggable(plain, MAX_PATH)
}
