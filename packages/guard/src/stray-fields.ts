import { createSpellingFilter, fieldSpelling, type Inbound } from '@countersign/core'

/** Finds the fields of a request that only a proxy may send. */
export type StrayFieldFinder = (inbound: Inbound) => readonly string[]

const NONE: readonly string[] = Object.freeze([])

/**
 * Makes the finder. Other spellings (`_` for `-`, which servers behind CGI take for the same) are found too.
 * @param names lowercase.
 */
export function createStrayFieldFinder(names: readonly string[]): StrayFieldFinder {
  const spellings = new Set(names.map(fieldSpelling))
  const mayBeOne = createSpellingFilter(names)

  return function strayFieldsOf({ rawHeaders }) {
    let found: string[] | null = null
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] ?? ''
      if (!mayBeOne(name) || !spellings.has(fieldSpelling(name.toLowerCase()))) continue
      found ??= []
      if (!found.includes(name)) found.push(name)
    }
    return found ?? NONE
  }
}
