import {
  checkKeys,
  checkText,
  isSha256Thumbprint,
  type JsonObject,
  joinPath,
  kindOf,
  MisuseError,
  parseJsonObject,
} from '@countersign/core'
import { checkScopes } from '../service/service-directory.js'

/** Whose session, and what it carries. */
export interface SessionRequest {
  /** Whose it is: a user, as the application knows them. No SPIFFE ID: a workload has no session, it has a certificate. */
  readonly subject: string
  /** What may be done in it. Default: none. */
  readonly scopes?: readonly string[]
  /** What else services should know, in JSON, at most 4096 bytes. It stays in the store: no token holds it. Default: nothing. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** What it was begun on. Where given, `validate` must be told the same, or the session is `SUSPICIOUS`. Default `null`. */
  readonly device?: string | null
  /** Where it was begun, such as a country. As `device`. Default `null`. */
  readonly location?: string | null
  /** `x5t#S256` of the certificate that the user has logged in with: the session ends when it is revoked. Default `null`. */
  readonly certificate?: string | null
  /** One id for all that is done in it, in every service's log. Default: a new one. */
  readonly correlationId?: string
}

export interface CheckedSessionRequest {
  readonly subject: string
  readonly scopes: readonly string[]
  readonly claims: JsonObject
  readonly device: string | null
  readonly location: string | null
  readonly certificate: string | null
  readonly correlationId: string | null
}

const KEYS = ['subject', 'scopes', 'claims', 'device', 'location', 'certificate', 'correlationId']
const MAX_SUBJECT = 256
const MAX_PLACE = 256
const MAX_CLAIMS_BYTES = 4096
const CORRELATION_ID = /^[\w-]{1,128}$/

/** @throws {MisuseError} */
export function checkSessionRequest(request: unknown): CheckedSessionRequest {
  checkKeys('request', request, KEYS)
  const { scopes = [], claims = {}, device = null, location = null, certificate = null, correlationId = null } = request
  const subject = bounded('request.subject', request['subject'], MAX_SUBJECT)
  if (/^spiffe:/i.test(subject)) throw new MisuseError('ERR_OPTION_INVALID', 'request.subject', 'takes a user: a workload has no session')
  if (correlationId !== null && (typeof correlationId !== 'string' || !CORRELATION_ID.test(correlationId)))
    throw new MisuseError('ERR_OPTION_INVALID', 'request.correlationId', 'takes up to 128 letters, digits, - and _')
  return {
    subject,
    scopes: checkScopes('request.scopes', scopes),
    claims: checkClaims('request.claims', claims),
    device: device === null ? null : bounded('request.device', device, MAX_PLACE),
    location: location === null ? null : bounded('request.location', location, MAX_PLACE),
    certificate: checkThumbprint('request.certificate', certificate),
    correlationId,
  }
}

/** @returns `null` where none is given. */
export function checkThumbprint(option: string, value: unknown): string | null {
  if (value === null || isSha256Thumbprint(value)) return value
  throw new MisuseError('ERR_OPTION_INVALID', option, "takes a certificate's x5t#S256: 43 characters")
}

/** A text of bounded length that every store takes. */
export function bounded(option: string, value: unknown, maxLength: number): string {
  const text = checkText(option, value)
  if (text.length <= maxLength && text.isWellFormed()) return text
  throw new MisuseError('ERR_OPTION_INVALID', option, `takes well-formed text of at most ${maxLength} characters`)
}

function checkClaims(option: string, claims: unknown): JsonObject {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims))
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes an object, not ${kindOf(claims)}`)
  const text = toJson(option, claims)
  if (Buffer.byteLength(text) > MAX_CLAIMS_BYTES)
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes at most ${MAX_CLAIMS_BYTES} bytes of JSON`)
  // A copy, frozen, that the caller's object does not change any more.
  const copy = parseJsonObject(text)
  if (copy === null) throw new MisuseError('ERR_OPTION_INVALID', joinPath(option, '…'), 'takes what strict JSON can hold')
  return copy
}

function toJson(option: string, value: object): string {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new MisuseError('ERR_OPTION_INVALID', option, 'takes what JSON can hold', cause)
  }
}
