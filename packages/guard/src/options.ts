import type { AuditOptions } from '@countersign/audit'
import type {
  ApiKeyVerifier,
  EvidenceKind,
  Limiter,
  Meter,
  PeerVerifier,
  Recorder,
  Runtime,
  SessionVerifier,
  TokenVerifier,
} from '@countersign/core'
import type { LimitOptions } from '@countersign/limit'
import type { AuthorizeOption } from '@countersign/policy'
import type { ApiKeyOptions, TokenIssuer } from '@countersign/token'
import type { ForwardedOptions, MtlsOptions } from '@countersign/x509'

/**
 * Everything a guard enforces, as plain data. Three keys are required, because leaving one out would let more callers in:
 * `mtls`, `jwt` and `authorize`. Every other key may be left out; its default lets *fewer* callers in.
 * Unknown keys are refused; the object is read once and never changed.
 */
export interface GuardOptions {
  /** Client certificates, from the TLS connection or by `forwarded`. `null`: no certificate is looked at. */
  readonly mtls: MtlsOptions | PeerVerifier | null
  /** Bearer JWTs, one entry an issuer. `null`: a presented token is not looked at and proves nothing. */
  readonly jwt: TokenIssuer | readonly TokenIssuer[] | TokenVerifier | null
  /** API keys, in `Authorization: ApiKey …` or a field of their own. Default `null`: a presented key is not looked at and proves nothing. */
  readonly apiKeys?: ApiKeyOptions | ApiKeyVerifier | null
  /**
   * Who may do what. A list denies whatever no entry allows; an entry that is a string is a caller allowed everything.
   * `'any-authenticated'` lets every proven caller do everything, `'anyone'` an anonymous one too; the start-up line says so.
   */
  readonly authorize: AuthorizeOption

  /**
   * Which evidence a request must bring. Evidence that is presented and bad is final under every setting.
   * Default `'all'`: one of each kind configured here.
   */
  readonly require?: Requirement
  /** Exact exceptions, such as a health check. Default: none. */
  readonly routes?: readonly RouteOptions[]
  /**
   * `'as-server-name'` answers 421 where the request names another host than the TLS handshake did (SNI), so that a connection
   * judged for one service is not used for another (RFC 9110 §7.4). IP literals are not compared. Default `'as-server-name'`.
   */
  readonly authority?: 'as-server-name' | 'any'

  /**
   * Proxies whose word counts for who the client is: a field that a proxy writes its client's certificate into is believed of these alone.
   * Default `null`: such fields are ignored, and removed before a handler sees them.
   */
  readonly forwarded?: ForwardedOptions | readonly ForwardedOptions[] | null

  /**
   * Accepts sessions that other services hand on, such as `mesh.sessionVerifier({ service })`: `principal.session`. Asked last, of requests
   * that everything else allows, since what hands a session on counts once; one that is presented and bad refuses the request. Default
   * `null`: what hands a session on is ignored, and removed before a handler sees it.
   */
  readonly session?: SessionVerifier | null

  /** Request quotas. Default: 100/s with burst 200 for each caller, 20 failed attempts/min. `null`: neither. */
  readonly limit?: LimitOptions | Limiter | null
  /** What is written down. Default: pino to stdout, denials, first sight of a peer, reloads. `null`: nothing. */
  readonly audit?: AuditOptions | Recorder | null
  /** Where figures go: decisions, refusals by code, latencies. Default `null`: nowhere. */
  readonly meter?: Meter | null

  /**
   * Makes the principal known to all code that a request runs, by `guard.currentPrincipal()`. Default `false`: Node 20 and 22 take 2 to
   * 5 µs a request for it, Node 24 and later next to nothing.
   */
  readonly asyncContext?: boolean
  /** Sends the facts of a refusal (which date, which claim) to the caller. Default `false`: code and fixed text. */
  readonly exposeDetails?: boolean
  /** Closes the connection after a denial. Default `false`. */
  readonly closeOnDenial?: boolean
  /** Prefix of the RFC 9457 `type` URI; the code follows it. Default: the page of the code in these docs. */
  readonly problemTypeBase?: string

  /** Test seams: time and network. Default: the real ones. */
  readonly runtime?: Partial<Runtime>
}

/**
 * `'all'`: every kind configured · `'any'`: at least one · `'optional'`: none is fine, the principal is then anonymous ·
 * a list of lists: one of the inner lists, whole (`[['mtls', 'jwt'], ['mtls']]`).
 */
export type Requirement = 'all' | 'any' | 'optional' | readonly (readonly [EvidenceKind, ...EvidenceKind[]])[]

export interface RouteOptions {
  /**
   * Exact path, compared as it was sent, before any decoding: `/health` is not `/health/`, `/Health` or `/%68ealth`.
   * `{ under }` is taken only where the route demands more than the guard does, or opts in to encoded slashes.
   */
  readonly path: string | { readonly under: string }
  /** Default: every method. */
  readonly methods?: string | readonly string[]
  /** As in the guard's options; `'none'`: evidence is not read, rules are not asked, the principal is anonymous. Default: the guard's. */
  readonly require?: Requirement | 'none'
  /** Lets `%2F` stand in the path: rules see it as it was sent, as no separator. Default `false`. */
  readonly encodedSlashes?: boolean
}
