import { isRefusal, type Refusal, refuse } from '@countersign/core'
import type { CaCertificate } from '../certificate/ca-certificate.js'
import { createAnchorSet } from '../path/anchor-set.js'
import { endMs, type PathRules } from '../path/check-path.js'
import { findPath, type NameAndKey, sameAuthority } from '../path/find-path.js'
import { ANY_POLICIES } from '../path/policy-graph.js'
import type { SearchBudget } from '../path/search-budget.js'
import { type CrlSigner, type CrlSigners, judgeRevocation, type RevocationRules, revocationSubject } from './revocation.js'
import type { Waiting } from './revocation-waiting.js'

/** A verified path, and what else may verify a CRL for it. */
export interface SignerSearch {
  readonly leaf: NameAndKey
  /** Issuer of the leaf first, anchor last. */
  readonly path: readonly CaCertificate[]
  /** Not verified. */
  readonly candidates: readonly CaCertificate[]
  readonly rules: PathRules
  /** What is left of that of the search for the path. */
  readonly budget: SearchBudget
}

export interface FoundSigners extends CrlSigners {
  /** Certificates that were believed, and those above them: what a later look at the same leaf needs. */
  readonly used: readonly CaCertificate[]
}

/** A CA changes its key for CRLs every few years. Each may make us verify the signature of a list of 64 MiB. */
const MAX_SIGNERS = 8
const NEVER = Number.POSITIVE_INFINITY

/**
 * Finds the certificates with which CRLs may be verified that the issuer's own key did not sign (RFC 5280 §6.3.3 (f)): those on the path,
 * and candidates whose own path is valid and ends at the same anchor. Works only when it is asked.
 *
 * ```text
 * anchor ─┬─ issuing CA ─┬─ leaf        the keys on the path, for the lists of their own names
 *         │              └─ key of a CRL issuer that a distribution point of the leaf names
 *         └─ issuing CA, another key
 * ```
 *
 * Another key of the same CA counts only where the same names lead from the anchor to it: a CA elsewhere below the anchor cannot make
 * itself a namesake. A CRL never speaks for a certificate that its own signer hangs from.
 *
 * Revocation of what was found is asked about as far as the policy says, but only of CRLs that keys on its own path signed, or its own key.
 * So nothing is asked in circles.
 */
export function createCrlSigners({ leaf, path, candidates, rules, budget }: SignerSearch): FoundSigners {
  const used: CaCertificate[] = []
  let overrun: Refusal | null = null

  function named(name: string, place: number, revocation: RevocationRules, waiting?: Waiting): readonly CrlSigner[] {
    const above = path.slice(place)
    const found: CrlSigner[] = signersOnPath(name, above)
    let others = 0
    for (const candidate of candidates) {
      if (overrun !== null) break
      const { certificate } = candidate
      if (certificate.subjectKey !== name || !certificate.extensions.keyUsage?.includes('cRLSign')) continue
      // Of a certificate that is asked about, or of one below it, the key says nothing; one that counts already says nothing more.
      const known = [leaf, ...[...path, ...found.map(({ ca }) => ca)].map((ca) => ca.certificate)]
      if (known.some((other) => sameAuthority(other, certificate))) continue
      const signer = verify(candidate, name, place, revocation, waiting)
      if (signer === null) continue
      found.push(signer)
      if (++others > MAX_SIGNERS) overrun = refuse('ERR_PEER_TOO_COMPLEX', { reason: 'crl-signers' })
    }
    return found
  }

  function verify(
    candidate: CaCertificate,
    name: string,
    place: number,
    revocation: RevocationRules,
    waiting: Waiting | undefined,
  ): CrlSigner | null {
    const above = path.slice(place)
    const below = [leaf, ...path.slice(0, place).map((ca) => ca.certificate)]
    const isOfIssuer = above[0]?.certificate.subjectKey === name
    const names = isOfIssuer ? namesOf(above) : null
    let lookAgainMs = NEVER

    function accept(own: readonly CaCertificate[]): Refusal | null {
      if (names !== null && names !== namesOf([candidate, ...own])) return refuse('ERR_PEER_UNTRUSTED')
      if (own.some((ca) => below.some((asked) => sameAuthority(asked, ca.certificate)))) return refuse('ERR_PEER_UNTRUSTED')
      if (revocation.scope === 'leaf') return null
      const judged = judgeRevocation(
        revocationSubject(candidate.certificate),
        own,
        revocation,
        rules.nowMs,
        onlyOnPath(candidate, own),
        waiting,
      )
      if (isRefusal(judged)) return judged
      lookAgainMs = judged.lookAgainMs
      return null
    }

    const found = findPath({
      leaf: candidate.certificate,
      kept: candidate,
      anchors: createAnchorSet(path.slice(-1)),
      intermediates: [...path, ...candidates],
      rules: { ...rules, purpose: null, allowsCaAsLeaf: true, policies: ANY_POLICIES },
      budget,
      accept,
    })
    if (isRefusal(found)) {
      if (found.code === 'ERR_PEER_TOO_COMPLEX' && found.facts['reason'] !== 'path-length') overrun = found
      return null
    }
    const all = [candidate, ...found.path]
    used.push(...all.filter((ca) => !used.includes(ca)))
    return { ca: candidate, untilMs: Math.min(lookAgainMs, ...all.map((ca) => endMs(ca.certificate, rules.skewMs))) }
  }

  return {
    named,
    used,
    get overrun() {
      return overrun
    },
  }
}

/**
 * Who may sign CRLs about a CRL issuer and those above it: the CAs of its path; and itself, where it has the name of its CA, or its
 * certificate names it as the issuer of the CRL that it would stand in. So its CA decided, as it may with a responder of OCSP that nobody
 * is asked about.
 */
function onlyOnPath(signer: CaCertificate, path: readonly CaCertificate[]): CrlSigners {
  return {
    named(name, place) {
      const found = signersOnPath(name, path.slice(place))
      const { subjectKey } = signer.certificate
      return place === 0 && name === subjectKey ? [...found, { ca: signer, untilMs: NEVER }] : found
    },
    overrun: null,
  }
}

/** @param above Issuer of the certificate that is asked about first, anchor last. */
function signersOnPath(name: string, above: readonly CaCertificate[]): CrlSigner[] {
  const isOfIssuer = above[0]?.certificate.subjectKey === name
  const found: CrlSigner[] = []
  for (const ca of above) {
    if (ca.certificate.subjectKey === name) found.push({ ca, untilMs: NEVER })
    // Its namesake beyond another CA is not the same CA.
    else if (isOfIssuer) break
  }
  return found
}

/** The names from a CA up to the anchor; self-issued certificates do not count. */
function namesOf(path: readonly CaCertificate[]): string {
  const keys = path.map((ca) => ca.certificate.subjectKey)
  return JSON.stringify(keys.filter((key, i) => key !== keys[i - 1]))
}
