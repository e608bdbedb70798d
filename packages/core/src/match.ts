import { MisuseError } from './errors.js'
import { checkKeys, checkText, joinPath } from './option-checks.js'
import { parseSpiffeId } from './spiffe-id.js'

/** A string matches exactly. `under` matches whole segments below a path or a SPIFFE ID, never the thing itself. */
export type Match = string | { readonly under: string }

/** A name of a workload: exact, below a SPIFFE ID, or any SPIFFE ID of one trust domain. */
export type NameMatch = Match | { readonly trustDomain: string }

/** Whole segments: `/a/b` is under `/a`; `/ab`, `/a` and `/a/` are not. */
export function isUnder(value: string, prefix: string): boolean {
  return value.length > prefix.length + 1 && value.startsWith(prefix) && value.charCodeAt(prefix.length) === 0x2f
}

/**
 * Compiles a name match.
 * @throws {MisuseError} `ERR_OPTION_INVALID` for what could never match, or would match more than it says.
 */
export function compileNameMatch(option: string, match: unknown): (name: string) => boolean {
  if (typeof match === 'string') {
    checkName(option, match)
    return (name) => name === match
  }
  checkKeys(option, match, ['under', 'trustDomain'])
  if (Object.keys(match).length !== 1) throw new MisuseError('ERR_OPTION_INVALID', option, 'takes either { under } or { trustDomain }')
  if ('under' in match) {
    const prefix = checkText(joinPath(option, 'under'), match['under'])
    if (parseSpiffeId(prefix) === null) {
      throw new MisuseError(
        'ERR_OPTION_INVALID',
        joinPath(option, 'under'),
        'takes a SPIFFE ID without a trailing slash, such as spiffe://prod.example/shop',
      )
    }
    return (name) => isUnder(name, prefix)
  }
  const trustDomain = checkText(joinPath(option, 'trustDomain'), match['trustDomain'])
  const prefix = `spiffe://${trustDomain}`
  if (parseSpiffeId(prefix)?.path !== '')
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      joinPath(option, 'trustDomain'),
      'takes a trust domain without spiffe://, such as prod.example',
    )
  return (name) => isUnder(name, prefix)
}

function checkName(option: string, name: string): void {
  checkText(option, name)
  if (name.includes('*')) {
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      option,
      'matches exactly and knows no wildcard: write { under: "spiffe://…" } or { trustDomain: "…" }',
    )
  }
  if (/^spiffe:/i.test(name) && parseSpiffeId(name) === null) {
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      option,
      'begins like a SPIFFE ID but is none: no upper case in the trust domain, no trailing slash, no query',
    )
  }
}
