import { parseArgs } from 'node:util'
import { printable, UsageError } from './terminal.js'

type OptionKinds = Readonly<
  Record<string, { readonly type: 'string' | 'boolean'; readonly multiple?: true; readonly default?: string | boolean }>
>

interface Arguments<Options extends OptionKinds> {
  readonly values: ReturnType<typeof parseArgs<{ options: Options; strict: true }>>['values']
  readonly positionals: readonly string[]
}

/**
 * Reads a command's arguments strictly.
 * @throws {UsageError} for an unknown option, or an option without its value.
 */
export function readArguments<const Options extends OptionKinds>(args: readonly string[], options: Options): Arguments<Options> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!(error instanceof Error) || !code.startsWith('ERR_PARSE_ARGS_')) throw error
    // The rest of Node's sentence explains how to write a file name that begins with a dash.
    const [sentence = error.message] = error.message.split('. ')
    throw new UsageError(printable(sentence.replace(/\.$/, '').replaceAll('\n', ' ')))
  }
}

/** @throws {UsageError} unless the text is an integer within the bounds. */
export function readInteger(option: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw new UsageError(`${option} takes a whole number from ${min} to ${max}`)
  return value
}

/** @throws {UsageError} if a command that takes no file was given one. */
export function refusePositionals(positionals: readonly string[]): void {
  const [first] = positionals
  if (first !== undefined) throw new UsageError(`Unexpected argument '${printable(first)}'`)
}
