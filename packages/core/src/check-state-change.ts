import { MisuseError } from './errors.js'
import { checkChoice, checkInteger, checkText, kindOf } from './option-checks.js'
import { REVOCATION_KINDS } from './revocation-list.js'
import type { RevocationEntry, StateChange, StateEvent, StateWrite } from './state-store.js'

/** The longest value of a record, and the longest payload of an event: what is longer is no state, it is a file. UTF-8. */
const MAX_VALUE_BYTES = 262_144
/** Longest key, id, topic and reason: URIs are within it. UTF-16 units. */
const MAX_TEXT_LENGTH = 2_048
/** What one atomic step may hold: a store does nothing else meanwhile. */
const MAX_PARTS = 10_000

/**
 * Checks a change before a store looks at it: the same for every store.
 * @throws {MisuseError} `ERR_OPTION_INVALID`, naming the part.
 */
export function checkStateChange(change: StateChange): void {
  const { expect = [], put = [], remove = [], revoke = [], emit = [] } = change
  const parts = expect.length + put.length + remove.length + revoke.length + emit.length
  if (parts > MAX_PARTS) throw new MisuseError('ERR_OPTION_INVALID', 'change', `takes up to ${MAX_PARTS} parts, not ${parts}`)
  for (const [index, [key, version]] of expect.entries()) {
    checkStateText(`change.expect[${index}][0]`, key)
    if (version !== null) checkInteger(`change.expect[${index}][1]`, version, 0, Number.MAX_SAFE_INTEGER)
  }
  const written = new Set<string>()
  for (const [index, write] of put.entries()) checkWrite(`change.put[${index}]`, write, written)
  for (const [index, key] of remove.entries()) checkOnce(`change.remove[${index}]`, key, written)
  checkRevocationEntries('change.revoke', revoke)
  for (const [index, event] of emit.entries()) checkEvent(`change.emit[${index}]`, event)
}

/**
 * Checks entries before anybody obeys them.
 * @throws {MisuseError} `ERR_OPTION_INVALID`, naming the entry.
 */
export function checkRevocationEntries(option: string, entries: readonly RevocationEntry[]): void {
  for (const [index, entry] of entries.entries()) {
    const at = `${option}[${index}]`
    checkChoice(`${at}.kind`, entry.kind, REVOCATION_KINDS)
    checkStateText(`${at}.id`, entry.id)
    checkMoment(`${at}.issuedBeforeMs`, entry.issuedBeforeMs)
    checkMoment(`${at}.untilMs`, entry.untilMs)
    checkMoment(`${at}.revokedAtMs`, entry.revokedAtMs)
    checkStateText(`${at}.reason`, entry.reason)
  }
}

/**
 * Checks a key, or an id to claim: within bounds, and the same text for every store. Lone surrogates have no UTF-8, so that two of them
 * would be one key to a store outside this process.
 * @throws {MisuseError} `ERR_OPTION_INVALID`.
 */
export function checkStateText(option: string, value: unknown): string {
  const text = checkText(option, value)
  if (text.length > MAX_TEXT_LENGTH) throw new MisuseError('ERR_OPTION_INVALID', option, `takes up to ${MAX_TEXT_LENGTH} characters`)
  if (!text.isWellFormed()) throw new MisuseError('ERR_OPTION_INVALID', option, 'takes well-formed Unicode')
  return text
}

/**
 * Checks the keys of one reading.
 * @throws {MisuseError} `ERR_OPTION_INVALID`.
 */
export function checkStateKeys(keys: readonly string[]): void {
  if (keys.length > MAX_PARTS) throw new MisuseError('ERR_OPTION_INVALID', 'keys', `takes up to ${MAX_PARTS} keys, not ${keys.length}`)
  for (const [index, key] of keys.entries()) checkStateText(`keys[${index}]`, key)
}

function checkWrite(option: string, { key, value, untilMs }: StateWrite, written: Set<string>): void {
  checkOnce(`${option}.key`, key, written)
  checkValue(`${option}.value`, value)
  checkMoment(`${option}.untilMs`, untilMs)
}

// Two writes of one key: which would count is a question that nobody should have to ask.
function checkOnce(option: string, key: string, written: Set<string>): void {
  checkStateText(option, key)
  if (written.has(key)) throw new MisuseError('ERR_OPTION_INVALID', option, 'is written or removed twice in one change')
  written.add(key)
}

function checkEvent(option: string, { id, topic, payload, atMs }: StateEvent): void {
  checkStateText(`${option}.id`, id)
  checkStateText(`${option}.topic`, topic)
  checkValue(`${option}.payload`, payload)
  checkMoment(`${option}.atMs`, atMs)
}

function checkValue(option: string, value: unknown): void {
  if (typeof value !== 'string') throw new MisuseError('ERR_OPTION_INVALID', option, `takes a text, not ${kindOf(value)}`)
  if (!value.isWellFormed()) throw new MisuseError('ERR_OPTION_INVALID', option, 'takes well-formed Unicode')
  // At most three bytes a unit: most texts need not be measured.
  if (value.length * 3 <= MAX_VALUE_BYTES || Buffer.byteLength(value) <= MAX_VALUE_BYTES) return
  throw new MisuseError('ERR_OPTION_INVALID', option, `takes up to ${MAX_VALUE_BYTES} bytes`)
}

function checkMoment(option: string, value: unknown): void {
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes epoch milliseconds, not ${kindOf(value)}`)
  }
}
