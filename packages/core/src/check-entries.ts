import { MisuseError } from './errors.js'

/**
 * One entry or a list of them, each with the path of its option.
 * @throws {MisuseError} `ERR_RULE_VACUOUS` for an empty list: it matches nobody or everybody, and does not say which.
 */
export function checkEntries(option: string, value: unknown): readonly (readonly [option: string, entry: unknown])[] {
  if (!Array.isArray(value)) return [[option, value]]
  if (value.length === 0) throw new MisuseError('ERR_RULE_VACUOUS', option, 'is an empty list: name at least one, or leave the key out')
  return Array.from(value, (entry: unknown, index) => [`${option}[${index}]`, entry] as const)
}
