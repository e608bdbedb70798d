import { isJsonObject, type JsonObject, type JsonValue } from './json-value.js'
import { textFromUtf8 } from './utf8-text.js'

/** A bundle map of a thousand trust domains takes 4 MB; everything else that is read here is shorter. */
const MAX_LENGTH = 4 * 1024 * 1024
/** Levels below the outermost. Deep enough for nested actors and authorization details, far from the end of the stack. */
const MAX_DEPTH = 32
/** A map of a thousand trust domains has some 40,000; each takes many times its length. */
const MAX_VALUES = 50_000
/** Of a number among exact ones: 64 bits take 20 digits, and long ones take quadratic time. */
const MAX_EXACT_LENGTH = 32
const [QUOTE, BACKSLASH, COMMA, COLON, OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = [0x22, 0x5c, 0x2c, 0x3a, 0x5b, 0x5d, 0x7b, 0x7d] as const
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const INTEGER = /^-?\d+$/
const HEX = /^[\da-fA-F]{4}$/
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

/** Makes a value of the text of a number (RFC 8259 §6). `undefined` for one that is not accepted. */
type NumberReader<Integer> = (text: string) => number | Integer | undefined

/**
 * Reads strict JSON (RFC 8259), text or bytes: valid UTF-8 without a byte order mark, no member name twice, strings that are well-formed
 * Unicode, bounded length, depth and number of values. Of two members with one name, two readers need not take the same. Takes time
 * in proportion to the length, whatever stands there. Never throws: a thrown SyntaxError costs more than everything else that is done
 * to a malformed token.
 * @returns `undefined`, which no JSON value is, for anything else.
 */
export function parseJson(json: string | Uint8Array): JsonValue | undefined {
  return read(json, Number)
}

/**
 * Reads what {@link parseJson} reads, if it is an object.
 * @returns `null` for anything else.
 */
export function parseJsonObject(json: string | Uint8Array): JsonObject | null {
  const value = read(json, Number)
  return isJsonObject(value) ? value : null
}

/**
 * Reads an object as {@link parseJsonObject} does, its integers exactly: a `number` rounds those of 64 bits. No number may be longer than
 * 32 characters.
 * @returns `null` for anything else.
 */
export function parseExactJsonObject(json: string | Uint8Array): JsonObject<bigint> | null {
  const value = read(json, exactNumber)
  return isJsonObject(value) ? value : null
}

function read<Integer>(json: string | Uint8Array, toNumber: NumberReader<Integer>): JsonValue<Integer> | undefined {
  if (json.length > MAX_LENGTH) return undefined
  const text = typeof json !== 'string' ? textFromUtf8(json) : json.isWellFormed() ? json : null
  return text === null ? undefined : new Reader(text, toNumber).document()
}

function exactNumber(text: string): number | bigint | undefined {
  if (text.length > MAX_EXACT_LENGTH) return undefined
  return INTEGER.test(text) ? BigInt(text) : Number(text)
}

/** Of a well-formed text. `undefined` in the results stands for "not JSON". */
class Reader<Integer> {
  readonly #text: string
  readonly #toNumber: NumberReader<Integer>
  #at = 0
  #values = 0

  constructor(text: string, toNumber: NumberReader<Integer>) {
    this.#text = text
    this.#toNumber = toNumber
  }

  document(): JsonValue<Integer> | undefined {
    const value = this.#value(0)
    this.#skip()
    return this.#at === this.#text.length ? value : undefined
  }

  #value(depth: number): JsonValue<Integer> | undefined {
    if (depth > MAX_DEPTH || ++this.#values > MAX_VALUES) return undefined
    switch (this.#skip()) {
      case OPEN:
        return this.#object(depth)
      case OPEN_LIST:
        return this.#array(depth)
      case QUOTE:
        return this.#string()
      case 0x74:
        return this.#word('true', true)
      case 0x66:
        return this.#word('false', false)
      case 0x6e:
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #object(depth: number): JsonObject<Integer> | undefined {
    // What `Object.create(null)` makes is a hash table: measured, three times as slow to fill, and to read afterwards.
    const members: Record<string, JsonValue<Integer>> = Object.setPrototypeOf({}, null)
    let count = 0
    this.#at++
    if (this.#next(CLOSE)) return Object.freeze(members)
    do {
      if (this.#skip() !== QUOTE) return undefined
      const name = this.#string()
      if (name === undefined || !this.#next(COLON)) return undefined
      const value = this.#value(depth + 1)
      if (value === undefined) return undefined
      members[name] = value
      count++
    } while (this.#next(COMMA))
    // Fewer names than members: one stood there twice.
    return this.#next(CLOSE) && Object.keys(members).length === count ? Object.freeze(members) : undefined
  }

  #array(depth: number): readonly JsonValue<Integer>[] | undefined {
    const items: JsonValue<Integer>[] = []
    this.#at++
    if (this.#next(CLOSE_LIST)) return Object.freeze(items)
    do {
      const value = this.#value(depth + 1)
      if (value === undefined) return undefined
      items.push(value)
    } while (this.#next(COMMA))
    return this.#next(CLOSE_LIST) ? Object.freeze(items) : undefined
  }

  #string(): string | undefined {
    const text = this.#text
    const start = this.#at + 1
    for (let at = start; ; at++) {
      const unit = text.charCodeAt(at)
      if (unit === QUOTE) {
        this.#at = at + 1
        return text.slice(start, at)
      }
      if (unit === BACKSLASH) return this.#escaped(start, at)
      // NaN: the text ended before the string did.
      if (!(unit >= 0x20)) return undefined
    }
  }

  #escaped(start: number, firstEscape: number): string | undefined {
    const text = this.#text
    let value = ''
    let from = start
    for (let at = firstEscape; ; ) {
      const unit = text.charCodeAt(at)
      if (unit === QUOTE) {
        this.#at = at + 1
        value += text.slice(from, at)
        return value.isWellFormed() ? value : undefined
      }
      if (!(unit >= 0x20)) return undefined
      if (unit !== BACKSLASH) {
        at++
        continue
      }
      const letter = text.charAt(at + 1)
      const hex = letter === 'u' ? text.slice(at + 2, at + 6) : null
      const meant = hex === null ? ESCAPES.get(letter) : HEX.test(hex) ? String.fromCharCode(Number.parseInt(hex, 16)) : undefined
      if (meant === undefined) return undefined
      value += text.slice(from, at) + meant
      at += hex === null ? 2 : 6
      from = at
    }
  }

  #number(): number | Integer | undefined {
    const start = this.#at
    while (isOfNumber(this.#text.charCodeAt(this.#at))) this.#at++
    const text = this.#text.slice(start, this.#at)
    return NUMBER.test(text) ? this.#toNumber(text) : undefined
  }

  #word<T extends boolean | null>(word: string, value: T): T | undefined {
    if (!this.#text.startsWith(word, this.#at)) return undefined
    this.#at += word.length
    return value
  }

  #next(mark: number): boolean {
    if (this.#skip() !== mark) return false
    this.#at++
    return true
  }

  /** Skips white space. @returns the unit behind it; NaN at the end. */
  #skip(): number {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return unit
      this.#at++
    }
  }
}

/** A digit, `+`, `-`, `.`, `e` or `E`. */
function isOfNumber(unit: number): boolean {
  return (unit >= 0x30 && unit <= 0x39) || unit === 0x2b || unit === 0x2d || unit === 0x2e || unit === 0x65 || unit === 0x45
}
