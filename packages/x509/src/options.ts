import type { NameMatch, RevocationList, Source, TrustBundle } from '@countersign/core'
import type { DenyListOptions } from './deny-list.js'

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
  /**
   * Refuses certificates by their `x5t#S256`, and services by their name, whatever a CA says: such as `mesh.revocations`. Asked on every
   * request, also about certificates that a proxy hands on and names that it asserts. Of services, entries that revoke only what was issued
   * before some moment do not count: they are about tokens. Default `null`: nobody is refused so.
   */
  readonly denyList?: RevocationList | DenyListOptions | null
  /** Keys and hashes below are refused. Default `{ rsaBits: 2048, hash: 'sha256' }`. */
  readonly minimum?: { readonly rsaBits?: 2048 | 3072 | 4096; readonly hash?: 'sha256' | 'sha384' }
  /** How far the clocks of issuers and ours may be apart, 0 to 300. Default 30. */
  readonly clockSkewSeconds?: number
  /**
   * Intermediates for callers that do not send theirs, as a PEM file or folder or as PEM: a resumed TLS session has none. They are no
   * anchors. Also certificates of other keys that sign CRLs. Default: none.
   */
  readonly intermediates?: string | { readonly pem: string } | null
  /** How often files are looked at for changes, 10 to 3,600,000. Default 2,000. */
  readonly reloadIntervalMs?: number
}

/** Kinds of names in a certificate: four of its subjectAltName, and the common name of its subject. */
export type IdentityKind = 'spiffe' | 'dns' | 'uri' | 'email' | 'cn'

/**
 * Anchors belong to one trust domain and vouch for no other. `trustDomain: null`: plain PKI without SPIFFE IDs. `revocation` takes the
 * place of {@link MtlsOptions.revocation} for callers whose path ends here; `null` or `{ mode: 'off' }` checks nothing for them.
 */
export type TrustAnchors = {
  readonly trustDomain: string | null
  readonly revocation?: CertificateRevocationOptions | null
} & (TrustAnchorFile | { readonly pem: string } | WebBundleEndpoint | SpiffeBundleEndpoint)

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

/**
 * How it is known that a certificate was not revoked. An answer that a CRL or OCSP gives counts alone, and what either says is revoked is
 * refused. CRLs are asked first; OCSP is asked about what no CRL has a current answer for.
 */
export interface CertificateRevocationOptions {
  /**
   * `'require'`: every certificate in scope must be known good. `'prefer'`: one that nobody could know of (no CRL of its issuer, no place
   * to ask) passes. `'off'`: not checked, for one bundle among others. Default `'require'`.
   */
  readonly mode?: 'off' | 'prefer' | 'require'
  /** Lists. Needed unless `ocsp` is there. */
  readonly crl?: CrlOptions | Source<readonly Uint8Array[]> | null
  /** Default `null`: nobody is asked. */
  readonly ocsp?: OcspOptions | null
  /** `'chain'` asks for the leaf and every intermediate, and needs an answer for each. Default `'chain'`. */
  readonly scope?: 'leaf' | 'chain'
  /**
   * There is no current answer, and somebody should have one. `{ staleSeconds }` goes on with an older one for so long.
   * `'dangerously-allow'` lets through whoever is not known to be revoked. Default `'refuse'` (503).
   */
  readonly whenUnavailable?: 'refuse' | { readonly staleSeconds: number } | 'dangerously-allow'
  /** How long a new connection may wait for an answer about a certificate that has none. Nothing else waits. 10 to 10,000. Default 1,500. */
  readonly timeoutMs?: number
}

/**
 * Where CRLs come from. `files`: PEM or DER, read again when they change. `urls`: fetched at the start and again in the background.
 * `distributionPoints`: fetched from where certificates with a verified path point to, if the host is listed, such as `crl.example` or
 * `crl.example:8080`. A source that is handed in gives all of its CRLs in DER for `get('')`.
 */
export type CrlOptions =
  | { readonly files: readonly string[] }
  /** `refreshSeconds`: they are fetched again at least this often, 1 to 86,400. Default 3,600. */
  | { readonly urls: readonly string[]; readonly refreshSeconds?: number }
  | { readonly distributionPoints: { readonly hosts: readonly string[] }; readonly refreshSeconds?: number }

/** Who is asked by OCSP: one responder for everything, or those that certificates with a verified path name, if the host is listed. */
export type OcspOptions = ({ readonly url: string } | { readonly hosts: readonly string[] }) & {
  /**
   * A random nonce goes with the question. `'if-answered'` takes an answer without one, which many responders give: how old it can be is
   * bounded by its nextUpdate. `'require'` does not. `'none'` sends none. Default `'if-answered'`.
   */
  readonly nonce?: 'require' | 'if-answered' | 'none'
  /** Names the certificate in the question; not what the answer is trusted for. Default `'sha1'`, which every responder knows. */
  readonly hash?: 'sha1' | 'sha256'
  /** How long an answer without nextUpdate counts, 1 to 604,800. Default 300. */
  readonly maxAgeSeconds?: number
}
