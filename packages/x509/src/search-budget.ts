import { createNameBudget, type NameBudget } from './check-path.js'

/** What searching paths for one leaf may still cost: the path of the leaf, and those of CRL issuers. */
export interface SearchBudget {
  signatures: number
  work: number
  steps: number
  readonly names: NameBudget
}

/** A path of four with two candidates a step takes eight; each costs up to 0.3 ms. */
const MAX_SIGNATURES = 64
/** The time of all of them, in that of one with P-256: eight with P-521, or some 13 ms. Strangers choose the keys of what they send. */
const MAX_WORK = 192
/** Steps without a signature of their own cost a microsecond. */
const MAX_STEPS = 1_000

/** Nothing of it is used up. */
export function createSearchBudget(): SearchBudget {
  return { signatures: 0, work: 0, steps: 0, names: createNameBudget() }
}

export function isSpent({ signatures, work, steps }: SearchBudget): boolean {
  return signatures > MAX_SIGNATURES || work > MAX_WORK || steps > MAX_STEPS
}
