import { hkdfSync, type KeyObject } from 'node:crypto'
import { checkSecret } from './check-secret.js'
import { checkKeys, checkText } from './option-checks.js'

/** What a derived key is for. */
export interface DerivedKeyUse {
  /** What it is used for; keys of two purposes have nothing to do with each other. */
  readonly purpose: string
  /** Whose it is. Default: everybody's. */
  readonly service?: string
}

/** Parts every key of ours from keys that somebody else derives from the same secret. */
const LABEL = 'countersign key v1'
/** As many as SHA-256 gives: no use of ours takes more, and fewer would be weaker. */
const KEY_BYTES = 32

/**
 * HKDF-SHA-256 (RFC 5869): extract, and expand.
 * @param length bytes, 1 to 8160.
 * @see https://www.rfc-editor.org/rfc/rfc5869#section-2
 */
export function hkdfSha256(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, length))
}

/**
 * Derives a key for one purpose, and one service if it is named, from a master secret. Knowing any number of them tells neither the master nor
 * another.
 * @example
 * const macKey = deriveKey(master, { purpose: 'state-records' })
 * @throws {MisuseError} for a weak or missing master, and for a use without a purpose.
 */
export function deriveKey(master: Uint8Array | KeyObject, use: DerivedKeyUse): Uint8Array {
  const given: unknown = use
  checkKeys('use', given, ['purpose', 'service'])
  const parts = [LABEL, checkText('use.purpose', use.purpose)]
  if (use.service !== undefined) parts.push(checkText('use.service', use.service))
  return hkdfSha256(checkSecret('master', master), new Uint8Array(0), infoOf(parts, KEY_BYTES), KEY_BYTES)
}

/** RFC 5869 §3.2. Each part behind its length, and the length of the key behind them: no two uses share an `info`. */
function infoOf(parts: readonly string[], length: number): Uint8Array {
  const fields = parts.map((part) => Buffer.from(part))
  return Buffer.concat([...fields.flatMap((field) => [uint32(field.length), field]), uint32(length)])
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
