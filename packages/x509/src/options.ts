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
export type TrustAnchors = { readonly trustDomain: string | null } & ({ readonly file: string } | { readonly pem: string })

export interface CertificateRevocationOptions {
  /** CRLs in PEM or DER, read again when they change; or a source whose `get('')` gives all of them in DER. */
  readonly crl: { readonly files: readonly string[] } | Source<readonly Uint8Array[]>
  /** `'chain'` asks for the leaf and every intermediate, and needs a CRL of each CA. Default `'chain'`. */
  readonly scope?: 'leaf' | 'chain'
  /** No fresh CRL of an issuer. `{ staleSeconds }` goes on with an older one for so long. Default `'refuse'` (503). */
  readonly whenUnavailable?: 'refuse' | { readonly staleSeconds: number } | 'dangerously-allow'
}
