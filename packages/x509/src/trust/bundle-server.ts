import { isRefusal } from '@countersign/core'
import { CaCertificate } from '../certificate/ca-certificate.js'
import { readCertificate } from '../certificate/read-certificate.js'
import { createAnchorSet } from '../path/anchor-set.js'
import type { PathRules } from '../path/check-path.js'
import { findPath } from '../path/find-path.js'
import { identify } from '../path/identify.js'

export interface BundleServer {
  readonly spiffeId: string
  /** Of the trust domain of `spiffeId`, as they are now. */
  readonly anchors: readonly CaCertificate[]
  readonly rules: PathRules
}

/**
 * Is the server with these certificates the bundle endpoint: does it have a valid X.509-SVID for exactly its SPIFFE ID?
 * @param chain DER, its own first.
 * @returns A fixed text of why not.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Federation.md#5224-consuming-a-bundle-endpoint
 */
export function verifyBundleServer(chain: readonly Uint8Array[], { spiffeId, anchors, rules }: BundleServer): string | null {
  const [leaf, ...issuers] = chain.map(readCertificate)
  if (leaf === undefined) return 'the endpoint has no certificate'
  if (typeof leaf === 'string') return 'the endpoint has a certificate that cannot be read'
  const names = identify(leaf, ['spiffe'])
  if (isRefusal(names)) return 'the endpoint has a certificate that is no X.509-SVID'
  if (names.identity.value !== spiffeId) return 'the endpoint has the X.509-SVID of somebody else'
  const intermediates = issuers.flatMap((issuer) => (typeof issuer === 'string' ? [] : [new CaCertificate(issuer)]))
  const path = findPath({ leaf, anchors: createAnchorSet(anchors), intermediates, rules, accept: () => null })
  return isRefusal(path) ? `the endpoint's X.509-SVID is refused: ${path.code}` : null
}
