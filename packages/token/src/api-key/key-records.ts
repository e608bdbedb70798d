import { type ApiKey, type Identity, MisuseError, parseSpiffeId, type Refusal } from '@countersign/core'
import { ScopeSet } from '../scope-set.js'
import type { ApiKeyRules } from './options.js'
import { type ApiKeyRecord, readKeyRecord } from './record.js'

/** A record, and what is made of it. */
export interface StoredKey {
  readonly record: ApiKeyRecord
  readonly hash: Buffer
  readonly key: ApiKey
  /** The options say that keys of this owner count. */
  readonly isOwnerListed: boolean
}

/** What is known of an id: a key, none, or a refusal where that cannot be told. */
export type Found = StoredKey | null | Refusal

/** The records of keys, from wherever they come. */
export interface KeyRecords {
  readonly epoch: number
  /** How long what was found is believed in one epoch. */
  readonly maxAgeMs: number
  /**
   * A promise only where the records are elsewhere. Neither throws nor rejects.
   * @param source whose guess it may be, see `sourceOf`; `null`: nobody's, since the key was verified before.
   */
  find(id: string, source: string | null): Found | Promise<Found>
  ready(): Promise<void>
  close(): Promise<void>
}

/** More in a list or a file want a database. */
const MAX_RECORDS = 100_000

/** Reads one record for use; in words what is wrong with it. */
export function storedKeyOf(value: unknown, { mayOwn, issuer }: ApiKeyRules): StoredKey | string {
  const record = readKeyRecord(value)
  if (typeof record === 'string') return record
  const { id, owner, scopes, hash, expiresAtMs } = record
  const identity = identityOf(owner, issuer)
  return Object.freeze({
    record,
    hash: Buffer.from(hash, 'base64url'),
    key: Object.freeze({ id, owner: identity, scopes: new ScopeSet(scopes), expiresAtMs }),
    isOwnerListed: mayOwn === null ? identity.kind !== 'spiffe' : mayOwn(owner),
  })
}

/** Reads a list of records; in words what is wrong with it. */
export function storedKeysOf(list: readonly unknown[], rules: ApiKeyRules): ReadonlyMap<string, StoredKey> | string {
  if (list.length > MAX_RECORDS) return `there are more than ${MAX_RECORDS}`
  const keys = new Map<string, StoredKey>()
  for (const [index, value] of list.entries()) {
    const stored = storedKeyOf(value, rules)
    if (typeof stored === 'string') return `record ${index}: ${stored}`
    if (keys.has(stored.record.id)) return `record ${index}: its id is that of another`
    keys.set(stored.record.id, stored)
  }
  return keys
}

/** Records that were handed in as a list. */
export function createListedRecords(option: string, list: readonly unknown[], rules: ApiKeyRules): KeyRecords {
  const keys = storedKeysOf(list, rules)
  if (typeof keys === 'string') throw new MisuseError('ERR_OPTION_INVALID', option, `cannot be used: ${keys}`)
  return {
    epoch: 1,
    maxAgeMs: Number.POSITIVE_INFINITY,
    find: (id) => keys.get(id) ?? null,
    ready: async () => {},
    close: async () => {},
  }
}

function identityOf(owner: string, issuer: string): Identity {
  const spiffeId = parseSpiffeId(owner)
  return Object.freeze(
    spiffeId === null
      ? { kind: 'subject', authority: issuer, value: owner }
      : { kind: 'spiffe', authority: spiffeId.trustDomain, value: spiffeId.text },
  )
}
