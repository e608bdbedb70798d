import type { KeyObject } from 'node:crypto'
import { type Clock, checkInteger, checkKeys, checkSecret, checkText, MisuseError, parseSpiffeId } from '@countersign/core'
import { type IssuedApiKey, issuedKeyOf } from './issued-key.js'
import { createKeyHash } from './key-hash.js'
import { makeKeyText, PREFIX } from './key-text.js'
import { isOwner, isScopes, type ReplacedKey } from './record.js'

/** Whose key it is to be, and what for. */
export interface CreateApiKeyOptions {
  /** Whose: a SPIFFE ID, or a name that `ApiKeyOptions.issuer` vouches for. */
  readonly owner: string
  /** Default: none. */
  readonly scopes?: readonly string[]
  /** What records are hashed under: the same as that of the verifier. */
  readonly hashKey: Uint8Array | KeyObject
  /** What the key begins with: a lowercase letter, then up to 15 lowercase letters and digits. Default `'csk'`. */
  readonly prefix?: string
  /** From 60 seconds to 366 days. Default 90 days. */
  readonly expiresInSeconds?: number
  /** Default: the system's. */
  readonly clock?: Clock
}

/** What {@link createApiKey} takes besides the owner and the scopes, checked. */
export interface KeyMaker {
  make(owner: string, scopes: readonly string[], history: readonly ReplacedKey[]): IssuedApiKey
}

const KEYS = ['owner', 'scopes', 'hashKey', 'prefix', 'expiresInSeconds', 'clock']
const DAY_SECONDS = 86_400
/** A key that nobody has replaced for so long has been seen by too many. */
export const DEFAULT_MAX_AGE_SECONDS = 90 * DAY_SECONDS
const MIN_AGE_SECONDS = 60
const LONGEST_AGE_SECONDS = 366 * DAY_SECONDS
export const DEFAULT_PREFIX = 'csk'
export const SYSTEM_CLOCK: Clock = Object.freeze({ nowMs: () => Date.now() })

/**
 * Makes an API key: `<prefix>_<id>_<secret><checksum>`, with an id of 16 characters, 256 random bits, and a CRC-32 by which scanners for
 * leaked secrets know it. Only its hash is in the record.
 * @example
 * const { text, record } = createApiKey({ owner: 'spiffe://prod.example/orders', scopes: ['invoices:read'], hashKey })
 * @throws {MisuseError} `ERR_OPTION_MISSING`, `ERR_OPTION_INVALID` or `ERR_OPTION_UNKNOWN`; a weak `hashKey` is refused.
 */
export function createApiKey(options: CreateApiKeyOptions): IssuedApiKey {
  const given: unknown = options
  checkKeys('', given, KEYS)
  const { owner, scopes = [] } = options
  checkOwner('owner', owner)
  if (!isScopes(scopes)) throw new MisuseError('ERR_OPTION_INVALID', 'scopes', 'takes a list of scopes such as ["invoices:read"]')
  const maker = createKeyMaker({
    hashKey: options.hashKey,
    prefix: options.prefix ?? DEFAULT_PREFIX,
    maxAgeSeconds: ['expiresInSeconds', options.expiresInSeconds ?? DEFAULT_MAX_AGE_SECONDS],
    clock: options.clock ?? SYSTEM_CLOCK,
  })
  return maker.make(owner, scopes, [])
}

/** Checks what every new key needs. */
export function createKeyMaker(options: {
  readonly hashKey: unknown
  readonly prefix: unknown
  readonly maxAgeSeconds: readonly [option: string, value: unknown]
  readonly clock: Clock
}): KeyMaker {
  const { clock, maxAgeSeconds } = options
  const hash = createKeyHash(checkSecret('hashKey', options.hashKey))
  const prefix = checkText('prefix', options.prefix)
  if (!PREFIX.test(prefix))
    throw new MisuseError('ERR_OPTION_INVALID', 'prefix', 'takes a lowercase letter, then 1 to 15 lowercase letters and digits')
  const lifetimeMs = 1000 * checkInteger(maxAgeSeconds[0], maxAgeSeconds[1], MIN_AGE_SECONDS, LONGEST_AGE_SECONDS)

  return {
    make(owner, scopes, history) {
      const { id, text } = makeKeyText(prefix)
      const nowMs = clock.nowMs()
      const record = Object.freeze({
        id,
        owner,
        scopes: Object.freeze([...scopes]),
        hash: hash(text).toString('base64url'),
        createdAtMs: nowMs,
        expiresAtMs: nowMs + lifetimeMs,
        status: 'active' as const,
        replacedBy: null,
        history: Object.freeze([...history]),
      })
      return issuedKeyOf(text, record)
    },
  }
}

function checkOwner(option: string, owner: unknown): void {
  if (owner === undefined) throw new MisuseError('ERR_OPTION_MISSING', option, 'says whose key it is, such as spiffe://prod.example/orders')
  if (!isOwner(owner)) throw new MisuseError('ERR_OPTION_INVALID', option, 'takes a SPIFFE ID or another name')
  if (/^spiffe:/i.test(owner) && parseSpiffeId(owner) === null)
    throw new MisuseError('ERR_OPTION_INVALID', option, 'begins like a SPIFFE ID but is none')
}
