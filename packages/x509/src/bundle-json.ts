/** A value of JSON. Integers are exact, whatever their size. Frozen; objects have no prototype, so `__proto__` is a member like any other. */
export type JsonValue = null | boolean | number | bigint | string | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [name: string]: JsonValue
}

/** A bundle map has five levels. */
const MAX_DEPTH = 16
/** A map of a thousand trust domains has some 40,000. */
const MAX_VALUES = 50_000
/** 64 bits take 20 digits. */
const MAX_NUMBER_LENGTH = 32
const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 §7 has them escaped
  /[\t\n\r ]*(?:([{}[\],:])|("[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null))/y
const BLANK = /^[\t\n\r ]*$/
const INTEGER = /^-?\d+$/
const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
])

/**
 * Reads an object of strict JSON: no member name twice (SPIFFE Trust Domain and Bundle §6.3), bounded depth and number of values, nothing behind it.
 * `JSON.parse` keeps the last of two members and rounds sequence numbers.
 * @returns `null` if the text is anything else.
 */
export function readJsonObject(text: string): JsonObject | null {
  const tokens = new RegExp(TOKEN)
  let values = 0
  const value = readValue(0, next())
  return value !== undefined && isObject(value) && BLANK.test(text.slice(tokens.lastIndex)) ? value : null

  function next(): readonly (string | undefined)[] {
    return tokens.exec(text) ?? []
  }

  /** `undefined` in the results stands for "not JSON". */
  function readValue(depth: number, token: readonly (string | undefined)[]): JsonValue | undefined {
    const [, mark, string, number, word] = token
    if (++values > MAX_VALUES) return undefined
    if (string !== undefined) return readString(string)
    if (number !== undefined) return readNumber(number)
    if (word !== undefined) return WORDS.get(word)
    if (depth >= MAX_DEPTH) return undefined
    if (mark === '{') return readMembers(depth + 1)
    return mark === '[' ? readItems(depth + 1) : undefined
  }

  function readMembers(depth: number): JsonObject | undefined {
    const members: Record<string, JsonValue> = Object.create(null)
    let token = next()
    if (token[1] === '}') return Object.freeze(members)
    for (;;) {
      const name = token[2] === undefined ? undefined : readString(token[2])
      if (name === undefined || name in members || next()[1] !== ':') return undefined
      const value = readValue(depth, next())
      if (value === undefined) return undefined
      members[name] = value
      const [, mark] = next()
      if (mark === '}') return Object.freeze(members)
      if (mark !== ',') return undefined
      token = next()
    }
  }

  function readItems(depth: number): readonly JsonValue[] | undefined {
    const items: JsonValue[] = []
    let token = next()
    if (token[1] === ']') return Object.freeze(items)
    for (;;) {
      const value = readValue(depth, token)
      if (value === undefined) return undefined
      items.push(value)
      const [, mark] = next()
      if (mark === ']') return Object.freeze(items)
      if (mark !== ',') return undefined
      token = next()
    }
  }
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !isArray(value)
}

/** `Array.isArray` for values that are read-only. */
export function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function readString(token: string): string | undefined {
  const text: string = token.includes('\\') ? JSON.parse(token) : token.slice(1, -1)
  return text.isWellFormed() ? text : undefined
}

function readNumber(token: string): number | bigint | undefined {
  if (token.length > MAX_NUMBER_LENGTH) return undefined
  return INTEGER.test(token) ? BigInt(token) : Number(token)
}
