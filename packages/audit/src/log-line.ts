import { CODES, type Code, catalogueEntry, type SecurityEvent } from '@countersign/core'
import { cleanText, cleanValue } from './clean-text.js'

/**
 * One event as it is written: its facts beside its `kind` and `code`, every value a short, plain text, a number, a boolean or a list of
 * texts.
 */
export interface LogLine {
  readonly kind: string
  readonly code?: string
  /** Grows by one with each line of a recorder: a gap shows that lines are missing. */
  readonly sequence: number
  /** The event's own fixed text. */
  readonly detail: string
  readonly causeName?: string
  readonly causeCode?: string
  /** Events like this one that were not written since the last such line, in a flood. */
  readonly suppressed?: number
  /** Lines that the logger did not take. */
  readonly dropped?: number
  readonly [fact: string]: unknown
}

/** The event's own text: that of a guard with every kind of evidence has some 600 characters. */
const MAX_DETAIL = 2048
const FACT_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/
const ERROR_NAME = /^[A-Za-z][A-Za-z0-9_.]{0,63}$/
const ERROR_CODE = /^[A-Z][A-Z0-9_]{1,63}$/
// Ours, and those that pino writes: a second one of a name would hide the first from some readers.
const RESERVED = new Set([
  'kind',
  'code',
  'sequence',
  'detail',
  'causeName',
  'causeCode',
  'suppressed',
  'dropped',
  'level',
  'time',
  'msg',
  'pid',
  'hostname',
  'name',
  'err',
  'toJSON',
])
/** There may be a certificate, but what came is none that can be read. */
const EXTRACTION_FAILED: ReadonlySet<string> = new Set([
  'ERR_PEER_UNREADABLE',
  'ERR_FORWARDED_MALFORMED',
  'ERR_FORWARDED_AMBIGUOUS',
  'ERR_FORWARDED_TOO_LARGE',
])
const KNOWN_CODES: ReadonlySet<string> = new Set(CODES)

/** The name of an event: what to look for in a log. */
export function messageOf({ kind, code }: SecurityEvent): string {
  if (kind !== 'request.denied' || code === undefined || !isCode(code)) return kind
  const { stage, status } = catalogueEntry(code)
  // Not known is not the same as wrong: an issuer's keys that cannot be had say nothing about the token.
  if (status === 503) return 'guard_unavailable'
  switch (stage) {
    case 'request':
      return 'invalid_request'
    case 'peer':
      return EXTRACTION_FAILED.has(code) ? 'client_cert_extraction_failed' : 'invalid_client_cert'
    case 'token':
    case 'proof':
      return 'invalid_token'
    case 'api-key':
      return 'invalid_api_key'
    case 'session':
      return 'invalid_session'
    case 'authorization':
      return 'access_denied'
    case 'limit':
      return 'limit_breach'
    case 'availability':
      return 'guard_unavailable'
  }
}

/** Builds the line of an event. Of its cause it keeps the name and the code, never the message, which may quote the caller or OpenSSL. */
export function lineOf(
  { kind, code, message, facts, cause }: SecurityEvent,
  sequence: number,
  suppressed: number,
  dropped: number,
): LogLine {
  const line: Record<string, unknown> = { kind: cleanText(kind) }
  if (code !== undefined) line['code'] = cleanText(code)
  line['sequence'] = sequence
  line['detail'] = cleanText(message, MAX_DETAIL)
  for (const [name, value] of Object.entries(facts)) {
    const clean = cleanValue(value)
    if (clean === undefined || !FACT_NAME.test(name)) continue
    line[RESERVED.has(name) ? `fact_${name}` : name] = clean
  }
  if (cause !== undefined) Object.assign(line, causeOf(cause))
  if (suppressed > 0) line['suppressed'] = suppressed
  if (dropped > 0) line['dropped'] = dropped
  return line as unknown as LogLine
}

function causeOf(cause: unknown): { causeName?: string; causeCode?: string } {
  if (typeof cause !== 'object' || cause === null) return { causeName: typeof cause }
  try {
    const { name, code } = cause as { readonly name?: unknown; readonly code?: unknown }
    return {
      causeName: typeof name === 'string' && ERROR_NAME.test(name) ? name : 'Error',
      ...(typeof code === 'string' && ERROR_CODE.test(code) ? { causeCode: code } : {}),
    }
  } catch {
    return { causeName: 'Error' }
  }
}

function isCode(code: string): code is Code {
  return KNOWN_CODES.has(code)
}
