import type {
  ApiKey,
  CertifiedPeer,
  Decision,
  Denial,
  Grant,
  Inbound,
  Meter,
  Peer,
  Principal,
  SecurityEvent,
  Token,
} from '@countersign/core'
import type { GuardOptions, Requirement } from './options.js'

/** Decides every request of a service. Made by {@link createGuard}, carried out by an adapter. */
export interface Guard<P extends Principal = Principal> {
  /** Answers one request. Only a miss (a certificate, token or key not seen before) makes it a promise. Never throws or rejects. */
  decide(inbound: Inbound): Decision<P> | Promise<Decision<P>>
  /** Is it still true? For what outlives its request: streams, WebSockets, tunnels. Never waits. */
  judge(grant: Grant<P>): Denial | null
  /**
   * A signal that aborts when the grant stops being true, at most a second later; its reason is the {@link Denial}. Ends with
   * {@link Guard.end}.
   */
  watch(grant: Grant<P>): AbortSignal
  /** What the grant was for is over: it is watched no longer. */
  end(grant: Grant<P>): void

  /** Remembers the grant on the request, for {@link Guard.principal}. For adapters. */
  attach(request: object, grant: Grant<P>): void
  /** The grant that {@link Guard.attach} left on the request. For adapters, which never decide one request twice. */
  attached(request: object): Grant<P> | undefined
  /** Calls `next`; with `asyncContext`, so that {@link Guard.currentPrincipal} answers in it and in all that follows. For adapters. */
  run<T>(grant: Grant<P>, next: () => T): T
  /**
   * Who sent this request: a Node, Express or Fastify request or a Koa context.
   * @throws {MisuseError} `ERR_NOT_GUARDED` if this guard did not let it through, or let it through unauthenticated.
   */
  principal(request: object): P
  /**
   * Who sent the request that this code runs for (AsyncLocalStorage); `null` outside of one. Never decide on its absence.
   * @throws {MisuseError} `ERR_OPTION_MISSING` if the guard was made without `asyncContext: true`.
   */
  currentPrincipal(): P | null
  /** {@link Guard.currentPrincipal} can be asked. */
  readonly asyncContext: boolean

  /** What a TLS server must ask for; `null` where no certificate is looked at. */
  readonly certificateRequest: CertificateRequest | null
  readonly closeOnDenial: boolean
  /** Writes a security event down, where the audit options want it. For adapters and servers. */
  report(event: SecurityEvent): void
  /** Where figures go; `null`: nowhere. For servers, which add the lifetime of their own certificate. */
  readonly meter: Meter | null
  /** The time as this guard sees it. Epoch milliseconds. */
  nowMs(): number

  /** Trust anchors, CRLs and keys are loaded. Requests before that wait for what they need. */
  ready(): Promise<void>
  /** One line of what is enforced, for the log at start. */
  toString(): string
  /** Stops watching files and endpoints. Requests after it are refused. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface CertificateRequest {
  /** CA certificates in PEM, as they are now: the names a client picks its certificate by. */
  trustAnchors(): readonly string[]
}

/** Knows from the options which evidence is always there, so that handlers need no null check. */
export type Proven<M, J, R, F = null, K = null> = [R] extends ['all']
  ? Principal &
      ([null] extends [M] ? unknown : { readonly peer: true extends Asserts<F> ? Peer : CertifiedPeer }) &
      ([null] extends [J] ? unknown : { readonly token: Token }) &
      ([null] extends [K] ? unknown : { readonly apiKey: ApiKey })
  : Principal

/** A proxy that may name callers without a certificate lists them. */
type Asserts<F> = F extends readonly (infer One)[] ? Asserts<One> : F extends { readonly subjects: object } ? true : false

/** The options of {@link createGuard}, with the kinds of evidence known to the type system. */
export type TypedGuardOptions<
  M extends GuardOptions['mtls'],
  J extends GuardOptions['jwt'],
  R extends Requirement,
  F extends GuardOptions['forwarded'],
  K extends GuardOptions['apiKeys'] = null,
> = GuardOptions & {
  readonly forwarded?: F
  readonly mtls: M
  readonly jwt: J
  readonly apiKeys?: K
  readonly require?: R
}
