import { checkInteger, kindOf, MisuseError } from '@countersign/core'
import type { CertificateInput } from '../certificate/certificate-input.js'

/** Clocks that are further apart are not clocks. */
const MAX_SKEW_SECONDS = 300

/**
 * Milliseconds; none, if it is left out.
 * @throws {MisuseError} for what is no whole number of seconds from 0 to 300.
 */
export function checkSkew(seconds: unknown): number {
  return seconds === undefined ? 0 : checkInteger('clockSkewSeconds', seconds, 0, MAX_SKEW_SECONDS) * 1000
}

/**
 * Epoch milliseconds; now, if it is left out.
 * @throws {MisuseError} for what is no time.
 */
export function checkTime(time: unknown): number {
  if (time === undefined) return Date.now()
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
