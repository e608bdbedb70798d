import { createHash } from 'node:crypto'
import type { RevocableId, RevocationEntry } from '@countersign/core'
import { type MeshCore, rememberedUntil } from './mesh-core.js'

/** What is to be said of something that is revoked. */
export interface RevocationFacts {
  /** Epoch milliseconds. */
  readonly nowMs: number
  readonly reason: string
  /** When it ends by itself, where that is known. Epoch milliseconds. */
  readonly endMs?: number
  /** Of a service: what it got from this moment on counts. Default: nothing does, whenever it was issued. Epoch milliseconds. */
  readonly issuedBeforeMs?: number
}

/** What is gone for good, or may not come back by itself: longer than anything that was made for it lives. */
export const FOR_GOOD_MS = 10 * 366 * 86_400_000

/** Of what can be revoked: a SPIFFE ID may be as long itself. */
const MAX_ID_LENGTH = 2048

/** An entry of the list of what is revoked. It runs out with the last of what it is about, when nobody would accept that anyway, and not before. */
export function revocationEntry(
  core: Pick<MeshCore, 'longestMs' | 'skewMs' | 'marginMs'>,
  [kind, id]: RevocableId,
  facts: RevocationFacts,
): RevocationEntry {
  const { nowMs, reason, issuedBeforeMs = Number.POSITIVE_INFINITY } = facts
  const untilMs = rememberedUntil(core, endOf(kind, core.longestMs, facts))
  return { kind, id, issuedBeforeMs, untilMs, revokedAtMs: nowMs, reason }
}

function endOf(kind: RevocableId[0], longestMs: number, { nowMs, endMs, issuedBeforeMs }: RevocationFacts): number {
  switch (kind) {
    // What is exchanged for a token ends with it, and what a session hands on with the session. One whose end is not known may have handed on any.
    case 'token':
    case 'session':
      return endMs ?? nowMs + longestMs
    // A token of before may be of a moment that is still to come, and a session that the service has had a part in lives longer than its tokens.
    case 'service':
      return issuedBeforeMs === undefined ? nowMs + FOR_GOOD_MS : Math.max(nowMs, issuedBeforeMs) + longestMs
    // A session that was begun with it, and a token that is bound to it, may live longer than the certificate itself.
    case 'certificate':
      return endMs === undefined ? nowMs + FOR_GOOD_MS : Math.max(endMs, nowMs + longestMs)
    case 'key':
      return nowMs + FOR_GOOD_MS
  }
}

// Three things are revoked by an id that is none. Each has a space in it, and what it stands beside has none: a service is a SPIFFE ID or a DNS
// name, a `jti`, a session and an API key are letters, digits, `-`, `_` and `.`. What stands behind `of` is the whole rest, so that no two share one.

/**
 * What a registration that ended is revoked as, of kind `service`: so it outlives the record of the service, in every process and in a store that
 * has lost what it held.
 */
export function registrationId(service: string, registration: number): RevocableId {
  const id = `registration ${registration} of ${service}`
  const bounded =
    id.length <= MAX_ID_LENGTH ? id : `registration ${registration} of #${createHash('sha256').update(service).digest('base64url')}`
  return ['service', bounded]
}

/**
 * What a period of a session is revoked as, of kind `session`, when the session is locked, or used where it should not be. So what was handed on in
 * it ends in every process, and what is handed on after it counts.
 */
export function periodId({ id, period }: { readonly id: string; readonly period: number }): RevocableId {
  return ['session', `period ${period} of ${id}`]
}

/** What every access token of a family of refresh tokens is revoked with, of kind `token`: one that another process makes just now too. */
export function familyId(family: string): RevocableId {
  return ['token', `family ${family}`]
}
