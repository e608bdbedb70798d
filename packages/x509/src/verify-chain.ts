import { type CertificateMetadata, type Code, type Facts, isRefusal, type Refusal, refuse } from '@countersign/core'
import { createAnchorSet } from './anchor-set.js'
import { CaCertificate } from './ca-certificate.js'
import { type CertificateInput, readCertificateInput } from './certificate-input.js'
import { metadataFrom } from './certificate-metadata.js'
import { type ChainRequest, type CheckedRequest, checkChainRequest } from './chain-request.js'
import { findPath } from './find-path.js'
import { revocationFromCrls } from './given-crls.js'
import { holdsName } from './match-names.js'
import type { ParsedCertificate } from './read-certificate.js'
import { judgeRevocation, type RevocationRules, revocationSubject } from './revocation.js'
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

/** Nobody's path has so many; the search has its own budget. */
const MAX_INTERMEDIATES = 256

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
  const leaf = readCertificateInput(checked.leaf)
  const found = typeof leaf === 'string' ? refuse('ERR_PEER_UNREADABLE', { reason: leaf }) : search(leaf, checked)
  if (isRefusal(found)) return { valid: false, code: found.code, facts: found.facts }
  let metadata: readonly CertificateMetadata[] | null = null
  return {
    valid: true,
    // Written out when somebody looks: that takes longer than the validation.
    get path() {
      metadata ??= Object.freeze(found.path.map(metadataFrom))
      return metadata
    },
    policies: found.policies,
  }
}

interface Found {
  /** Leaf first. */
  readonly path: readonly ParsedCertificate[]
  readonly policies: readonly string[]
}

function search(leaf: ParsedCertificate, request: CheckedRequest): Found | Refusal {
  const { rules, names } = request
  if (request.intermediates.length > MAX_INTERMEDIATES) {
    return refuse('ERR_PEER_TOO_COMPLEX', { reason: 'intermediates', count: request.intermediates.length })
  }
  const anchors = createAnchorSet(request.anchors.flatMap(anchorFrom))
  const intermediates = [...new Map(request.intermediates.flatMap(authorityFrom).map((ca) => [ca.fingerprint, ca])).values()]
  const missing = names.find((name) => !holdsName(leaf, name))
  const misnamed = missing === undefined ? null : refuse('ERR_PEER_NAME_NOT_PERMITTED', { kind: missing.type })
  const revocation = revocationRules(request)
  const found = findPath({ leaf, anchors, intermediates, rules, accept: (path) => misnamed ?? judge(leaf, path, revocation, rules.nowMs) })
  if (isRefusal(found)) return found
  return {
    path: [leaf, ...found.path.filter((ca) => !isBareAnchor(ca)).map((ca) => ca.certificate)],
    policies: found.policies,
  }
}

function revocationRules({ crls, revocation, rules }: CheckedRequest): RevocationRules | null {
  return revocation === null ? null : { ...revocation, mode: 'require', timeoutMs: 0, source: revocationFromCrls(crls, rules) }
}

function judge(leaf: ParsedCertificate, path: readonly CaCertificate[], revocation: RevocationRules | null, nowMs: number): Refusal | null {
  if (revocation === null) return null
  const known = judgeRevocation(revocationSubject(leaf), path, revocation, nowMs)
  return isRefusal(known) ? known : null
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
