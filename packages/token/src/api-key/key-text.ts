import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** The parts of an API key, `<prefix>_<id>_<secret><checksum>`, that are no secret. */
export interface KeyText {
  readonly prefix: string
  readonly id: string
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 95 bits: no two keys of all that will ever be made have the same. */
export const ID_LENGTH = 16
/** 256 bits (43 × 5.954): no number of guesses is enough, so nothing has to slow the hash down. */
const SECRET_LENGTH = 43
/** Six digits of base 62 hold 32 bits. */
const CHECKSUM_LENGTH = 6
const MAX_PREFIX_LENGTH = 16
/** The longest key there is: a longer text is none, and is not looked at any further. */
export const MAX_KEY_LENGTH = MAX_PREFIX_LENGTH + ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH + 2

/** What a prefix may be: it names the kind of key for people and for scanners of leaked secrets. */
export const PREFIX = /^[a-z][a-z0-9]{1,15}$/
const KEY = /^([a-z][a-z0-9]{1,15})_([0-9A-Za-z]{16})_[0-9A-Za-z]{49}$/

/** Makes the text of a new key. */
export function makeKeyText(prefix: string): { readonly id: string; readonly text: string } {
  const id = randomText(ID_LENGTH)
  const body = `${prefix}_${id}_${randomText(SECRET_LENGTH)}`
  return { id, text: body + checksumOf(body) }
}

/**
 * Reads what could be a key: its form, and the checksum that tells a slip of the pen from a guess before anything is looked up or hashed.
 * The checksum is no secret and proves nothing.
 * @returns `null` for whatever is no key, at whatever length.
 */
export function readKeyText(text: string): KeyText | null {
  if (text.length > MAX_KEY_LENGTH) return null
  const [, prefix, id] = KEY.exec(text) ?? []
  if (prefix === undefined || id === undefined) return null
  const at = text.length - CHECKSUM_LENGTH
  return checksumOf(text.slice(0, at)) === text.slice(at) ? { prefix, id } : null
}

/** The id in what looks like a key; for what does not, a text that is nobody's id. */
export function idIn(text: string): string {
  const start = text.indexOf('_') + 1
  return text.slice(start, start + ID_LENGTH)
}

function checksumOf(body: string): string {
  let rest = crc32(body)
  let digits = ''
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    digits = ALPHABET.charAt(rest % ALPHABET.length) + digits
    rest = Math.floor(rest / ALPHABET.length)
  }
  return digits
}

/** Each character as likely as any other: bytes beyond the last whole multiple of the alphabet are drawn again. */
function randomText(length: number): string {
  const limit = 256 - (256 % ALPHABET.length)
  let text = ''
  while (text.length < length)
    for (const byte of randomBytes(length)) if (byte < limit && text.length < length) text += ALPHABET.charAt(byte % ALPHABET.length)
  return text
}
