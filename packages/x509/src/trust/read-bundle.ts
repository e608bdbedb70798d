import { isJsonArray, isJsonObject, type JsonObject, parseExactJsonObject, textFromUtf8 } from '@countersign/core'
import { CaCertificate } from '../certificate/ca-certificate.js'
import { type BundleJwk, readBundleKey } from './bundle-key.js'

/** A SPIFFE bundle as it was read; it does not say whose it is. */
export interface ReadBundle {
  readonly authorities: readonly CaCertificate[]
  readonly tokenKeys: readonly BundleJwk[]
  readonly sequence: bigint | null
  readonly refreshHintSeconds: number | null
}

/** A bundle of a hundred keys takes 0.2 MB. */
export const MAX_BUNDLE_BYTES = 1024 * 1024
/** A trust domain in rotation has tens; each costs an import. */
const MAX_KEYS = 250
const MAX_SEQUENCE = 2n ** 64n - 1n
const MAX_HINT = BigInt(Number.MAX_SAFE_INTEGER)

/** Reads the text of a JSON object, no member name twice (SPIFFE Trust Domain and Bundle §6.3). @returns A fixed text of what is wrong. */
export function readDocument(json: string | Uint8Array, maxBytes: number): JsonObject<bigint> | string {
  if (json.length > maxBytes) return `more than ${maxBytes} bytes`
  const text = typeof json === 'string' ? json : textFromUtf8(json)
  if (text === null) return 'text that is not UTF-8'
  return parseExactJsonObject(text) ?? 'no object of strict JSON (a member name twice is refused too)'
}

/**
 * Reads a SPIFFE bundle.
 * @returns A fixed text of what is wrong. An entry that is damaged makes the whole bundle wrong: half a bundle is another bundle.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Trust_Domain_and_Bundle.md#4-spiffe-bundle-format
 */
export function readBundle(document: JsonObject<bigint>): ReadBundle | string {
  const { spiffe_sequence: sequence, spiffe_refresh_hint: hint, keys } = document
  // §4.1.1, §4.1.2: integers, of 64 bits at least.
  if (sequence !== undefined && !isWithin(sequence, MAX_SEQUENCE)) return 'a spiffe_sequence that is no integer of 64 bits'
  if (hint !== undefined && !isWithin(hint, MAX_HINT)) return 'a spiffe_refresh_hint that is no number of seconds'
  // §4.1.3: must be present, may be empty.
  if (!isJsonArray(keys)) return 'no list of keys'
  if (keys.length > MAX_KEYS) return `more than ${MAX_KEYS} keys`
  const authorities: CaCertificate[] = []
  const tokenKeys = new Map<string, BundleJwk>()
  for (const [i, jwk] of keys.entries()) {
    const key = isJsonObject(jwk) ? readBundleKey(jwk) : 'no object'
    if (typeof key === 'string') return `${key}, as key ${i + 1}`
    if (key === null) continue
    if (key instanceof CaCertificate) authorities.push(key)
    // WIT-SVID §6.1: unique in the bundle. Which of two is meant would be anybody's guess.
    else if (tokenKeys.has(key.kid)) return `a kid that another has, as key ${i + 1}`
    else tokenKeys.set(key.kid, key)
  }
  return {
    authorities,
    tokenKeys: [...tokenKeys.values()],
    sequence: sequence ?? null,
    refreshHintSeconds: hint === undefined ? null : Number(hint),
  }
}

function isWithin(value: unknown, max: bigint): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value <= max
}
