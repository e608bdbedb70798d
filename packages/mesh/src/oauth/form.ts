import { textFromUtf8 } from '@countersign/core'
import { type Rejection, reject } from './rejection.js'

/** Parameters of a request. */
export interface Form {
  /** Its one value, `null` where it is absent or empty (RFC 6749 §3.2). */
  one(name: string): string | null
  /** The values of one that may be repeated. */
  all(name: string): readonly string[]
}

/** Far more than all specifications together name. */
const MAX_PARAMETERS = 64
/** RFC 8707 §2 and RFC 8693 §2.1 let these stand more than once. */
const REPEATABLE: ReadonlySet<string> = new Set(['resource', 'audience'])
const MEDIA_TYPE = /^application\/x-www-form-urlencoded[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*(?:"utf-8"|utf-8)[ \t]*)?$/i
const ESCAPE = /%(?![\dA-Fa-f]{2})/
const NONE: readonly string[] = Object.freeze([])

/** Is this a `Content-Type` of a form in UTF-8 (RFC 6749 Appendix B)? */
export function isFormType(type: string): boolean {
  return MEDIA_TYPE.test(type)
}

/** Reads `application/x-www-form-urlencoded` strictly: UTF-8, whole escapes, no parameter twice. */
export function parseForm(body: Uint8Array): Form | Rejection {
  const text = textFromUtf8(body)
  if (text === null) return reject('ERR_OAUTH_REQUEST', { reason: 'encoding' })
  const values = new Map<string, string[]>()
  const pairs = text === '' ? [] : text.split('&', MAX_PARAMETERS + 1)
  if (pairs.length > MAX_PARAMETERS) return reject('ERR_OAUTH_REQUEST', { reason: 'parameters' })
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    const name = decodeFormText(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decodeFormText(pair.slice(equals + 1))
    if (name === null || value === null) return reject('ERR_OAUTH_REQUEST', { reason: 'encoding' })
    const earlier = values.get(name)
    // RFC 6749 §3.2: request parameters MUST NOT be included more than once.
    if (earlier !== undefined && !REPEATABLE.has(name)) return reject('ERR_OAUTH_REQUEST', { reason: 'repeated' })
    if (earlier === undefined) values.set(name, [value])
    else earlier.push(value)
  }
  return {
    // RFC 6749 §3.2: without a value, a parameter is as good as not there.
    one: (name) => values.get(name)?.[0] || null,
    all: (name) => values.get(name)?.filter((value) => value !== '') ?? NONE,
  }
}

/** Decodes one name or value (RFC 6749 Appendix B). `null` for a broken escape, or bytes that are not UTF-8. */
export function decodeFormText(text: string): string | null {
  if (ESCAPE.test(text)) return null
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return null
  }
}
