import type { Code } from './catalogue.js'

/** Why not, as a value: a thrown Error costs a hundred times more, and attackers choose how often. */
export interface Refusal {
  readonly refused: true
  readonly code: Code
  /** For the log, and for the caller if `exposeDetails` asks. Never holds a token, a key or text of the caller's choosing. */
  readonly facts: Facts
  /** For the log alone: what identifies the evidence that was refused, such as the serial number of a certificate. */
  readonly evidence?: Facts
  readonly cause?: unknown
}

export type Facts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

const NO_FACTS: Facts = Object.freeze({})

/** Makes a {@link Refusal}. `cause` is logged by its name and code alone. */
export function refuse(code: Code, facts: Facts = NO_FACTS, cause?: unknown): Refusal {
  return cause === undefined ? { refused: true, code, facts } : { refused: true, code, facts, cause }
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'refused' in value && value.refused === true
}
