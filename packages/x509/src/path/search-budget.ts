/** What searching paths for one leaf has cost so far: the path of the leaf, and those of CRL issuers. */
export interface SearchBudget {
  signatures: number
  work: number
  steps: number
  /** Of names with name constraints. */
  comparisons: number
}

/** A path of four with two candidates a step takes eight; each costs up to 0.3 ms. */
const MAX_SIGNATURES = 64
/** The time of all of them, in that of one with P-256: eight with P-521, or some 13 ms. Strangers choose the keys of what they send. */
const MAX_WORK = 192
/** Steps without a signature of their own cost a microsecond. */
const MAX_STEPS = 1_000
/** Names times constraints on all paths that are tried: a CA that means well has tens of each. */
const MAX_COMPARISONS = 50_000

/** Nothing of it is used up. */
export function createSearchBudget(): SearchBudget {
  return { signatures: 0, work: 0, steps: 0, comparisons: 0 }
}

export function isSpent({ signatures, work, steps, comparisons }: SearchBudget): boolean {
  return signatures > MAX_SIGNATURES || work > MAX_WORK || steps > MAX_STEPS || comparisons > MAX_COMPARISONS
}
