import type { NameMatch } from '@countersign/core'
import type { MtlsOptions } from '../options.js'
import type { ForwardedFormatName } from './format.js'

/** A proxy in front of this service that hands the client's certificate on in a header field. */
export interface ForwardedOptions {
  /** How the proxy writes it. */
  readonly format: ForwardedFormatName
  /** Who is believed: a field from anybody else is ignored, removed and written down. */
  readonly from: ForwardedFrom
  /** Names of the format's fields by their role, where the operator of the proxy chose others than the default. */
  readonly fields?: Readonly<Record<string, string>>
  /**
   * How many proxies on the way append an element of their own to `x-forwarded-client-cert`, and to the field of the client's address: the
   * element so far from the right is read, and with fewer the request is refused. 1 to 10, default 1.
   */
  readonly hops?: number
  /**
   * Whom the proxy may name without handing a certificate on. Required by formats that assert an identity alone; elsewhere such
   * an assertion is refused unless this is here. Default: nobody.
   */
  readonly subjects?: readonly SubjectMatch[]
  /** Who may vouch for forwarded certificates. Default: `mtls.trust`. */
  readonly trust?: MtlsOptions['trust']
  /** The field that holds the client's address, counted for its limits and written down. Default `null`: the proxy's own. */
  readonly clientAddress?: 'x-forwarded-for' | 'forwarded' | null
}

/**
 * The other end of the connection. `peer`: its own client certificate, one of these SPIFFE IDs or DNS names. `unixSocket`: whoever may connect to the Unix
 * socket, which the rights on its path must limit. `dangerouslyAddress`: an address proves nothing where others can use it or route to it.
 */
export type ForwardedFrom =
  | { readonly peer: NameMatch | readonly NameMatch[] }
  | { readonly unixSocket: true }
  | { readonly dangerouslyAddress: string | readonly string[] }

/** A name of a workload, or with `dnsUnder` any DNS name below one. */
export type SubjectMatch = NameMatch | { readonly dnsUnder: string }
