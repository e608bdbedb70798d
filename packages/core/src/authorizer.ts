import type { Inbound } from './inbound.js'
import type { Principal } from './principal.js'
import type { Refusal } from './refusal.js'

/** May this principal do this? Decides on the canonical path, never on what a router mounted. */
export interface Authorizer {
  authorize(principal: Principal, inbound: Inbound, path: string): Refusal | null
  toString(): string
}
