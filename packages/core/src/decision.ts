import type { Code, Status } from './catalogue.js'
import type { Inbound } from './inbound.js'
import type { Principal } from './principal.js'

export type Decision<P extends Principal = Principal> = Grant<P> | Denial

/** Leave to go on, for as long as it stays true: `guard.judge(grant)` tells. */
export interface Grant<P extends Principal = Principal> {
  readonly allowed: true
  readonly principal: P
  readonly inbound: Inbound
  /** For the response: the RateLimit fields, and a new nonce where one is due. */
  readonly headers: Headers
  /**
   * Names of request fields, as they came, that only a trusted proxy may send and that none did: they were ignored, and whoever hands the
   * request on removes them.
   */
  readonly ignoredFields: readonly string[]
}

/** What is sent. Never holds a token, a key or a caller's text. */
export interface Denial {
  readonly allowed: false
  /** The public code, the one in `problem`. The log has the precise one. */
  readonly code: Code
  readonly status: Status
  readonly headers: Headers
  readonly problem: Problem
  /** `problem` as JSON. */
  readonly body: string
}

export type Headers = Readonly<Record<string, string>>

/** RFC 9457. `code` and `violated-policies` are extension members. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: Status
  readonly code: Code
  readonly detail?: string
  /** Names of the quota policies that are used up (draft-ietf-httpapi-ratelimit-headers §5). */
  readonly 'violated-policies'?: readonly string[]
}
