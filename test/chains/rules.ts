import { OPENSSL_RULES } from './rules-openssl.js'
import { OWN_RULES } from './rules-own.js'
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
  /** Why we cannot read what of the chain we cannot read: the leaf, anchors, intermediates. */
  readonly unreadable: readonly string[]
  /** Numbers of X509_V_ERR_…; none where openssl cannot read the leaf or a file. */
  readonly errors: readonly number[]
}

/** Why the two may differ. */
export interface Rule {
  readonly name: string
  readonly refusedBy: Difference['refusedBy']
  /** With the section that says so. */
  readonly why: string
  explains(difference: Difference): boolean
}

/** Every difference there may be. One that explains nothing does not stay. */
export const RULES: readonly Rule[] = [...OWN_RULES, ...OPENSSL_RULES]

/** The rule that explains a difference. Where openssl names several errors, each has to have one: the first of them. */
export function ruleFor(difference: Difference): Rule | undefined {
  const each = difference.errors.length < 2 ? [difference] : difference.errors.map((error) => ({ ...difference, errors: [error] }))
  const rules = each.map((one) => RULES.find(({ refusedBy, explains }) => refusedBy === one.refusedBy && explains(one)))
  return rules.includes(undefined) ? undefined : rules[0]
}
