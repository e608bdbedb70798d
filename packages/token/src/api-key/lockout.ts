import { type Recorder, type Refusal, refuse } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import { createFailureTable } from './failure-table.js'
import type { LockRules } from './lock-options.js'

/**
 * Stops guessing, so that it does not stop whom is guessed at. An attempt has a *source*, the verified peer or else the client's address
 * (IPv6 by its /64), and is made on a *key*, by its id, whether or not there is such a key. With the default of five failures in 300 seconds,
 * for 30 minutes:
 *
 * - five on one key from one source lock the **pair**: other keys from there and other sources of the key are not touched;
 * - five keys from one source lock the **source**: it tries ids rather than secrets;
 * - five sources on one key put the **key** under guard: whoever fails on it has one attempt and not five. A source that has not failed still
 *   has its first one, so the rightful owner gets in from a new address in the middle of the attack.
 *
 * A pair that has succeeded before is never asked: whoever shares the address with an attacker goes on. Its wrong attempts are counted all
 * the same, and answered as locked. So nobody can lock out who calls from elsewhere, who has called from there before, or who proves itself by a
 * certificate: a peer is a source of its own, and evidence other than keys is never asked about here.
 *
 * Bounded in memory: what still counts is never evicted. Where the table is full, new sources share coarse counts by their wider prefix, and a
 * flood from everywhere locks newcomers rather than letting them in uncounted. Each process counts for itself.
 */
export interface Lockout {
  /** Has this source used this key before? */
  isKnown(keyId: string, source: string): boolean
  /** `null`: an attempt may be made. Otherwise `ERR_API_KEY_LOCKED`, with when. */
  check(keyId: string, source: string, nowMs: number): Refusal | null
  /** @param exists there is such a key: the id of one that does not exist is text of the caller's, and is not written down. */
  failed(keyId: string, source: string, exists: boolean, nowMs: number): void
  succeeded(keyId: string, source: string): void
}

/** Pairs that have succeeded: some 15 MB. An evicted one is a newcomer again. */
const MAX_KNOWN = 100_000
const COARSE_TALLIES = 1024

const MESSAGES = {
  pair: 'Too many failed attempts on an API key from one source: locked',
  source: 'Too many failed attempts on several API keys from one source: locked',
  key: 'Failed attempts on an API key from many sources: each newcomer has one attempt',
  everywhere: 'Too many sources of failed attempts on API keys to be counted one by one: newcomers of one range are locked',
}

/** @param rules `null`: nothing is ever locked. */
export function createLockout(rules: LockRules | null, recorder: Recorder): Lockout {
  if (rules === null) return { isKnown: () => false, check: () => null, failed() {}, succeeded() {} }
  const { failures, windowMs, lockMs } = rules
  const table = createFailureTable(rules)
  const coarse = createFailureTable({ ...rules, maxEntries: 2 * COARSE_TALLIES })
  const known = new LRUCache<string, true>({ max: MAX_KNOWN })

  function lockEndMs(keyId: string, source: string, nowMs: number): number {
    const pair = pairOf(keyId, source)
    const guardEndMs = table.lockedUntilMs(guardOf(keyId), nowMs)
    return Math.max(
      table.lockedUntilMs(pair, nowMs),
      table.lockedUntilMs(source, nowMs),
      guardEndMs > 0 && table.hasFailed(pair, nowMs) ? guardEndMs : 0,
      coarse.size === 0 ? 0 : coarse.lockedUntilMs(rangeOf(source), nowMs),
    )
  }

  function tell(scope: keyof typeof MESSAGES, keyId: string | null, source: string): void {
    if (!recorder.wants('api-key.locked')) return
    recorder.record({
      kind: 'api-key.locked',
      severity: 'warn',
      code: 'ERR_API_KEY_LOCKED',
      message: MESSAGES[scope],
      facts: { scope, keyId, source, failures, windowSeconds: windowMs / 1000, lockSeconds: lockMs / 1000 },
    })
  }

  return {
    isKnown: (keyId, source) => known.has(pairOf(keyId, source)),
    check(keyId, source, nowMs) {
      const endMs = lockEndMs(keyId, source, nowMs)
      return endMs === 0 ? null : refuse('ERR_API_KEY_LOCKED', { retryAfterSeconds: Math.max(1, Math.ceil((endMs - nowMs) / 1000)) })
    },
    failed(keyId, source, exists, nowMs) {
      const shownId = exists ? keyId : null
      const pair = table.fail(pairOf(keyId, source), null, nowMs)
      if (pair === 'locked') tell('pair', shownId, source)
      const all = table.fail(source, keyId, nowMs)
      if (all === 'locked') tell('source', null, source)
      const guard = table.fail(guardOf(keyId), source, nowMs)
      if (guard === 'locked') tell('key', shownId, source)
      if (pair !== 'full' && all !== 'full') return
      if (coarse.fail(rangeOf(source), null, nowMs) === 'locked') tell('everywhere', null, source)
    },
    succeeded(keyId, source) {
      known.set(pairOf(keyId, source), true)
    },
  }
}

// Ids have no space in them, and so no two pairs are written alike.
function pairOf(keyId: string, source: string): string {
  return `${keyId} ${source}`
}

function guardOf(keyId: string): string {
  return `${keyId} *`
}

/** Peers are written by the kind of their name, which no address begins with: none of these is a group of hexadecimal digits. */
const PEER = /^(?:spiffe|dns|uri|email|cn|subject):/

/**
 * Where a source belongs to, coarsely: an IPv4 /16, an IPv6 /32, a peer's whole name; one of a fixed number. Peers have counts of their own,
 * so that no flood of addresses locks out who proves itself by a certificate, nor one peer all others.
 */
function rangeOf(source: string): string {
  const isPeer = PEER.test(source)
  const range = isPeer ? source : source.split(/[.:]/, 2).join('.')
  let hash = 0x811c9dc5
  for (let index = 0; index < range.length; index++) hash = Math.imul(hash ^ range.charCodeAt(index), 0x01000193)
  return `${isPeer ? 'peer' : 'address'} ${(hash >>> 0) % COARSE_TALLIES}`
}
