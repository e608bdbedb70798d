import type { ForwardedFields, ForwardedFormat } from './format.js'
import { MAX_FORWARDED_BYTES } from './limits.js'
import { type ForwardedRole, tooLarge } from './refusals.js'

/** What a format is made of. */
export type FormatParts = Omit<ForwardedFormat, 'lists' | 'fields'> & {
  readonly fields: Readonly<Partial<Record<ForwardedRole, string>>>
  readonly lists?: readonly string[]
}

/** A frozen format, whose fields are measured together before any of them is read. */
export function defineFormat(parts: FormatParts): ForwardedFormat {
  const { fields, lists = [], parse } = parts
  const roles = Object.keys(fields)
  return Object.freeze({
    ...parts,
    fields: Object.freeze({ ...fields }),
    lists: Object.freeze([...lists]),
    parse: (values: ForwardedFields, hops: number) =>
      bytesOf(values, roles) > MAX_FORWARDED_BYTES ? tooLarge('format', 'bytes') : parse(values, hops),
  })
}

function bytesOf(values: ForwardedFields, roles: readonly string[]): number {
  return roles.reduce((sum, role) => sum + (Object.hasOwn(values, role) ? (values[role]?.length ?? 0) : 0), 0)
}
