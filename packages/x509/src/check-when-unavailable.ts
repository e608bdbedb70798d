import { checkChoice, checkInteger, checkKeys, joinPath } from '@countersign/core'

/** A month: what is older says nothing of now. */
const MAX_STALE_SECONDS = 30 * 86_400

/**
 * How long what is out of date still counts, in milliseconds: 0 for `'refuse'`, `Infinity` for `'dangerously-allow'`.
 * @param words those that the option takes beside `{ staleSeconds }`.
 * @throws {MisuseError}
 */
export function checkWhenUnavailable(option: string, value: unknown, words: readonly ('refuse' | 'dangerously-allow')[]): number {
  if (typeof value !== 'object' || value === null) return checkChoice(option, value, words) === 'refuse' ? 0 : Number.POSITIVE_INFINITY
  checkKeys(option, value, ['staleSeconds'])
  return checkInteger(joinPath(option, 'staleSeconds'), value['staleSeconds'], 1, MAX_STALE_SECONDS) * 1000
}
