import { createSpellingFilter, fieldSpelling, type Inbound, type Refusal, refuse } from '@countersign/core'
import type { ForwardedFields } from './format.js'
import { MAX_FORWARDED_BYTES } from './limits.js'

/** The fields of one proxy, as they stand in a request. */
export interface ReadFields {
  /** Made when somebody asks: a warm request is known by its key. */
  fields(): ForwardedFields
  /** The same for the same fields: nothing else of a request bears on what they say. */
  readonly key: string
}

export type FieldReader = (inbound: Inbound) => ReadFields | Refusal | null

/** Stands for a field that is not there. No value holds one. */
const ABSENT = '\r'
const JOIN = '\n'

/**
 * Makes the reader of a proxy's fields. A field that stands twice, in another spelling (`_` for `-`, which servers behind CGI take for the
 * same), or that `Connection` names as one to drop is somebody's attempt to get his own through: it is refused, whatever it says.
 * @param names field names by role, lowercase.
 * @param lists roles whose field may stand on several lines.
 * @returns what the reader returns: `null` where none of the fields is there.
 */
export function createFieldReader(names: Readonly<Record<string, string>>, lists: readonly string[]): FieldReader {
  const roles = Object.keys(names)
  const wanted = new Map(
    Object.entries(names).map(([role, name]) => [fieldSpelling(name), { name, index: roles.indexOf(role), isList: lists.includes(role) }]),
  )
  const mayBeOne = createSpellingFilter([...wanted.keys(), 'connection'])

  return function readFields({ rawHeaders }) {
    let values: (string | null)[] | null = null
    let bytes = 0
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] ?? ''
      if (!mayBeOne(name)) continue
      const lower = name.toLowerCase()
      const value = rawHeaders[at + 1] ?? ''
      if (lower === 'connection') {
        const dropped = droppedBy(value)
        if (dropped !== undefined) return ambiguous(dropped, 'connection')
        continue
      }
      const field = wanted.get(fieldSpelling(lower))
      if (field === undefined) continue
      if (field.name !== lower) return ambiguous(field.name, 'spelling')
      bytes += value.length
      if (bytes > MAX_FORWARDED_BYTES) return refuse('ERR_FORWARDED_TOO_LARGE', { field: field.name, reason: 'bytes' })
      values ??= roles.map(() => null)
      const earlier = values[field.index] ?? null
      if (earlier !== null && !field.isList) return ambiguous(field.name, 'repeated')
      // RFC 9110 §5.3
      values[field.index] = earlier === null ? value : `${earlier}, ${value}`
    }
    if (values === null) return null
    const read = values
    return {
      fields: () => Object.fromEntries(roles.map((role, index) => [role, read[index] ?? null])),
      key: read.map((value) => value ?? ABSENT).join(JOIN),
    }
  }

  function droppedBy(value: string): string | undefined {
    for (const option of value.split(',')) {
      const field = wanted.get(fieldSpelling(option.trim().toLowerCase()))
      if (field !== undefined) return field.name
    }
    return undefined
  }
}

function ambiguous(field: string, reason: 'repeated' | 'spelling' | 'connection'): Refusal {
  return refuse('ERR_FORWARDED_AMBIGUOUS', { field, reason })
}
