import { MisuseError } from '@countersign/core'

/** @throws {MisuseError} `ERR_OPTION_MISSING` for what is no object. */
export function checkParts(parts: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(parts)) {
    if (typeof value !== 'object' || value === null) throw new MisuseError('ERR_OPTION_MISSING', name, 'is needed')
  }
}

/** @throws {MisuseError} `ERR_OPTION_INVALID` for what is no function. */
export function checkFunctions(functions: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(functions)) {
    if (typeof value !== 'function') throw new MisuseError('ERR_OPTION_INVALID', name, 'takes a function')
  }
}
