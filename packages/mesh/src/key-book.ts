import { createPublicKey, type KeyObject } from 'node:crypto'
import type { KeyVersion, PublicJwk } from '@countersign/issuer'
import type { IndexedKey, KeyIndex, PublishedKey } from './key-records.js'

/** The keys that this process knows: its own, and those that others have published. */
export interface KeyBook {
  /** Grows whenever a key came, or was withdrawn. */
  readonly epoch: number
  readonly size: number
  get(kid: string, nowMs: number): KeyObject | undefined
  /** Our own first. */
  jwks(nowMs: number): readonly PublicJwk[]
  /** Takes over what our ring holds now. @param keepMs how long a key that it holds no more may still be needed. */
  own(versions: readonly KeyVersion[], withdrawn: readonly string[], nowMs: number, keepMs: number): void
  /**
   * Takes over what the list says of keys that are known. One that is not in it stays until its time is over: a store that has lost what it
   * held does not say that a key is not safe.
   * @returns the `kid`s that are not known.
   */
  follow(index: KeyIndex, nowMs: number): readonly string[]
  add(published: PublishedKey, listed: IndexedKey): void
  /** A record that cannot be used. @returns whether this is new. */
  reject(kid: string): boolean
}

interface Entry {
  readonly jwk: PublicJwk
  readonly key: KeyObject
  isOwn: boolean
  untilMs: number
}

/** Makes an empty book. */
export function createKeyBook(): KeyBook {
  const entries = new Map<string, Entry>()
  // Until when, so that the book forgets them: a key that was withdrawn never comes back before.
  const withdrawn = new Map<string, number>()
  const rejected = new Set<string>()
  let epoch = 1

  function withdraw(kid: string, untilMs: number): void {
    if (!withdrawn.has(kid)) epoch++
    withdrawn.set(kid, Math.max(untilMs, withdrawn.get(kid) ?? 0))
  }

  function alive(nowMs: number): readonly Entry[] {
    return [...entries.values()].filter(({ jwk, untilMs }) => untilMs > nowMs && !withdrawn.has(jwk.kid))
  }

  function forget(index: KeyIndex, nowMs: number): void {
    for (const [kid, { untilMs }] of entries) if (untilMs <= nowMs) entries.delete(kid)
    for (const [kid, untilMs] of withdrawn) if (untilMs <= nowMs) withdrawn.delete(kid)
    for (const kid of rejected) if (!index.has(kid)) rejected.delete(kid)
  }

  return {
    get epoch() {
      return epoch
    },
    get size() {
      return entries.size
    },
    get(kid, nowMs) {
      const entry = entries.get(kid)
      return entry === undefined || entry.untilMs <= nowMs || withdrawn.has(kid) ? undefined : entry.key
    },
    jwks(nowMs) {
      const all = alive(nowMs)
      return [...all.filter(({ isOwn }) => isOwn), ...all.filter(({ isOwn }) => !isOwn)].map(({ jwk }) => jwk)
    },
    own(versions, unsafe, nowMs, keepMs) {
      for (const entry of entries.values()) {
        if (!entry.isOwn || versions.some(({ jwk }) => jwk.kid === entry.jwk.kid)) continue
        entry.isOwn = false
        entry.untilMs = Math.min(entry.untilMs, nowMs + keepMs)
      }
      for (const { jwk, untilMs } of versions) {
        const entry = entries.get(jwk.kid)
        if (entry === undefined) epoch++
        const key = entry?.key ?? createPublicKey({ key: jwk, format: 'jwk' })
        entries.set(jwk.kid, { jwk, key, isOwn: true, untilMs: untilMs ?? Number.POSITIVE_INFINITY })
      }
      for (const kid of unsafe) withdraw(kid, nowMs + keepMs)
    },
    follow(index, nowMs) {
      forget(index, nowMs)
      const missing: string[] = []
      for (const [kid, listed] of index) {
        if (listed.untilMs <= nowMs) continue
        const entry = entries.get(kid)
        if (listed.withdrawn) withdraw(kid, listed.untilMs)
        else if (entry === undefined && !rejected.has(kid)) missing.push(kid)
        else if (entry !== undefined && !entry.isOwn) entry.untilMs = Math.max(entry.untilMs, listed.untilMs)
      }
      return missing
    },
    add({ jwk, key }, { untilMs }) {
      if (entries.has(jwk.kid)) return
      entries.set(jwk.kid, { jwk, key, isOwn: false, untilMs })
      epoch++
    },
    reject(kid) {
      if (rejected.has(kid)) return false
      rejected.add(kid)
      return true
    },
  }
}
