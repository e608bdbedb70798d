/** Longer texts tell an attacker's story, not ours. */
const MAX_LENGTH = 256
/** Looked at beyond the end before it is cut, so that half a key is not taken for something else. */
const READ_BEYOND = 256
/** One entry more than any list of ours has. */
const MAX_ENTRIES = 16

const PLAIN = /^[\x20-\x7e]*$/
// Controls, invisible characters, direction overrides (bidi), line and paragraph separators, lone surrogates: what would make a line look
// like another one.
const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu
// A compact JWS or JWE: its first part is base64url of a JSON object, whatever white space follows the brace. Its end may have been cut
// off.
const COMPACT_TOKEN = /e(?:y[A-DI-L]|w[k-r0-3])[\w-]{7,}\.[\w-]*(?:(?:\.[\w-]*)+|$)/g
const CREDENTIALS = /\b(?:bearer|basic|dpop|digest|apikey|negotiate)\s+[\w.~+/=-]{6,}/gi
// An API key of ours, wherever it was put.
const API_KEY = /[a-z][a-z0-9]{1,15}_[0-9A-Za-z]{16}_[0-9A-Za-z]{20,49}/g
const PEM = '-----BEGIN'
const REDACTED = '[redacted]'

/**
 * Makes a text fit for a log line: at most 256 characters, or as many as `maxLength` says, on one line, nothing that looks like a key or a token, and no character that a
 * terminal or a reader could take for something else; those are written as `\u{1b}`.
 */
export function cleanText(text: string, maxLength = MAX_LENGTH): string {
  const read = text.slice(0, maxLength + READ_BEYOND)
  const safe = redact(read)
  const plain = PLAIN.test(safe) ? safe : safe.replace(DECEPTIVE, escapeOf)
  return plain.length > maxLength ? `${plain.slice(0, maxLength - 1)}…` : plain
}

/** The same for whatever stands in a fact; `undefined` for what no fact may be. */
export function cleanValue(value: unknown): string | number | boolean | null | readonly string[] | undefined {
  switch (typeof value) {
    case 'string':
      return cleanText(value)
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'object':
      if (value === null) return null
      return Array.isArray(value)
        ? value
            .slice(0, MAX_ENTRIES)
            .filter((entry) => typeof entry === 'string')
            .map((entry) => cleanText(entry))
        : undefined
    default:
      return undefined
  }
}

function redact(text: string): string {
  if (text.includes(PEM)) return REDACTED
  return text.replace(COMPACT_TOKEN, REDACTED).replace(CREDENTIALS, REDACTED).replace(API_KEY, REDACTED)
}

function escapeOf(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}
