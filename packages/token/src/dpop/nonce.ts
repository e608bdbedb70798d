import { createHmac, randomBytes } from 'node:crypto'
import { checkInteger, checkKeys, type Headers, joinPath, kindOf, MisuseError } from '@countersign/core'
import { isSame } from '../binding.js'

/** Nonces of this service (RFC 9449 §8, §9). They are computed, not kept: a caller cannot make us remember anything. */
export interface NonceOptions {
  /**
   * At least 32 bytes that nobody else knows. Processes that share it accept each other's nonces. Default: random bytes of this process,
   * so that a caller who reaches another process is asked once more.
   */
  readonly secret?: string | Uint8Array
  /** How often there is a new one, 10 to 3600 seconds. The one before it is accepted as long again. Default 300. */
  readonly rotateSeconds?: number
}

/** {@link NonceOptions}, checked. */
export interface NonceRules {
  /** `null`: random. */
  readonly secret: Uint8Array | null
  readonly rotateMs: number
}

/** What is to be said of a nonce: `due`: accepted, and there is a newer one to tell. */
export type NonceFinding = 'current' | 'due' | 'unknown'

export interface Nonces {
  judge(nonce: string | null, nowMs: number): NonceFinding
  /** The fields that tell the current one. */
  fields(nowMs: number): Headers
}

const MIN_SECRET_BYTES = 32
const DEFAULT_ROTATE_SECONDS = 300
// The one before, the one of now, and that of a process whose clock is ahead.
const MAX_KEPT = 3

/** @throws {MisuseError} */
export function checkNonceOptions(option: string, options: unknown): NonceRules | null {
  if (options === undefined || options === null) return null
  checkKeys(option, options, ['secret', 'rotateSeconds'])
  const { secret, rotateSeconds = DEFAULT_ROTATE_SECONDS } = options
  return Object.freeze({
    secret: secret === undefined ? null : checkSecret(joinPath(option, 'secret'), secret),
    rotateMs: 1000 * checkInteger(joinPath(option, 'rotateSeconds'), rotateSeconds, 10, 3600),
  })
}

function checkSecret(option: string, secret: unknown): Uint8Array {
  const bytes = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret instanceof Uint8Array ? Uint8Array.from(secret) : null
  if (bytes !== null && bytes.length >= MIN_SECRET_BYTES) return bytes
  throw new MisuseError(
    'ERR_OPTION_INVALID',
    option,
    `takes at least ${MIN_SECRET_BYTES} bytes, such as randomBytes(32), not ${bytes === null ? kindOf(secret) : `${bytes.length}`}`,
  )
}

/**
 * Makes nonces: an HMAC of the time, cut into buckets. Nobody without the secret can tell the next one.
 * @param futureMs how far the clocks of processes that share the secret may differ.
 */
export function createNonces({ secret, rotateMs }: NonceRules, futureMs: number): Nonces {
  const key = secret ?? randomBytes(MIN_SECRET_BYTES)
  const kept = new Map<number, Headers & { readonly 'DPoP-Nonce': string }>()

  function fieldsOf(bucket: number) {
    const known = kept.get(bucket)
    if (known !== undefined) return known
    if (kept.size >= MAX_KEPT) kept.clear()
    const nonce = createHmac('sha256', key).update(`countersign dpop nonce ${rotateMs} ${bucket}`).digest('base64url')
    // RFC 9449 §8.2: what tells a nonce must not be told again by a cache.
    const fields = Object.freeze({ 'DPoP-Nonce': nonce, 'Cache-Control': 'no-store' })
    kept.set(bucket, fields)
    return fields
  }

  const bucketOf = (atMs: number): number => Math.floor(atMs / rotateMs)
  const isOf = (nonce: string, bucket: number): boolean => isSame(nonce, fieldsOf(bucket)['DPoP-Nonce'])

  return {
    judge(nonce, nowMs) {
      if (nonce === null) return 'unknown'
      const bucket = bucketOf(nowMs)
      if (isOf(nonce, bucket)) return 'current'
      if (isOf(nonce, bucket - 1)) return 'due'
      const ahead = bucketOf(nowMs + futureMs)
      return ahead !== bucket && isOf(nonce, ahead) ? 'current' : 'unknown'
    },
    fields: (nowMs) => fieldsOf(bucketOf(nowMs)),
  }
}
