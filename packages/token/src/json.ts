import { isUtf8 } from 'node:buffer'

/** A value of JSON. Frozen; objects have no prototype, so `__proto__` is a member like any other. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [name: string]: JsonValue
}

// Deep enough for nested actors and authorization details, far from the end of the stack.
const MAX_DEPTH = 32
const [QUOTE, BACKSLASH, COMMA, COLON, OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = [0x22, 0x5c, 0x2c, 0x3a, 0x5b, 0x5d, 0x7b, 0x7d] as const
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
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

/**
 * Reads an object of strict JSON: valid UTF-8 without a byte order mark, no member name twice (RFC 7515 §4), strings that are
 * well-formed Unicode, bounded depth. Never throws: a thrown SyntaxError costs more than everything else done to a malformed token.
 * @returns `null` if the bytes are anything else.
 */
export function parseJsonObject(bytes: Uint8Array): JsonObject | null {
  if (!isUtf8(bytes)) return null
  const value = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')).document()
  return typeof value === 'object' && value !== null && !isArray(value) ? value : null
}

/** `Array.isArray` for values that are read-only. */
export function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** `undefined` in the results stands for "not JSON". */
class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): JsonValue | undefined {
    const value = this.#value(0)
    this.#skip()
    return this.#at === this.#text.length ? value : undefined
  }

  #value(depth: number): JsonValue | undefined {
    if (depth > MAX_DEPTH) return undefined
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

  #object(depth: number): JsonObject | undefined {
    const members: Record<string, JsonValue> = Object.create(null)
    this.#at++
    if (this.#next(CLOSE)) return Object.freeze(members)
    do {
      if (this.#skip() !== QUOTE) return undefined
      const name = this.#string()
      if (name === undefined || name in members || !this.#next(COLON)) return undefined
      const value = this.#value(depth + 1)
      if (value === undefined) return undefined
      members[name] = value
    } while (this.#next(COMMA))
    return this.#next(CLOSE) ? Object.freeze(members) : undefined
  }

  #array(depth: number): readonly JsonValue[] | undefined {
    const items: JsonValue[] = []
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
    let value = text.slice(start, firstEscape)
    for (let at = firstEscape; ; ) {
      const unit = text.charCodeAt(at)
      if (unit === QUOTE) {
        this.#at = at + 1
        return value.isWellFormed() ? value : undefined
      }
      if (!(unit >= 0x20)) return undefined
      if (unit !== BACKSLASH) {
        value += text.charAt(at++)
        continue
      }
      const letter = text.charAt(at + 1)
      const hex = letter === 'u' ? text.slice(at + 2, at + 6) : null
      const meant = hex === null ? ESCAPES.get(letter) : HEX.test(hex) ? String.fromCharCode(Number.parseInt(hex, 16)) : undefined
      if (meant === undefined) return undefined
      value += meant
      at += hex === null ? 2 : 6
    }
  }

  #number(): number | undefined {
    const start = this.#at
    while (isOfNumber(this.#text.charCodeAt(this.#at))) this.#at++
    const text = this.#text.slice(start, this.#at)
    return NUMBER.test(text) ? Number(text) : undefined
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
