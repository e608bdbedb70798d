import type { NameMatch, Source, TrustBundle } from '@countersign/core'

/** How client certificates are judged. */
export interface MtlsOptions {
  /**
   * Who may vouch for callers. A string is a PEM file or a folder of them, and vouches for every name; {@link TrustAnchors} vouch for
   * the names of their own trust domain alone. Files are read again when they change. A source that is handed in stays the caller's to close.
   */
  readonly trust: string | TrustAnchors | readonly TrustAnchors[] | Source<TrustBundle>
  /** Which name of the certificate identifies the caller, in this order. Default `['spiffe', 'dns']`; `'cn'` only if named. */
  readonly identifyBy?: readonly IdentityKind[]
  /** Names that a caller may have at all: one of these must match the name that identifies it. Default `null`: any that `trust` vouches for. */
  readonly names?: readonly NameMatch[] | null
  /** SHA-256 of SubjectPublicKeyInfos, base64: at least one must be on the verified path. Name a backup pin too. Default `null`. */
  readonly pins?: readonly [string, string, ...string[]] | null
  /** Default `null`: not checked, and the start-up line says so. */
  readonly revocation?: CertificateRevocationOptions | null
  /** Keys and hashes below are refused. Default `{ rsaBits: 2048, hash: 'sha256' }`. */
  readonly minimum?: { readonly rsaBits?: 2048 | 3072 | 4096; readonly hash?: 'sha256' | 'sha384' }
  /** How far the clocks of issuers and ours may be apart, 0 to 300. Default 30. */
  readonly clockSkewSeconds?: number
  /**
   * Intermediates for callers that do not send theirs, as a PEM file or folder or as PEM: a resumed TLS session has none. They are no
   * anchors. Default: none.
   */
  readonly intermediates?: string | { readonly pem: string } | null
  /** How often files are looked at for changes, 10 to 3,600,000. Default 2,000. */
  readonly reloadIntervalMs?: number
}

export type IdentityKind = 'spiffe' | 'dns' | 'uri' | 'email' | 'cn'

/** Anchors belong to one trust domain and vouch for no other. `trustDomain: null`: plain PKI without SPIFFE IDs. */
export type TrustAnchors = { readonly trustDomain: string | null } & (
  | TrustAnchorFile
  | { readonly pem: string }
  | WebBundleEndpoint
  | SpiffeBundleEndpoint
)

export interface TrustAnchorFile {
  /** PEM or DER, or a folder of such files; or a SPIFFE bundle in JSON, which needs a `trustDomain`. Read again when it changes. */
  readonly file: string
}

/**
 * Where the bundle of a trust domain is fetched, again and again. None of this is inferred: not the trust domain from the URL, nor the profile.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Federation.md
 */
export interface BundleEndpointOptions {
  /** `https`, without user name and password. */
  readonly url: string
  /** How often it is fetched, 1 to 86,400. Default: as the bundle says (5 to 86,400), or every 300. */
  readonly refreshSeconds?: number
  /** For one fetch as a whole. Default 5,000, at most 60,000. */
  readonly timeoutMs?: number
  /** Up to three, to `https` only, and forgotten after each fetch. Default `true`. */
  readonly followRedirects?: boolean
  /**
   * The endpoint cannot be asked. `{ staleSeconds }` goes on with the last bundle for so long after it should have been refreshed, then the
   * domain has no anchors; `'refuse'` does not go on at all. Default `{ staleSeconds: 86_400 }`, at most 30 days.
   */
  readonly whenUnavailable?: 'refuse' | { readonly staleSeconds: number }
}

/** A bundle endpoint that the Web PKI authenticates: the guard's `runtime.fetch` does. */
export interface WebBundleEndpoint extends BundleEndpointOptions {
  readonly profile: 'https_web'
}

/** A bundle endpoint that an X.509-SVID authenticates. */
export interface SpiffeBundleEndpoint extends BundleEndpointOptions {
  readonly profile: 'https_spiffe'
  /** SPIFFE ID of the endpoint: in the same trust domain, or in another. */
  readonly endpointSpiffeId: string
  /**
   * A file with the bundle of the endpoint's trust domain, JSON or PEM. If that is `trustDomain` itself, it is required, counts for the first
   * connection, and vouches for no caller before the first fetch. Otherwise the default is that domain's own entry in `trust`.
   */
  readonly bundle?: string
}

export interface CertificateRevocationOptions {
  /** CRLs in PEM or DER, read again when they change; or a source whose `get('')` gives all of them in DER. */
  readonly crl: { readonly files: readonly string[] } | Source<readonly Uint8Array[]>
  /** `'chain'` asks for the leaf and every intermediate, and needs a CRL of each CA. Default `'chain'`. */
  readonly scope?: 'leaf' | 'chain'
  /** No fresh CRL of an issuer. `{ staleSeconds }` goes on with an older one for so long. Default `'refuse'` (503). */
  readonly whenUnavailable?: 'refuse' | { readonly staleSeconds: number } | 'dangerously-allow'
}
