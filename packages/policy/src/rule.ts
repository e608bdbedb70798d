import type { Match, NameMatch } from '@countersign/core'

/**
 * Allows when every named part matches. A part left out matches everything, and a rule that names no part is refused.
 *
 * A rule without `callers` matches every *authenticated* caller. Allowing rules compare exactly and case-sensitively. Denying rules win,
 * match an anonymous caller too where they name no callers, and compare paths as a lenient router would (letter case, percent-encoding,
 * trailing slash).
 */
export interface Rule {
  readonly callers?: CallerMatch | readonly CallerMatch[]
  /** Upper case. Default: every method. In a denying rule `GET` covers `HEAD`, which routers answer with the same handler. */
  readonly methods?: string | readonly string[]
  /** Exact paths, or everything below one: `{ under: '/invoices' }` is `/invoices/7`, not `/invoices`. Default: every path. */
  readonly paths?: Match | readonly Match[]
  /**
   * Scopes that the caller must hold, every one of them: by its token, or by its API key, which counts where no token speaks for somebody
   * else.
   */
  readonly scopes?: readonly string[]
  /** Claims of the token: each must be, or as a list hold, one of the given texts. */
  readonly claims?: Readonly<Record<string, string | readonly string[]>>
  /** Wins over every allowing rule. */
  readonly deny?: true
}

/**
 * Who is calling. A string that begins with `spiffe://` matches a SPIFFE ID, any other string a name that a certificate proves: both
 * exactly, but for the letter case of DNS names (RFC 4343). The subject of a token belongs to its issuer, so it is matched with it; so does
 * the owner of an API key that is no SPIFFE ID, to `apiKeys.issuer`. Nobody
 * else's wildcard matches the anonymous caller.
 */
export type CallerMatch = NameMatch | { readonly issuer: string; readonly subject: string } | { readonly anonymous: true }
