import { isUtf8 } from 'node:buffer'

/** A value of JSON. Frozen; objects have no prototype, so `__proto__` is a member like any other. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [name: string]: JsonValue
}

// Deep enough for nested actors and authorization details, far from the end of the stack.
const MAX_DEPTH = 32
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
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
  const first = bytes.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)
  if (first !== 0x7b || !isUtf8(bytes)) return null
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
    this.#skip()
    switch (this.#text.charAt(this.#at)) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#array(depth)
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #object(depth: number): JsonObject | undefined {
    const members: Record<string, JsonValue> = Object.create(null)
    this.#at++
    if (this.#next('}')) return Object.freeze(members)
    do {
      this.#skip()
      const name = this.#string()
      if (name === undefined || name in members || !this.#next(':')) return undefined
      const value = this.#value(depth + 1)
      if (value === undefined) return undefined
      members[name] = value
    } while (this.#next(','))
    return this.#next('}') ? Object.freeze(members) : undefined
  }

  #array(depth: number): readonly JsonValue[] | undefined {
    const items: JsonValue[] = []
    this.#at++
    if (this.#next(']')) return Object.freeze(items)
    do {
      const value = this.#value(depth + 1)
      if (value === undefined) return undefined
      items.push(value)
    } while (this.#next(','))
    return this.#next(']') ? Object.freeze(items) : undefined
  }

  #string(): string | undefined {
    const text = this.#text
    if (text.charCodeAt(this.#at) !== 0x22) return undefined
    const start = ++this.#at
    for (;;) {
      const unit = text.charCodeAt(this.#at)
      if (unit === 0x22) return text.slice(start, this.#at++)
      if (unit === 0x5c) return this.#escaped(start)
      // NaN: the text ended before the string did.
      if (!(unit >= 0x20)) return undefined
      this.#at++
    }
  }

  #escaped(start: number): string | undefined {
    const text = this.#text
    let value = text.slice(start, this.#at)
    for (;;) {
      const unit = text.charCodeAt(this.#at)
      if (unit === 0x22) {
        this.#at++
        return value.isWellFormed() ? value : undefined
      }
      if (!(unit >= 0x20)) return undefined
      if (unit !== 0x5c) {
        value += text.charAt(this.#at++)
        continue
      }
      const letter = text.charAt(this.#at + 1)
      const hex = letter === 'u' ? text.slice(this.#at + 2, this.#at + 6) : null
      const meant = hex === null ? ESCAPES.get(letter) : HEX.test(hex) ? String.fromCharCode(Number.parseInt(hex, 16)) : undefined
      if (meant === undefined) return undefined
      value += meant
      this.#at += hex === null ? 2 : 6
    }
  }

  #number(): number | undefined {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (match === null) return undefined
    this.#at += match[0].length
    return Number(match[0])
  }

  #word<T extends boolean | null>(word: string, value: T): T | undefined {
    if (!this.#text.startsWith(word, this.#at)) return undefined
    this.#at += word.length
    return value
  }

  #next(mark: string): boolean {
    this.#skip()
    if (this.#text.charAt(this.#at) !== mark) return false
    this.#at++
    return true
  }

  #skip(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return
      this.#at++
    }
  }
}
