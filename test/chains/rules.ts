import type { Settings } from './world.js'

/** A chain that one side accepts and the other refuses. */
export interface Difference {
  readonly refusedBy: 'countersign' | 'openssl'
  /** What was done to the chain. */
  readonly labels: readonly string[]
  readonly settings: Settings
  /** Our code; `null` where we accept. */
  readonly code: string | null
  readonly facts: Readonly<Record<string, unknown>>
  /** Numbers of X509_V_ERR_…. */
  readonly errors: readonly number[]
}

/** Why the two may differ. */
export interface Rule {
  readonly name: string
  readonly refusedBy: Difference['refusedBy']
  readonly why: string
  explains(difference: Difference): boolean
}

export const RULES: readonly Rule[] = []
