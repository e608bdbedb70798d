import { checkInteger, kindOf, MisuseError } from '@countersign/core'
import type { CertificateInput } from './certificate-input.js'

const MAX_SKEW_SECONDS = 300

/** @throws {MisuseError} for what is no number of seconds, from 0 to 300. */
export function checkSkew(seconds: unknown): number {
  return checkInteger('clockSkewSeconds', seconds ?? 0, 0, MAX_SKEW_SECONDS) * 1000
}

/** @throws {MisuseError} for what is no time. */
export function checkTime(time: unknown): number {
  const ms = time instanceof Date ? time.getTime() : time
  if (typeof ms !== 'number' || !Number.isFinite(ms)) {
    throw new MisuseError('ERR_OPTION_INVALID', 'time', `takes a Date or epoch milliseconds, not ${kindOf(time)}`)
  }
  return ms
}

/** @throws {MisuseError} for what is neither text nor bytes. */
export function checkBytes(option: string, value: unknown): CertificateInput {
  if (typeof value === 'string' || value instanceof Uint8Array) return value
  throw new MisuseError('ERR_OPTION_INVALID', option, `takes PEM or the bytes of the DER, not ${kindOf(value)}`)
}
