import { MisuseError } from './errors.js'
import { kindOf } from './option-checks.js'

/** Fewest bytes of a secret: as many as SHA-256 gives, below which a MAC is only as strong as its key (RFC 2104 §3, RFC 7518 §3.2). */
export const MIN_SECRET_BYTES = 32

/** Where 32 bytes hold fewer values than this, nobody drew them at random: the chance of it is below 2^-80. Hexadecimal text has some 14. */
const MIN_DISTINCT_BYTES = 8
/** A secret that only repeats itself is as strong as what it repeats. */
const MAX_PERIOD = 16
/**
 * What stands in examples, templates and defaults, lowercase and without punctuation. Each has six letters or more: a random text holds one
 * of them less than once in a million.
 */
const PLACEHOLDERS = [
  'changeme',
  'changethis',
  'changeit',
  'replaceme',
  'replacethis',
  'placeholder',
  'default',
  'example',
  'insecure',
  'password',
  'passw0rd',
  'secret',
  'letmein',
  'qwerty',
  'keyboardcat',
  'correcthorse',
  '0123456789',
  '1234567890',
  'abcdefgh',
]
const MAKE_ONE = 'make one with: node -e "process.stdout.write(require(\'node:crypto\').randomBytes(32))" > secret.bin'

/**
 * Checks that bytes can be a secret: long enough, and nothing that stands in an example. It cannot prove that they were drawn at random;
 * it refuses what certainly was not.
 * @param secret a `Uint8Array`, or a secret `KeyObject`. A text is refused: it has fewer bits than its length says, and is not erased.
 * @returns a copy of the bytes, so that whoever changes theirs does not change the secret.
 * @throws {MisuseError} `ERR_OPTION_MISSING` without one, `ERR_OPTION_INVALID` for a weak one. The message never repeats any of it.
 * @example
 * const hashKey = checkSecret('hashKey', readFileSync('/run/secrets/api-key-pepper'))
 */
export function checkSecret(option: string, secret: unknown): Uint8Array {
  if (secret === undefined || secret === null)
    throw new MisuseError('ERR_OPTION_MISSING', option, `takes ${MIN_SECRET_BYTES} random bytes or more; ${MAKE_ONE}`)
  const bytes = bytesOf(secret)
  if (bytes === null)
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      option,
      `takes a secret as a Uint8Array or a secret KeyObject, not ${kindOf(secret)}; ${MAKE_ONE}`,
    )
  const flaw = flawOfSecret(bytes)
  if (flaw !== null) throw new MisuseError('ERR_OPTION_INVALID', option, `is too weak: ${flaw}; ${MAKE_ONE}`)
  return bytes
}

/** Why bytes cannot be a secret, in words that repeat none of them. `null`: nothing is known against them. */
export function flawOfSecret(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return 'it is empty'
  if (bytes.length < MIN_SECRET_BYTES) return `it has ${bytes.length} bytes, and takes ${MIN_SECRET_BYTES} at least`
  if (isPeriodic(bytes)) return 'it repeats itself'
  if (new Set(bytes).size < MIN_DISTINCT_BYTES) return 'it is made of a few values alone'
  if (isCounted(bytes)) return 'its bytes are counted, not drawn'
  const plain = plainText(bytes)
  return PLACEHOLDERS.some((word) => plain.includes(word)) ? 'it holds a word that stands in examples and defaults' : null
}

function bytesOf(secret: unknown): Uint8Array | null {
  if (secret instanceof Uint8Array) return Uint8Array.from(secret)
  // By its shape: a KeyObject of another realm is one too.
  if (typeof secret !== 'object' || secret === null || !('type' in secret) || secret.type !== 'secret' || !('export' in secret)) return null
  const bytes: unknown = typeof secret.export === 'function' ? secret.export() : null
  return bytes instanceof Uint8Array ? Uint8Array.from(bytes) : null
}

function isPeriodic(bytes: Uint8Array): boolean {
  for (let period = 1; period <= MAX_PERIOD; period++)
    if (bytes.every((byte, at) => at < period || byte === bytes[at - period])) return true
  return false
}

function isCounted(bytes: Uint8Array): boolean {
  const step = (at: number): number => ((bytes[at] ?? 0) - (bytes[at - 1] ?? 0)) & 0xff
  return bytes.every((_, at) => at < 2 || step(at) === step(1))
}

function plainText(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}
