import type { Refusal } from '@countersign/core'
import { MAX_FORWARDED_BYTES } from './limits.js'
import { type ForwardedRole, malformed, tooLarge } from './refusals.js'

// RFC 9110 §5.5. Without obs-text, but for JSON that holds names of people: no other format has anything but ASCII in it.
const FIELD_TEXT = /^[\t -~]*$/
const FIELD_TEXT_WITH_OBS_TEXT = /^[\t -~\x80-\xff]*$/

/**
 * The value of a field without the white space around it; `''` where it is absent. Its length is looked at before its characters are.
 * The type is checked too: the callers are not all written in TypeScript.
 */
export function fieldText(value: string | null | undefined, role: ForwardedRole): string | Refusal {
  if (value === null || value === undefined) return ''
  if (typeof value !== 'string') return malformed(role, 'type')
  if (value.length > MAX_FORWARDED_BYTES) return tooLarge(role, 'bytes')
  return (role === 'context' ? FIELD_TEXT_WITH_OBS_TEXT : FIELD_TEXT).test(value) ? value.trim() : malformed(role, 'characters')
}
