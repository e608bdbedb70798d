import { MisuseError } from './errors.js'

/** @throws {MisuseError} `ERR_OPTION_INVALID` unless `value` is a plain object; `ERR_OPTION_UNKNOWN` for a key not in `keys`. */
export function checkKeys(option: string, value: unknown, keys: readonly string[]): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes an object, not ${kindOf(value)}`)
  }
  for (const key of Object.keys(value)) {
    if (keys.includes(key)) continue
    const meant = keys.find((known) => known.toLowerCase() === key.toLowerCase()) ?? keys.find((known) => known.startsWith(key.slice(0, 4)))
    const fix = meant === undefined ? `it takes ${keys.join(', ')}` : `did you mean ${meant}?`
    throw new MisuseError('ERR_OPTION_UNKNOWN', joinPath(option, key), `is not an option; ${fix}`)
  }
}

/** @throws {MisuseError} `ERR_OPTION_INVALID` unless `value` is an integer within the bounds. */
export function checkInteger(option: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes an integer from ${min} to ${max}, not ${kindOf(value)}`)
  }
  return value
}

/** @throws {MisuseError} `ERR_OPTION_INVALID` unless `value` is a text that is not empty. */
export function checkText(option: string, value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '')
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes a text that is not empty, not ${kindOf(value)}`)
  return value
}

/** @throws {MisuseError} `ERR_OPTION_INVALID` unless `value` is one of `choices`. */
export function checkChoice<const T extends string | number>(option: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  const meant = choices.find((choice) => typeof value === 'string' && String(choice).toLowerCase() === value.toLowerCase())
  const fix = meant === undefined ? `, not ${kindOf(value)}` : `; did you mean ${JSON.stringify(meant)}?`
  throw new MisuseError('ERR_OPTION_INVALID', option, `takes ${choices.map((choice) => JSON.stringify(choice)).join(' or ')}${fix}`)
}

/** @throws {MisuseError} `ERR_OPTION_INVALID` unless `value` is true or false: a truthy word is not a decision. */
export function checkBoolean(option: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new MisuseError('ERR_OPTION_INVALID', option, `takes true or false, not ${kindOf(value)}`)
  return value
}

/** @throws {MisuseError} `ERR_OPTION_INVALID` unless `value` is a list with at least one entry: an empty list allows nobody or everybody, and does not say which. */
export function checkList(option: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes a list with at least one entry, not ${kindOf(value)}`)
  return value
}

export function joinPath(option: string, key: string): string {
  return option === '' ? key : `${option}.${key}`
}

/** Says what a wrong value is without repeating it: it may be a secret. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'a text'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
