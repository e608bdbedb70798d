import { type Identity, isRefusal, type Refusal, refuse } from '@countersign/core'
import type { CaCertificate } from './certificate/ca-certificate.js'
import { spkiSha256 } from './certificate/public-key.js'
import type { ParsedCertificate } from './certificate/read-certificate.js'
import type { CheckedOptions } from './check-options.js'
import { leafRules } from './leaf-rules.js'
import { type AnchorSet, createAnchorSet } from './path/anchor-set.js'
import { CLIENT, endMs } from './path/check-path.js'
import { findPath } from './path/find-path.js'
import { identify, type LeafNames } from './path/identify.js'
import { createSearchBudget } from './path/search-budget.js'
import { createCrlSigners } from './revocation/crl-signers.js'
import { judgeRevocation, type KnownGood, NEVER_CHECKED, revocationSubject } from './revocation/revocation.js'
import type { Waiting } from './revocation/revocation-waiting.js'
import type { Trust } from './trust/trust.js'
import type { TrustState } from './trust/trust-state.js'

/** A leaf whose path was verified. */
export interface VerifiedLeaf {
  readonly identity: Identity
  readonly trustDomain: string | null
  /** Issuer of the leaf first, anchor last. */
  readonly path: readonly CaCertificate[]
  /** When the first certificate of the path ends, skew included. */
  readonly pathEndMs: number
  /** Until when it is known that nothing of the path was revoked. */
  readonly known: KnownGood
  /** CRL issuers beside the path whose lists were believed, and those above them. */
  readonly crlAuthorities: readonly CaCertificate[]
}

export interface LeafJudge {
  readonly options: CheckedOptions
  readonly trust: Trust
  readonly revocationFor: TrustState['revocationFor']
  /** Gets what is being fetched about certificates that nothing current is known of. */
  readonly waiting?: Waiting | undefined
}

/** Verifies a leaf: path, pins, permitted names, revocation. Does all its work at once, within the budget of {@link findPath}. */
export function verifyLeaf(
  leaf: ParsedCertificate,
  intermediates: readonly CaCertificate[],
  judge: LeafJudge,
  nowMs: number,
): VerifiedLeaf | Refusal {
  const { options, trust } = judge
  const rules = leafRules(options, CLIENT, nowMs)
  const names = identify(leaf, options.identifyBy)
  const budget = createSearchBudget()
  let known = NEVER_CHECKED
  let crlAuthorities = NONE

  function accept(path: readonly CaCertificate[]): Refusal | null {
    if (isRefusal(names)) return names
    const refusal = checkCommonName(names, path) ?? checkPins(leaf, path, options.pins) ?? checkPermitted(names, options)
    const revocation = refusal === null ? judge.revocationFor(path.at(-1), names.trustDomain) : null
    if (refusal !== null || revocation === null) return refusal
    const signers = createCrlSigners({ leaf, path, candidates: intermediates, rules, budget })
    const found = judgeRevocation(revocationSubject(leaf), path, revocation, nowMs, signers, judge.waiting)
    if (isRefusal(found)) return found
    known = found
    if (signers.used.length > 0) crlAuthorities = signers.used
    return null
  }

  const anchors = isRefusal(names) ? anchorsForAnyName(leaf, trust) : anchorsFor(names, trust)
  const found = findPath({ leaf, anchors, intermediates, rules, budget, accept })
  if (isRefusal(found)) return isRefusal(names) && found.code === 'ERR_PEER_UNTRUSTED' && !trust.isComplete ? names : found
  if (isRefusal(names)) return names
  const { path } = found
  const pathEndMs = Math.min(...[leaf, ...path.map((ca) => ca.certificate)].map((certificate) => endMs(certificate, options.skewMs)))
  return { ...names, path, pathEndMs, known, crlAuthorities }
}

/**
 * SPIFFE Trust Domain and Bundle §4, X.509-SVID §5: the bundle of the leaf's own trust domain. A name of another kind has to be vouched
 * for by anchors for such names too, so that a federated domain cannot name our hosts.
 */
export function anchorsFor({ identity, trustDomain }: LeafNames, trust: Trust): AnchorSet {
  const plain = identity.kind === 'spiffe' ? null : (trust.forNames() ?? NOBODY)
  if (trustDomain === null) return plain ?? NOBODY
  const own = trust.forDomain(trustDomain) ?? NOBODY
  return plain === null ? own : createAnchorSet(own.anchors.filter((anchor) => plain.has(anchor.fingerprint)))
}

const NOBODY = createAnchorSet([])
/** One for all leaves: each is kept. */
const NONE: readonly CaCertificate[] = Object.freeze([])

/**
 * A leaf without a usable name is refused for that if a trusted CA made it, whoever that CA vouches for, and as untrusted otherwise. Of
 * a source only those can be asked that the leaf points to, never those asked before: the same leaf gets the same answer every time.
 */
function anchorsForAnyName(leaf: ParsedCertificate, trust: Trust): AnchorSet {
  if (trust.isComplete) return trust.all()
  const uris = leaf.extensions.sans?.uri.slice(0, MAX_DOMAINS) ?? []
  const domains = new Set(uris.flatMap((uri) => AUTHORITY.exec(uri)?.[1]?.toLowerCase() ?? []))
  const sets = [trust.forNames(), ...[...domains].map((domain) => trust.forDomain(domain))]
  return createAnchorSet(sets.flatMap((set) => set?.anchors ?? []))
}

const AUTHORITY = /^spiffe:\/\/([a-z0-9._-]{1,255})/i
/** A leaf has one URI. */
const MAX_DOMAINS = 4

// Constraints on DNS names do not see the common name, so a constrained CA cannot vouch for one.
function checkCommonName({ identity }: LeafNames, path: readonly CaCertificate[]): Refusal | null {
  if (identity.kind !== 'cn' || path.every((ca) => ca.certificate.extensions.nameConstraints === null)) return null
  return refuse('ERR_PEER_NAME', { reason: 'common-name-under-name-constraints' })
}

/** @see https://www.rfc-editor.org/rfc/rfc7469#section-2.6 */
function checkPins(leaf: ParsedCertificate, path: readonly CaCertificate[], pins: ReadonlySet<string> | null): Refusal | null {
  if (pins === null || pins.has(spkiSha256(leaf.key)) || path.some((ca) => pins.has(ca.pin))) return null
  return refuse('ERR_PEER_PIN_MISMATCH', { pins: pins.size })
}

function checkPermitted({ identity }: LeafNames, { isNamePermitted }: CheckedOptions): Refusal | null {
  return isNamePermitted === null || isNamePermitted(identity.value) ? null : refuse('ERR_PEER_NAME_NOT_PERMITTED', { kind: identity.kind })
}
