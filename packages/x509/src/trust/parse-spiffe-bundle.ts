import { MisuseError, parseTrustDomain } from '@countersign/core'
import type { BundleJwk } from './bundle-key.js'
import { MAX_BUNDLE_BYTES, type ReadBundle, readBundle, readDocument } from './read-bundle.js'

/** The keys that a trust domain vouches for its SVIDs with. Frozen. */
export interface SpiffeBundle {
  readonly trustDomain: string
  /** DER certificates. Empty: the domain has no valid X.509-SVID. */
  readonly x509Authorities: readonly Uint8Array[]
  /** Keys of JWT-SVIDs by their `kid`. */
  readonly jwtAuthorities: ReadonlyMap<string, BundleJwk>
  /** Keys of WIT-SVIDs (incubating) by their `kid`. */
  readonly witAuthorities: ReadonlyMap<string, BundleJwk>
  /** `spiffe_sequence`: the greater of two is the newer bundle. */
  readonly sequence: bigint | null
  readonly refreshHintSeconds: number | null
}

/**
 * Reads a SPIFFE bundle, strictly. Entries of an unknown `kty` or `use`, without `use`, and X.509 entries without `x5c` are passed over;
 * private keys are never kept.
 *
 * @param trustDomain Whose bundle it is, such as `prod.example`: a bundle does not say so itself.
 * @throws {MisuseError} `ERR_TRUST_UNREADABLE`; `ERR_OPTION_INVALID` for what is no trust domain.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Trust_Domain_and_Bundle.md#4-spiffe-bundle-format
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs'
 * import { parseSpiffeBundle } from '@countersign/x509'
 *
 * const bundle = parseSpiffeBundle(readFileSync('partner.json'), 'partner.example')
 * bundle.x509Authorities.length // 2
 * ```
 */
export function parseSpiffeBundle(json: string | Uint8Array, trustDomain: string): SpiffeBundle {
  if (!isTrustDomain(trustDomain))
    throw new MisuseError('ERR_OPTION_INVALID', 'trustDomain', 'takes a trust domain without spiffe://, such as prod.example')
  const document = readDocument(json, MAX_BUNDLE_BYTES)
  const bundle = typeof document === 'string' ? document : readBundle(document)
  if (typeof bundle === 'string') throw new MisuseError('ERR_TRUST_UNREADABLE', '', `the SPIFFE bundle holds ${bundle}`)
  return spiffeBundleFrom(bundle, trustDomain)
}

export function isTrustDomain(text: unknown): text is string {
  return typeof text === 'string' && parseTrustDomain(text)?.name === text
}

export function spiffeBundleFrom({ authorities, tokenKeys, sequence, refreshHintSeconds }: ReadBundle, trustDomain: string): SpiffeBundle {
  const keysFor = (use: BundleJwk['use']) => new Map(tokenKeys.filter((key) => key.use === use).map((key) => [key.kid, key]))
  return Object.freeze({
    trustDomain,
    x509Authorities: Object.freeze(authorities.map((authority) => authority.certificate.der)),
    jwtAuthorities: keysFor('jwt-svid'),
    witAuthorities: keysFor('wit-svid'),
    sequence,
    refreshHintSeconds,
  })
}
