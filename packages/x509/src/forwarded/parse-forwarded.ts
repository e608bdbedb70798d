import { isRefusal, type Refusal } from '@countersign/core'
import type { ForwardedFormatName, ForwardedResult } from './format.js'
import { FORWARDED_FORMATS } from './formats.js'
import { ambiguous, type ForwardedRole, malformed } from './refusals.js'

export interface ParseForwardedOptions {
  /** How many trusted proxies append an element to `x-forwarded-client-cert`. Default 1; the other formats have no use for it. */
  readonly hops?: number
  /** Role to the name of the field that the proxy was configured to write. Roles left out keep the format's default names. */
  readonly fields?: Readonly<Record<string, string>>
}

const OPTIONS: readonly string[] = ['hops', 'fields'] satisfies (keyof ParseForwardedOptions)[]

/**
 * Reads what a proxy says of its client's certificate. Whether the proxy may say it has to be settled before: these are fields that anybody
 * can send. Nothing in the evidence is verified here.
 *
 * @param format Which proxy, or which of its modes.
 * @param headers Values by field name in lower case, as Node has them; several lines of a field as a list of them.
 * @returns `null`: the proxy says that the client has no certificate. A refusal with one of the codes `ERR_FORWARDED_…` for anything that
 * is not exactly of the format. Never throws.
 * @example
 * ```ts
 * import { parseForwarded } from '@countersign/x509'
 *
 * const evidence = parseForwarded('nginx', { 'x-ssl-client-verify': 'NONE' }) // null
 * ```
 */
export function parseForwarded(
  format: ForwardedFormatName,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  options: ParseForwardedOptions = {},
): ForwardedResult {
  const known = FORWARDED_FORMATS.get(format)
  if (known === undefined) return malformed('format', 'unknown-format')
  // A misspelt one would leave its default, which may count one proxy less than there are.
  if (!Object.keys(options).every((key) => OPTIONS.includes(key))) return malformed('options', 'unknown-option')
  const renamed = options.fields ?? {}
  // A role that does not exist would leave the field that was meant under its default name, which the proxy does not write: a client could.
  if (!Object.keys(renamed).every((role) => Object.hasOwn(known.fields, role))) return malformed('options', 'unknown-role')
  const values: Record<string, string | null> = Object.create(null)
  for (const [role, defaultName] of Object.entries(known.fields)) {
    const name = (Object.hasOwn(renamed, role) ? (renamed[role] ?? defaultName) : defaultName).toLowerCase()
    const lines = Object.hasOwn(headers, name) ? headers[name] : undefined
    const value = fieldValue(lines, role as ForwardedRole, known.lists.includes(role))
    if (isRefusal(value)) return value
    values[role] = value
  }
  return known.parse(values, options.hops ?? 1)
}

// RFC 9110 §5.3: only a field that is a list may stand on several lines.
function fieldValue(lines: string | readonly string[] | undefined, role: ForwardedRole, isList: boolean): string | Refusal | null {
  if (lines === undefined || typeof lines === 'string') return lines ?? null
  if (!Array.isArray(lines) || !lines.every((line) => typeof line === 'string')) return malformed(role, 'type')
  if (lines.length > 1 && !isList) return ambiguous(role, 'repeated')
  return lines.length === 0 ? null : lines.join(', ')
}
