import type { Headers } from './decision.js'
import type { Inbound } from './inbound.js'
import type { Peer } from './peer.js'
import type { Principal } from './principal.js'
import type { Refusal } from './refusal.js'

/**
 * Failure budget, asked before any cryptography and charged for every refused piece of evidence. Kept for the verified peer where
 * there is one, so that nobody else's failures use it up, and for the address before that.
 */
export interface Admission {
  /**
   * Charges nothing.
   * @param isForwarded the request came from a proxy that was proven. What its clients fail at is not the proxy's own failure. Default `false`.
   */
  admit(inbound: Inbound, peer: Peer | null, isForwarded?: boolean): Refusal | null
  /**
   * Lets a verification begin, once no more are under way than the budget could be charged for: who sends everything at once gets no
   * more of it than who sends one after the other. Given back by calling what it resolves to, after the charge.
   */
  enter(inbound: Inbound, peer: Peer | null, isForwarded?: boolean): Refusal | Promise<Refusal | (() => void)>
  charge(inbound: Inbound, peer: Peer | null, isForwarded?: boolean): void
}

/** Quotas of verified callers. A promise only where a quota is kept outside this process. */
export interface Limiter {
  take(principal: Principal, inbound: Inbound, path: string): Quotas | Promise<Quotas>
  toString(): string
  close(): Promise<void>
}

export interface Quotas {
  readonly refusal: Refusal | null
  /** `RateLimit`, `RateLimit-Policy`, and on a refusal `Retry-After`. */
  readonly headers: Headers
}

/**
 * Where quotas are kept: one theoretical arrival time a key (GCRA). One call is one atomic step over all of its keys: either every
 * key is charged or none is.
 */
export interface QuotaStore {
  take(requests: readonly QuotaRequest[], nowMs: number): readonly QuotaState[] | Promise<readonly QuotaState[]>
}

export interface QuotaRequest {
  readonly key: string
  /** Milliseconds between two requests at the steady rate: window / quota. */
  readonly intervalMs: number
  /** How many may come at once. */
  readonly burst: number
  /** An integer from 0; 0 asks without charging. */
  readonly cost: number
}

export interface QuotaState {
  readonly allowed: boolean
  /** Requests of cost 1 that would pass now. */
  readonly remaining: number
  /** Until this request would pass; 0 if it did; `Infinity` if its cost is above the burst. */
  readonly retryAfterMs: number
  /** Until the whole burst is there again. */
  readonly resetMs: number
}
