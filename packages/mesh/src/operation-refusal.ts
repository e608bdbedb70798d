import type { Code, Facts, OperationCode } from '@countersign/core'

/** An operation of the mesh that was refused: a value for whoever called it. Nothing was changed, and nothing was told to others. */
export interface OperationRefusal {
  readonly refused: true
  readonly code: OperationCode | Code | 'ERR_CREDENTIAL_UNREADABLE'
  /** For the log. Never holds a token, a key or text of a caller's choosing. */
  readonly facts: Facts
  readonly cause?: unknown
}

const NO_FACTS: Facts = Object.freeze({})

/** Makes an {@link OperationRefusal}. */
export function refuseOperation(code: OperationRefusal['code'], facts: Facts = NO_FACTS, cause?: unknown): OperationRefusal {
  return cause === undefined ? { refused: true, code, facts } : { refused: true, code, facts, cause }
}

export function isOperationRefusal(value: unknown): value is OperationRefusal {
  return typeof value === 'object' && value !== null && 'refused' in value && value.refused === true
}
