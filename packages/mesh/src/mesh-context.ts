import { type EventKind, type Facts, type OperationCode, type StateEvent, stateReasonOf } from '@countersign/core'
import type { CheckedMeshOptions } from './check-options.js'
import type { MeshEvent } from './events/mesh-event.js'
import type { Figures } from './figures.js'
import type { MeshCore } from './mesh-core.js'
import { type OperationRefusal, refuseOperation } from './operation-refusal.js'
import type { Retry } from './retry/retry.js'
import type { Turns } from './retry/turns.js'

/** What the operations of one mesh share. */
export interface MeshContext {
  readonly core: MeshCore
  readonly rules: CheckedMeshOptions
  readonly retry: Retry
  readonly turns: Turns
  readonly figures: Figures
  /** Signs with a key that is not revoked. */
  sign(typ: string, claims: Readonly<Record<string, unknown>>): Promise<Signed>
  /** Events to be committed with the change that they tell of. */
  events(event: Omit<MeshEvent, 'id' | 'issuer'>): readonly StateEvent[]
  /** Writes down what happened. */
  note(kind: EventKind, severity: 'info' | 'warn' | 'error', message: string, facts: Facts, code?: string, cause?: unknown): void
  /** Something new for `jti`s, sessions, events. */
  newId(): string
}

export interface Signed {
  readonly compact: string
  readonly kid: string
}

/** Is it what `AuthMesh.context` holds? No type that others see says what that is. */
export function isMeshContext(context: unknown): context is MeshContext {
  return typeof context === 'object' && context !== null && 'core' in context && 'rules' in context && 'retry' in context
}

/** So often is a change decided anew where others change the same thing. */
export const MAX_ROUNDS = 16

/** What the store or the signer threw, as a refusal. What is no fault of theirs is a fault of ours, and thrown on. */
export function refusalOfFault(fault: unknown): OperationRefusal {
  const code: OperationCode = 'ERR_STATE_UNAVAILABLE'
  return refuseOperation(code, { reason: stateReasonOf(fault) }, fault)
}
