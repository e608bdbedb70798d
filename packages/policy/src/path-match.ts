import { checkEntries, checkKeys, checkPath, foldPath, isUnder, joinPath, MisuseError } from '@countersign/core'

export type PathTest = (path: string) => boolean

/**
 * Compiles the `paths` of a rule: exact texts and whole segments below one.
 * @param reading how a configured path is kept: as it is in an allowing rule, folded in a denying one.
 * @throws {MisuseError} `ERR_OPTION_INVALID` for what no canonical path could be, `ERR_RULE_VACUOUS` for an empty list or `{ under: '/' }`.
 */
export function compilePaths(option: string, value: unknown, reading: 'exact' | 'folded'): PathTest {
  const read = (path: string): string => (reading === 'exact' ? path : (foldPath(path)[0] ?? path))
  const exact = new Set<string>()
  const prefixes: string[] = []
  for (const [path, match] of checkEntries(option, value)) {
    if (typeof match === 'string') {
      exact.add(read(checkPath(path, match)))
      continue
    }
    if (match instanceof RegExp)
      throw new MisuseError('ERR_OPTION_INVALID', path, "a regular expression is not taken: write { under: '/…' }")
    checkKeys(path, match, ['under'])
    prefixes.push(read(checkPrefix(joinPath(path, 'under'), match['under'])))
  }
  const [only] = exact
  if (prefixes.length === 0 && exact.size === 1) return (path) => path === only
  if (exact.size === 0 && prefixes.length === 1) {
    const [prefix = ''] = prefixes
    return (path) => isUnder(path, prefix)
  }
  return (path) => exact.has(path) || prefixes.some((prefix) => isUnder(path, prefix))
}

function checkPrefix(option: string, value: unknown): string {
  if (value === '/') throw new MisuseError('ERR_RULE_VACUOUS', option, 'is every path: leave paths out')
  const prefix = checkPath(option, value)
  if (prefix.endsWith('/'))
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes no trailing slash: write ${JSON.stringify(prefix.slice(0, -1))}`)
  return prefix
}
