import type { Refusal } from '@countersign/core'
import { refuse } from '@countersign/core'
import { ANY_POLICY } from '../certificate/policy-extensions.js'
import { isSelfIssued, type ParsedCertificate } from '../certificate/read-certificate.js'

/** Inputs of policy processing (RFC 5280 §6.1.1). */
export interface PolicyRules {
  /** (c); `null`: any. */
  readonly initial: ReadonlySet<string> | null
  /** (f) */
  readonly requireExplicit: boolean
  /** (e) */
  readonly inhibitMapping: boolean
  /** (g) */
  readonly inhibitAnyPolicy: boolean
}

export const ANY_POLICIES: PolicyRules = Object.freeze({
  initial: null,
  requireExplicit: false,
  inhibitMapping: false,
  inhibitAnyPolicy: false,
})

/** Policies that are valid at one depth of the path. */
interface Level {
  /** Each with the policies of the level above that lead to it; without any, it stems from anyPolicy. */
  readonly nodes: Map<string, readonly string[]>
  hasAny: boolean
}

/** How many certificates may still come before each is demanded (RFC 5280 §6.1.2 (d)-(f)). */
interface Counters {
  explicitPolicy: number
  policyMapping: number
  inhibitAnyPolicy: number
}

const NONE: readonly string[] = Object.freeze([])

/**
 * Processes the policies of a path. The graph of RFC 9618 has at most one node for a policy and depth, so the work is bounded by the sizes
 * of the extensions, where the tree of RFC 5280 could double at each step.
 *
 * @param path The certificate that the anchor issued first, the leaf last.
 * @param anchor Whose policy constraints count; `null`: none.
 * @returns The user-constrained policy set, or why the path is not good.
 * @see https://www.rfc-editor.org/rfc/rfc9618#section-5
 */
export function processPolicies(
  path: readonly ParsedCertificate[],
  anchor: ParsedCertificate | null,
  rules: PolicyRules,
): readonly string[] | Refusal {
  if (asksNothing(path, anchor, rules)) return NONE
  const invalid = (reason: string): Refusal => refuse('ERR_PEER_CHAIN_INVALID', { reason })
  const counters: Counters = {
    explicitPolicy: rules.requireExplicit ? 0 : path.length + 1,
    policyMapping: rules.inhibitMapping ? 0 : path.length + 1,
    inhibitAnyPolicy: rules.inhibitAnyPolicy ? 0 : path.length + 1,
  }
  // RFC 5937 §3.2: what the anchor's certificate demands is an input of the validation.
  if (anchor !== null) constrain(counters, anchor)
  const levels: Level[] = []
  let level: Level = { nodes: new Map(), hasAny: true }
  for (const [i, certificate] of path.entries()) {
    const isLast = i === path.length - 1
    // RFC 5280 §6.1.3 (d), (e)
    const anyIsAllowed = counters.inhibitAnyPolicy > 0 || (!isLast && isSelfIssued(certificate))
    intersect(level, certificate.extensions.policies, anyIsAllowed)
    levels.push(level)
    // RFC 5280 §6.1.3 (f)
    if (counters.explicitPolicy === 0 && isEmpty(level)) return invalid('policy')
    if (isLast) break
    // RFC 5280 §6.1.4 (a), (b)
    const { policyMappings } = certificate.extensions
    if (policyMappings.some(({ issuerDomain, subjectDomain }) => issuerDomain === ANY_POLICY || subjectDomain === ANY_POLICY)) {
      return invalid('policy-mapping')
    }
    level = nextLevel(level, certificate, counters.policyMapping > 0)
    // RFC 5280 §6.1.4 (h)-(j)
    if (!isSelfIssued(certificate)) {
      if (counters.explicitPolicy > 0) counters.explicitPolicy--
      if (counters.policyMapping > 0) counters.policyMapping--
      if (counters.inhibitAnyPolicy > 0) counters.inhibitAnyPolicy--
    }
    constrain(counters, certificate)
  }
  // RFC 5280 §6.1.5 (a), (b)
  const demanded = counters.explicitPolicy <= 1 || path.at(-1)?.extensions.policyConstraints?.requireExplicitPolicy === 0
  const policies = userConstrained(levels, rules.initial)
  return demanded && policies.length === 0 ? invalid('policy') : policies
}

/** Nothing on the path and nothing asked for can make the policies matter; then they are not worked out. */
function asksNothing(path: readonly ParsedCertificate[], anchor: ParsedCertificate | null, rules: PolicyRules): boolean {
  if (rules.initial !== null || rules.requireExplicit) return false
  const plain = ({ extensions: { policies, policyMappings, policyConstraints } }: ParsedCertificate): boolean =>
    policies.length === 0 && policyMappings.length === 0 && policyConstraints === null
  return (anchor === null || plain(anchor)) && path.every(plain)
}

function constrain(counters: Counters, { extensions: { policyConstraints, inhibitAnyPolicy } }: ParsedCertificate): void {
  const { requireExplicitPolicy = null, inhibitPolicyMapping = null } = policyConstraints ?? {}
  if (requireExplicitPolicy !== null) counters.explicitPolicy = Math.min(counters.explicitPolicy, requireExplicitPolicy)
  if (inhibitPolicyMapping !== null) counters.policyMapping = Math.min(counters.policyMapping, inhibitPolicyMapping)
  if (inhibitAnyPolicy !== null) counters.inhibitAnyPolicy = Math.min(counters.inhibitAnyPolicy, inhibitAnyPolicy)
}

function isEmpty({ nodes, hasAny }: Level): boolean {
  return nodes.size === 0 && !hasAny
}

/** RFC 9618 §5.3 (d): leaves what the level above expects and the certificate names. */
function intersect(level: Level, policies: readonly string[], anyIsAllowed: boolean): void {
  const hadAny = level.hasAny
  const asserted = new Set(policies)
  if (!asserted.has(ANY_POLICY) || !anyIsAllowed) {
    for (const policy of level.nodes.keys()) if (!asserted.has(policy)) level.nodes.delete(policy)
    level.hasAny = false
  }
  if (!hadAny) return
  for (const policy of asserted) if (policy !== ANY_POLICY && !level.nodes.has(policy)) level.nodes.set(policy, [])
}

/** RFC 9618 §5.4 (b): what the certificate makes of its policies is what the next one may name. */
function nextLevel(level: Level, { extensions: { policyMappings } }: ParsedCertificate, mappingIsAllowed: boolean): Level {
  const mapped = new Set(policyMappings.map(({ issuerDomain }) => issuerDomain))
  for (const policy of mapped) {
    if (!mappingIsAllowed) level.nodes.delete(policy)
    else if (level.hasAny && !level.nodes.has(policy)) level.nodes.set(policy, [])
  }
  const parents = new Map<string, string[]>()
  const lead = (from: string, to: string): void => {
    const known = parents.get(to)
    if (known === undefined) parents.set(to, [from])
    else known.push(from)
  }
  for (const policy of level.nodes.keys()) if (!mapped.has(policy)) lead(policy, policy)
  if (mappingIsAllowed) {
    for (const { issuerDomain, subjectDomain } of policyMappings) if (level.nodes.has(issuerDomain)) lead(issuerDomain, subjectDomain)
  }
  return { nodes: parents, hasAny: level.hasAny }
}

/**
 * RFC 9618 §5.5 (g): policies of the anchor's own domain that a node of the last depth stems from, as far as they were asked for.
 */
function userConstrained(levels: readonly Level[], initial: ReadonlySet<string> | null): readonly string[] {
  const last = levels.at(-1)
  if (last === undefined) return []
  const found = new Set<string>()
  let reached = new Set(last.nodes.keys())
  for (const { nodes } of levels.toReversed()) {
    const above = new Set<string>()
    for (const policy of reached) {
      const parents = nodes.get(policy) ?? []
      if (parents.length === 0) found.add(policy)
      for (const parent of parents) above.add(parent)
    }
    reached = above
  }
  if (initial === null) return last.hasAny ? [...found, ANY_POLICY] : [...found]
  return [...initial].filter((policy) => found.has(policy) || last.hasAny)
}
