import { checkEntries, checkKeys, checkText, joinPath, MisuseError, type Token } from '@countersign/core'

export type ClaimsTest = (token: Token | null) => boolean

/**
 * Compiles the `claims` of a rule: a claim must be one of the given texts, or a list that holds one.
 * @throws {MisuseError} `ERR_RULE_VACUOUS` if it names no claim, `ERR_OPTION_INVALID` for a value that is no text.
 */
export function compileClaims(option: string, value: unknown): ClaimsTest {
  checkKeys(option, value, Object.keys(Object(value)))
  const wanted = Object.entries(value).map(
    ([name, texts]) => [name, new Set(checkEntries(joinPath(option, name), texts).map(([path, text]) => checkText(path, text)))] as const,
  )
  if (wanted.length === 0) throw new MisuseError('ERR_RULE_VACUOUS', option, 'names no claim: name one, or leave the key out')
  return (token) =>
    token !== null && wanted.every(([name, texts]) => Object.hasOwn(token.claims, name) && holdsOne(token.claims[name], texts))
}

function holdsOne(claim: unknown, texts: ReadonlySet<string>): boolean {
  if (typeof claim === 'string') return texts.has(claim)
  return Array.isArray(claim) && claim.some((entry) => typeof entry === 'string' && texts.has(entry))
}
