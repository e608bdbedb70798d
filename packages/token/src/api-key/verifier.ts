import { randomBytes, timingSafeEqual } from 'node:crypto'
import {
  type ApiKey,
  type ApiKeyVerifier,
  type Finding,
  type Inbound,
  isRefusal,
  type Peer,
  type Refusal,
  refuse,
  type Surroundings,
} from '@countersign/core'
import { LRUCache } from 'lru-cache'
import { elapsed } from '../elapsed.js'
import { sourceOf } from '../source-of.js'
import { createExpiryNotice } from './expiry-notice.js'
import { checkKeyBinding } from './key-binding.js'
import { createKeyEntry, judgeKeyEntry, type KeyEntry } from './key-entry.js'
import { createKeyHash, HASH_BYTES, type MakeKeyHash } from './key-hash.js'
import type { Found } from './key-records.js'
import { idIn, MAX_KEY_LENGTH, readKeyText } from './key-text.js'
import { createLockout } from './lockout.js'
import { type ApiKeyOptions, checkApiKeyOptions } from './options.js'
import { credentialsIn, presentedKey } from './presented-key.js'
import { createKeyRecords } from './records.js'

/** Keys that were verified, by their id; some 10 MB. Only those: a guess never takes a place here. */
const MAX_ENTRIES = 10_000

const MALFORMED = Object.freeze(refuse('ERR_API_KEY_MALFORMED'))
const UNKNOWN = Object.freeze(refuse('ERR_API_KEY_UNKNOWN'))
const INVALID = Object.freeze(refuse('ERR_API_KEY_INVALID'))
const UNAVAILABLE = Object.freeze(refuse('ERR_API_KEYS_UNAVAILABLE', Object.freeze({ reason: 'the directory does not answer' })))

/** A key that was found good on a connection, from one source: the next request that brings it from there needs no other look. */
interface LastKey {
  readonly entry: KeyEntry
  readonly peer: Peer | null
  readonly clientAddress: string | null
}

/**
 * Verifies API keys. A key is verified once and judged on every request: what its record says, its end, whether it or its owner was revoked.
 * For an id that does not exist the same is done as for a wrong secret, and the same is answered.
 *
 * @param makeHash for tests, which count what is hashed.
 * @throws {MisuseError} for a wrong option, a weak `hashKey`, or a file that cannot be used.
 * @example
 * const verifier = createApiKeyVerifier(
 *   { keys: { file: 'api-keys.json' }, hashKey: { file: 'api-key-pepper.bin' }, owners: [{ trustDomain: 'prod.example' }] },
 *   surroundings,
 * )
 */
export function createApiKeyVerifier(
  options: ApiKeyOptions,
  surroundings: Surroundings,
  makeHash: MakeKeyHash = createKeyHash,
): ApiKeyVerifier {
  const rules = checkApiKeyOptions('apiKeys', options)
  const { clock, recorder } = surroundings
  const hash = makeHash(rules.hashKey)
  // What the hash of a key that does not exist is compared with: nobody's.
  const nobodys = randomBytes(HASH_BYTES)
  const lockout = createLockout(rules.lock, recorder)
  const notice = createExpiryNotice(rules.noticeMs, recorder)
  const verified = new LRUCache<string, KeyEntry>({ max: MAX_ENTRIES })
  const entries = new WeakMap<ApiKey, KeyEntry>()
  const lastOf = Symbol('countersign.api-key')
  // Last, since a file is watched from then on.
  const records = createKeyRecords('apiKeys.keys', options.keys, rules, recorder)

  function isCurrent(entry: KeyEntry, nowMs: number): boolean {
    return entry.epoch === records.epoch && elapsed(entry.seenAtMs, nowMs) < records.maxAgeMs
  }

  /** Takes over what the records say now. `null`: it is not among them as it was verified. */
  function renew(id: string, entry: KeyEntry, found: Found, epoch: number, nowMs: number): Refusal | KeyEntry | null {
    if (isRefusal(found)) return found
    if (found === null || !timingSafeEqual(found.hash, entry.stored.hash)) {
      entry.isGone = true
      if (verified.get(id) === entry) verified.delete(id)
      return null
    }
    if (found !== entry.stored) entry.clearedIn = undefined
    entry.stored = found
    entry.epoch = epoch
    entry.seenAtMs = nowMs
    entries.set(found.key, entry)
    return entry
  }

  function judge(entry: KeyEntry, nowMs: number): Finding<ApiKey> {
    const refusal = judgeKeyEntry(entry, rules, nowMs)
    if (refusal !== null) return refusal
    notice(entry.stored.record, nowMs)
    return entry.stored.key
  }

  function accept(id: string, entry: KeyEntry, inbound: Inbound, peer: Peer | null): void {
    lockout.succeeded(id, sourceOf(inbound, peer))
    inbound.connection[lastOf] = { entry, peer, clientAddress: inbound.clientAddress } satisfies LastKey
  }

  function recallText(text: string, inbound: Inbound, peer: Peer | null): Finding<ApiKey> | undefined {
    if (text.length > MAX_KEY_LENGTH) return undefined
    const id = idIn(text)
    const entry = verified.get(id)
    if (entry === undefined || !entry.isOf(text)) return undefined
    const nowMs = clock.nowMs()
    if (!isCurrent(entry, nowMs)) {
      const { epoch } = records
      const found = records.find(id, null)
      if (found instanceof Promise) return undefined
      const renewed = renew(id, entry, found, epoch, nowMs)
      if (isRefusal(renewed)) return renewed
      if (renewed === null) return undefined
    }
    const last = inbound.connection[lastOf] as LastKey | undefined
    if (last === undefined || last.entry !== entry || last.peer !== peer || last.clientAddress !== inbound.clientAddress) {
      const source = sourceOf(inbound, peer)
      const locked = lockout.isKnown(id, source) ? null : lockout.check(id, source, nowMs)
      if (locked !== null) return locked
      accept(id, entry, inbound, peer)
    }
    return judge(entry, nowMs)
  }

  async function verifyText(text: string, inbound: Inbound, peer: Peer | null): Promise<Finding<ApiKey>> {
    const parts = readKeyText(text)
    // No guess: the checksum is anybody's to compute.
    if (parts === null) return MALFORMED
    const { id } = parts
    const source = sourceOf(inbound, peer)
    const isKnown = lockout.isKnown(id, source)
    const lockedBefore = isKnown ? null : lockout.check(id, source, clock.nowMs())
    if (lockedBefore !== null) return lockedBefore

    const { epoch } = records
    const asked = records.find(id, source)
    const found = asked instanceof Promise ? await asked : asked
    if (isRefusal(found)) return found
    const nowMs = clock.nowMs()
    // While the directory was asked, others may have failed from there.
    const locked = lockout.check(id, source, nowMs)
    if (locked !== null && !isKnown) return locked
    // The same work whether or not there is such a key, and no more of it for a near miss.
    const isSame = timingSafeEqual(hash(text), found?.hash ?? nobodys)
    if (found === null || !isSame) {
      if (locked !== null) return locked
      lockout.failed(id, source, found !== null, nowMs)
      return found === null ? UNKNOWN : INVALID
    }
    const entry = createKeyEntry(text, found, epoch, nowMs)
    verified.set(id, entry)
    entries.set(found.key, entry)
    accept(id, entry, inbound, peer)
    return judge(entry, nowMs)
  }

  return {
    kind: 'api-key',
    takesAuthorization(inbound) {
      const field = inbound.header('authorization')
      return typeof field === 'string' && credentialsIn(field) !== null
    },
    recall(inbound, peer = null) {
      const text = presentedKey(inbound, rules.header)
      return typeof text === 'string' ? recallText(text, inbound, peer) : text
    },
    async verify(inbound, peer = null) {
      try {
        const text = presentedKey(inbound, rules.header)
        return typeof text === 'string' ? await verifyText(text, inbound, peer) : text
      } catch (cause) {
        return refuse('ERR_GUARD_FAULT', undefined, cause)
      }
    },
    judge(key) {
      const entry = entries.get(key)
      if (entry === undefined) return UNKNOWN
      const nowMs = clock.nowMs()
      if (!isCurrent(entry, nowMs)) {
        const { epoch } = records
        const found = records.find(key.id, null)
        // Asked in the background: what was found before holds once more for as long.
        if (found instanceof Promise) {
          void found.then((answer) => renew(key.id, entry, answer, epoch, clock.nowMs()))
          if (!(elapsed(entry.seenAtMs, nowMs) < 2 * records.maxAgeMs)) return UNAVAILABLE
        } else {
          const renewed = renew(key.id, entry, found, epoch, nowMs)
          if (isRefusal(renewed)) return renewed
        }
      }
      return judgeKeyEntry(entry, rules, nowMs)
    },
    bind: checkKeyBinding,
    ready: () => records.ready(),
    close: () => records.close(),
    toString: () => `API keys by Authorization${rules.header === null ? '' : ` or ${rules.header}`}`,
  }
}
