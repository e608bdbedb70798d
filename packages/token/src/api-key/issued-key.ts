import { inspect } from 'node:util'
import type { ApiKeyRecord } from './record.js'

/** A key that was just made. */
export interface IssuedApiKey {
  /**
   * What its owner sends. It is nowhere else and can never be shown again. It is left out where the object is printed, written as JSON or
   * spread: whoever means it names it.
   */
  readonly text: string
  /** What is kept. */
  readonly record: ApiKeyRecord
}

const REDACTED = '[redacted]'

/** Puts a key and its record together, so that printing them does not print the key. */
export function issuedKeyOf(text: string, record: ApiKeyRecord): IssuedApiKey {
  const shown = (): object => ({ text: REDACTED, record })
  return Object.freeze(
    Object.defineProperties({ record } as IssuedApiKey, {
      text: { value: text },
      toJSON: { value: shown },
      [inspect.custom]: { value: shown },
    }),
  )
}
