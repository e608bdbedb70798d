import { isJsonArray, type JsonValue } from '@countersign/core'

// Measured on V8 and rounded up: an object without a prototype is a hash table even if it is empty, which text like `[{},{},{}]`
// could use to take eighty times its length.
const OBJECT_BYTES = 320
const MEMBER_BYTES = 96
const LIST_BYTES = 64
const ITEM_BYTES = 8
const TEXT_BYTES = 32

/** About how much memory a value takes, never much less. */
export function retainedBytes(value: JsonValue): number {
  if (typeof value === 'string') return TEXT_BYTES + value.length
  if (typeof value !== 'object' || value === null) return ITEM_BYTES
  if (isJsonArray(value)) return value.reduce<number>((sum, item) => sum + ITEM_BYTES + retainedBytes(item), LIST_BYTES)
  let sum = OBJECT_BYTES
  for (const name in value) sum += MEMBER_BYTES + name.length + retainedBytes(value[name] ?? null)
  return sum
}
