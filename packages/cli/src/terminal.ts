/** What a command may touch of the world around it. */
export interface Terminal {
  /** Relative paths begin here. */
  readonly folder: string
  readonly colour: boolean
  /** Epoch milliseconds. */
  nowMs(): number
  /** Standard input, whole. */
  readInput(): Promise<Uint8Array>
  /** Standard output. */
  write(text: string): void
  /** Standard error. */
  complain(text: string): void
}

/** The command was called wrongly: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The command could not do what it was asked to: exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

// Control and format characters, among them those that turn the direction of text, and line separators: what a file says must
// not steer the terminal that shows it.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** Text of others, made harmless for a terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

/** JSON with two spaces and a line feed at its end, in which the same characters are escaped as JSON has it. */
export function printableJson(value: unknown): string {
  const lines = JSON.stringify(value, null, 2).split('\n')
  return `${lines.map((line) => line.replace(UNPRINTABLE, jsonEscape)).join('\n')}\n`
}

function jsonEscape(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}
