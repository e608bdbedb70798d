import { isJsonArray, isJsonObject, type JsonValue } from '@countersign/core'
import { decodeBase64url } from '../base64url.js'
import { HASH_BYTES } from './key-hash.js'
import { ID_LENGTH } from './key-text.js'

/** What is kept of an API key: plain JSON, and nothing that could be used as the key. Frozen. */
export interface ApiKeyRecord {
  /** The part of the key that is no secret. */
  readonly id: string
  /** Whose it is: a SPIFFE ID, or a name that `ApiKeyOptions.issuer` vouches for. */
  readonly owner: string
  readonly scopes: readonly string[]
  /** HMAC-SHA-256 of the whole key under `hashKey`, base64url. */
  readonly hash: string
  /** Epoch milliseconds. */
  readonly createdAtMs: number
  /** Epoch milliseconds. */
  readonly expiresAtMs: number
  readonly status: 'active' | 'revoked'
  /** The key that took its place; `null`: it is the newest. */
  readonly replacedBy: string | null
  /** The keys whose place it took, the last one first. */
  readonly history: readonly ReplacedKey[]
}

/** A key that another one has taken the place of. */
export interface ReplacedKey {
  readonly id: string
  /** Epoch milliseconds. */
  readonly createdAtMs: number
  /** Epoch milliseconds. */
  readonly replacedAtMs: number
}

const KEYS = ['id', 'owner', 'scopes', 'hash', 'createdAtMs', 'expiresAtMs', 'status', 'replacedBy', 'history']
const ID = /^[0-9A-Za-z]+$/
/** RFC 6749 §3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/
/** SPIFFE ID §2.3: no longer than that. Other names have no reason to be. */
const MAX_OWNER_LENGTH = 2048
const MAX_SCOPES = 100
const MAX_HISTORY = 100

/**
 * Reads a record, as JSON has it or as it was made here.
 * @returns a frozen copy, or in words what is wrong with it, which repeat none of it.
 */
export function readKeyRecord(value: unknown): ApiKeyRecord | string {
  if (!isJsonObject(value as JsonValue)) return 'a record is an object'
  const record = value as { readonly [member: string]: JsonValue }
  if (Object.keys(record).some((key) => !KEYS.includes(key))) return 'a record has a member that is not known'
  const { id, owner, scopes, hash, createdAtMs, expiresAtMs, status, replacedBy, history } = record
  if (!isKeyId(id)) return `id is ${ID_LENGTH} letters and digits`
  if (!isOwner(owner)) return 'owner is a name'
  if (!isScopes(scopes)) return 'scopes is a list of scopes'
  if (typeof hash !== 'string' || decodeBase64url(hash)?.length !== HASH_BYTES) return `hash is ${HASH_BYTES} bytes in base64url`
  if (!isTime(createdAtMs) || !isTime(expiresAtMs)) return 'createdAtMs and expiresAtMs are epoch milliseconds'
  if (status !== 'active' && status !== 'revoked') return 'status is active or revoked'
  if (replacedBy !== null && !isKeyId(replacedBy)) return 'replacedBy is the id of a key, or null'
  const replaced = isJsonArray(history) && history.length <= MAX_HISTORY ? history.map(readReplaced) : [null]
  if (replaced.includes(null)) return 'history is a list of { id, createdAtMs, replacedAtMs }'
  return Object.freeze({
    id,
    owner,
    scopes: Object.freeze([...scopes]),
    hash,
    createdAtMs,
    expiresAtMs,
    status,
    replacedBy,
    history: Object.freeze(replaced.filter((key) => key !== null)),
  })
}

/** Is this a name that a key can belong to? */
export function isOwner(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= MAX_OWNER_LENGTH
}

/** Are these scopes (RFC 6749 §3.3)? */
export function isScopes(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MAX_SCOPES && value.every((scope) => typeof scope === 'string' && SCOPE.test(scope))
}

function readReplaced(value: JsonValue): ReplacedKey | null {
  if (!isJsonObject(value) || Object.keys(value).length !== 3) return null
  const { id, createdAtMs, replacedAtMs } = value
  return isKeyId(id) && isTime(createdAtMs) && isTime(replacedAtMs) ? Object.freeze({ id, createdAtMs, replacedAtMs }) : null
}

function isKeyId(value: unknown): value is string {
  return typeof value === 'string' && value.length === ID_LENGTH && ID.test(value)
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
