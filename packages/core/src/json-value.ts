/**
 * A value of JSON. Frozen; objects have no prototype, so `__proto__` is a member like any other.
 * `Integer` is what integers are read as: `bigint` where they are exact.
 */
export type JsonValue<Integer = number> = null | boolean | number | Integer | string | readonly JsonValue<Integer>[] | JsonObject<Integer>

export interface JsonObject<Integer = number> {
  readonly [name: string]: JsonValue<Integer>
}

export function isJsonObject<Integer = number>(value: JsonValue<Integer> | undefined): value is JsonObject<Integer> {
  return typeof value === 'object' && value !== null && !isJsonArray(value)
}

/** `Array.isArray` for values that are read-only. */
export function isJsonArray<Integer = number>(value: JsonValue<Integer> | undefined): value is readonly JsonValue<Integer>[] {
  return Array.isArray(value)
}
