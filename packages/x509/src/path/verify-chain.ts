import { type CertificateMetadata, type Code, type Facts, isRefusal, type Refusal, refuse } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import { CaCertificate } from '../certificate/ca-certificate.js'
import { type CertificateInput, derFrom, readCertificateInput } from '../certificate/certificate-input.js'
import { metadataFrom } from '../certificate/certificate-metadata.js'
import type { ParsedCertificate } from '../certificate/read-certificate.js'
import { asciiFrom } from '../der/der-values.js'
import { createCrlSigners } from '../revocation/crl-signers.js'
import { revocationFromCrls } from '../revocation/given-crls.js'
import { judgeRevocation, type RevocationRules, revocationSubject } from '../revocation/revocation.js'
import { type AnchorSet, createAnchorSet } from './anchor-set.js'
import { type ChainRequest, type CheckedRequest, checkAnchors, checkChainRequest } from './chain-request.js'
import { type FoundPath, findPath } from './find-path.js'
import { holdsName } from './match-names.js'
import { createSearchBudget } from './search-budget.js'
import { anchorFromKey, isBareAnchor, type TrustAnchorKey } from './trust-anchor-key.js'

export type ChainResult =
  | {
      readonly valid: true
      /** Leaf first, anchor last; an anchor that was given as a name and key is left out. */
      readonly path: readonly CertificateMetadata[]
      /** OIDs of the policies that the path is good for (RFC 5280 §6.1.5 (g)); `2.5.29.32.0` is any. */
      readonly policies: readonly string[]
    }
  | { readonly valid: false; readonly code: Code; readonly facts: Facts }

/** What a {@link ChainVerifier} is asked: everything but the anchors, which it has. */
export type AnchoredChainRequest = Omit<ChainRequest, 'anchors'>

/** {@link verifyChain} for the same anchors again and again. */
export interface ChainVerifier {
  /** @throws {MisuseError} for a wrong request (`ERR_OPTION_…`). */
  verify(request: AnchoredChainRequest): ChainResult
}

/** Nobody's path has so many; the search has its own budget. */
const MAX_INTERMEDIATES = 256
/** CA certificates of verified paths that a verifier keeps: a mesh has tens, of 2 KB each. */
const MAX_AUTHORITIES = 256

/**
 * Verifies that a certificate was issued, through any of the intermediates, by one of the anchors, and is good for a purpose: full path
 * validation after RFC 5280 §6.1, with path building, and policies after RFC 9618. Bounded in time, whatever is in the certificates.
 *
 * @returns Never throws for what is in certificates: what cannot be read is a code too.
 * @throws {MisuseError} for a wrong request (`ERR_OPTION_…`).
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs'
 * import { verifyChain } from '@countersign/x509'
 *
 * const result = verifyChain({
 *   leaf: readFileSync('orders.pem'),
 *   intermediates: [readFileSync('issuing-ca.pem')],
 *   anchors: [readFileSync('ca.pem')],
 *   names: [{ type: 'uri', value: 'spiffe://prod.example/orders' }],
 * })
 * console.log(result.valid ? result.path.map(({ subject }) => subject) : result.code)
 * ```
 */
export function verifyChain(request: ChainRequest): ChainResult {
  const checked = checkChainRequest(request)
  return judge(checked, createAnchorSet(checked.anchors.flatMap(anchorFrom)), authorityFrom, () => {})
}

/**
 * Verifies chains to the same anchors. Reads those once, and keeps the CA certificates of paths that it verified, so that neither their
 * keys are made nor their signatures verified again.
 *
 * @param anchors As in {@link ChainRequest}.
 * @throws {MisuseError} for anchors that are none (`ERR_OPTION_…`).
 */
export function createChainVerifier(anchors: ChainRequest['anchors']): ChainVerifier {
  const set = createAnchorSet(checkAnchors(anchors).flatMap(anchorFrom))
  const authorities = new LRUCache<string, CaCertificate>({ max: MAX_AUTHORITIES })

  function authorityFor(input: CertificateInput): readonly CaCertificate[] {
    const der = derFrom(input)
    const known = der === null ? undefined : authorities.get(asciiFrom(der))
    return known === undefined ? authorityFrom(der ?? input) : [known]
  }

  function keep(path: readonly CaCertificate[]): void {
    for (const ca of path) if (!isBareAnchor(ca)) authorities.set(asciiFrom(ca.certificate.der), ca)
  }

  return { verify: (request) => judge(checkChainRequest({ ...request, anchors: [] }), set, authorityFor, keep) }
}

function judge(
  request: CheckedRequest,
  anchors: AnchorSet,
  read: (input: CertificateInput) => readonly CaCertificate[],
  keep: (path: readonly CaCertificate[]) => void,
): ChainResult {
  const leaf = readCertificateInput(request.leaf)
  const found = typeof leaf === 'string' ? refuse('ERR_PEER_UNREADABLE', { reason: leaf }) : search(leaf, anchors, request, read)
  if (isRefusal(found)) return { valid: false, code: found.code, facts: found.facts }
  keep([...found.path, ...found.crlAuthorities])
  const certificates = [found.leaf, ...found.path.filter((ca) => !isBareAnchor(ca)).map((ca) => ca.certificate)]
  let metadata: readonly CertificateMetadata[] | null = null
  return {
    valid: true,
    // Written out when somebody looks: that takes longer than the validation.
    get path() {
      metadata ??= Object.freeze(certificates.map(metadataFrom))
      return metadata
    },
    policies: found.policies,
  }
}

interface Found extends FoundPath {
  readonly leaf: ParsedCertificate
  /** CRL issuers beside the path whose lists were believed, and those above them. */
  readonly crlAuthorities: readonly CaCertificate[]
}

function search(
  leaf: ParsedCertificate,
  anchors: AnchorSet,
  request: CheckedRequest,
  read: (input: CertificateInput) => readonly CaCertificate[],
): Found | Refusal {
  const { rules, names } = request
  if (request.intermediates.length > MAX_INTERMEDIATES) {
    return refuse('ERR_PEER_TOO_COMPLEX', { reason: 'intermediates', count: request.intermediates.length })
  }
  const intermediates = request.intermediates.flatMap(read)
  const missing = names.find((name) => !holdsName(leaf, name))
  const misnamed = missing === undefined ? null : refuse('ERR_PEER_NAME_NOT_PERMITTED', { kind: missing.type })
  const revocation = revocationRules(request)
  const budget = createSearchBudget()
  let crlAuthorities: readonly CaCertificate[] = []

  function accept(path: readonly CaCertificate[]): Refusal | null {
    if (misnamed !== null || revocation === null) return misnamed
    const signers = createCrlSigners({ leaf, path, candidates: intermediates, rules, budget })
    const known = judgeRevocation(revocationSubject(leaf), path, revocation, rules.nowMs, signers)
    if (isRefusal(known)) return known
    crlAuthorities = signers.used
    return null
  }

  const found = findPath({ leaf, anchors, intermediates, rules, budget, accept })
  return isRefusal(found) ? found : { ...found, leaf, crlAuthorities }
}

function revocationRules({ crls, revocation, rules }: CheckedRequest): RevocationRules | null {
  return revocation === null ? null : { ...revocation, mode: 'require', timeoutMs: 0, source: revocationFromCrls(crls, rules) }
}

function anchorFrom(anchor: CertificateInput | TrustAnchorKey): readonly CaCertificate[] {
  if (typeof anchor === 'string' || anchor instanceof Uint8Array) return authorityFrom(anchor)
  const bare = anchorFromKey(anchor)
  return bare === null ? [] : [bare]
}

// One that cannot be read is one that does not help: without another the path ends there.
function authorityFrom(input: CertificateInput): readonly CaCertificate[] {
  const certificate = readCertificateInput(input)
  return typeof certificate === 'string' ? [] : [new CaCertificate(certificate)]
}
