import type { Refusal } from '@countersign/core'

/** What a proxy handed on. Nothing in it is verified by us. */
export type ForwardedEvidence = ForwardedCertificateEvidence | ForwardedIdentityEvidence

/** A certificate, DER, each well-formed. `intermediates` in the order that the proxy gave them, without the leaf. */
export interface ForwardedCertificateEvidence {
  readonly kind: 'certificate'
  readonly leaf: Uint8Array
  readonly intermediates: readonly Uint8Array[]
  readonly provenance: 'proxy-verified' | 'proxy-passed-through'
}

/** A name alone: there is no certificate to judge. */
export interface ForwardedIdentityEvidence {
  readonly kind: 'identity'
  /** A SPIFFE ID, or the DNS-like identity of Linkerd. */
  readonly name: string
  /** SHA-256 of the certificate's DER as the proxy gives it, lowercase hexadecimal; `null` where it gives none. */
  readonly fingerprint256: string | null
  readonly provenance: 'proxy-asserted'
}

/** What reading came to. `null`: the proxy says that the client has no certificate. */
export type ForwardedResult = ForwardedEvidence | Refusal | null

/** Field values by role; `null` where the field is absent. Several lines of a list field are joined with `, ` (RFC 9110 §5.3). */
export type ForwardedFields = Readonly<Record<string, string | null>>

export type ForwardedFormatName =
  | 'envoy-xfcc'
  | 'envoy-xfcc-json'
  | 'istio'
  | 'linkerd'
  | 'nginx'
  | 'ingress-nginx'
  | 'apache'
  | 'haproxy'
  | 'traefik'
  | 'caddy'
  | 'aws-alb-verify'
  | 'aws-alb-passthrough'
  | 'cloudfront'
  | 'api-gateway'
  | 'gcp'
  | 'azure-app-service'
  | 'azure-app-gateway'
  | 'cloudflare'
  | 'cloudflare-rfc9440'
  | 'rfc9440'

/** How one proxy hands a client's certificate on. */
export interface ForwardedFormat {
  readonly name: ForwardedFormatName
  /** Role to default field name, lowercase. Those that an operator names can be renamed by the options. */
  readonly fields: Readonly<Record<string, string>>
  /** Roles whose field may stand on several lines. */
  readonly lists: readonly string[]
  /**
   * What a certificate in this format stands for; a format that can give a name without a certificate marks that evidence `proxy-asserted`
   * by itself. `proxy-verified` only where a field says so, or where the proxy has a mode that writes the field for verified certificates alone.
   */
  readonly provenance: 'proxy-verified' | 'proxy-passed-through' | 'proxy-asserted'
  /** Where the knowledge of the format is from: `captured` from the real proxy, `source` of its code or the standard's text, or `unverified`. */
  readonly basis: 'captured' | 'source' | 'unverified'
  /** Pure; never throws. `null`: the proxy says that the client has no certificate. */
  parse(fields: ForwardedFields, hops: number): ForwardedResult
}
