import { unescape as percentDecode } from 'node:querystring'
import { MisuseError } from './errors.js'
import { checkText } from './option-checks.js'

const METHOD = /^[!#$%&'*+.^_`|~0-9A-Z-]+$/ // RFC 9110 §5.6.2 token, upper case as every registered method is
const PATH = /^\/(?:[A-Za-z0-9\-._~!$&'()+,;=:@/]|%[0-9A-Fa-f]{2})*$/
const ENCODED_UNRESERVED = /%(?:2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])/

/**
 * Checks a configured HTTP method: compared exactly, and methods are upper case (RFC 9110 §9.1).
 * @throws {MisuseError} `ERR_OPTION_INVALID` for a wildcard, and for what is no method.
 */
export function checkMethod(option: string, value: unknown): string {
  const method = checkText(option, value)
  if (method === '*') throw new MisuseError('ERR_OPTION_INVALID', option, 'knows no wildcard: leave methods out to match every method')
  if (METHOD.test(method)) return method
  const upper = method.toUpperCase()
  const fix = METHOD.test(upper) ? `: write ${JSON.stringify(upper)}` : ''
  throw new MisuseError('ERR_OPTION_INVALID', option, `methods are upper case${fix}`)
}

/**
 * Checks a configured path: a canonical one, since requests for any other are refused, and no pattern of a router.
 * @throws {MisuseError} `ERR_OPTION_INVALID`, with the line that says what was meant.
 */
export function checkPath(option: string, value: unknown): string {
  const path = checkText(option, value)
  const fail = (message: string): never => {
    throw new MisuseError('ERR_OPTION_INVALID', option, message)
  }
  if (!path.startsWith('/')) return fail('takes a path that begins with /')
  if (/[*{}]|\/:/.test(path)) return fail('matches exactly and knows no pattern: write { under: "/the/part/before/it" }')
  if (/[?#]/.test(path)) return fail('takes a path without a query')
  if (/\/\.{1,2}(?:\/|$)/.test(path)) return fail('holds a dot segment, which no request that gets here has')
  if (path.includes('//')) return fail('holds an empty segment, which no request that gets here has')
  if (!PATH.test(path)) return fail('holds a character that stands percent-encoded in a request (RFC 3986 §3.3)')
  if (ENCODED_UNRESERVED.test(path)) return fail('encodes a character that stands as it is in a request (RFC 3986 §6.2.2.2)')
  return path
}

const PARAMETERS = /;[^/]*/g

/**
 * The readings that a lenient router may have of a path: lower case, decoded, without empty segments or a trailing slash, and where it
 * holds a `;`, also what is before it, and what is left without any parameters. A path that ends with a slash is read as something below
 * it too (`/admin//` is under `/admin`), since a wildcard takes an empty rest. What restricts is compared by these, so that another
 * spelling does not slip past it; what allows is compared exactly.
 * @returns the plain reading first.
 */
export function foldPath(path: string): readonly string[] {
  const semicolon = path.indexOf(';')
  if (semicolon === -1) return fold(path)
  return [...fold(path), ...fold(path.slice(0, semicolon)), ...fold(path.replace(PARAMETERS, ''))]
}

function fold(path: string): readonly string[] {
  let folded = (path.includes('%') ? percentDecode(path) : path).toLowerCase()
  while (folded.includes('//')) folded = folded.replaceAll('//', '/')
  if (folded.length <= 1 || !folded.endsWith('/')) return [folded]
  const plain = folded.slice(0, -1)
  return [plain, `${plain}//`]
}
