import type { DecodedToken } from '@countersign/token'
import type { Paint } from './paint.js'
import { type Row, renderRows } from './table.js'
import { printable } from './terminal.js'
import { isoTime, timeLeft } from './time-left.js'

// RFC 7519 §4.1: seconds since the epoch.
const TIMES = ['exp', 'nbf', 'iat', 'auth_time']
const LAST_DATE_SECONDS = 8.64e12

/** A token as a table for people. Its signature is not shown, so that what is copied from here cannot be used. */
export function describeToken({ header, claims }: DecodedToken, nowMs: number, paint: Paint): string {
  const warning = paint('yellow', 'not verified: anyone can write a token that says this')
  const rows = (values: Readonly<Record<string, unknown>>) =>
    renderRows(
      Object.entries(values).map(([name, value]): Row => [printable(name), claimText(name, value, nowMs, paint)]),
      paint,
    )
  return `${paint('bold', 'Token')}, ${warning}\n${rows(header)}\n${paint('bold', 'Claims')}\n${rows(claims)}`
}

/** A token for programs. */
export function tokenAsJson({ header, claims }: DecodedToken): object {
  return { kind: 'token', verified: false, header, claims }
}

function claimText(name: string, value: unknown, nowMs: number, paint: Paint): string {
  if (typeof value === 'string') return printable(value)
  const text = printable(JSON.stringify(value) ?? '')
  if (!TIMES.includes(name) || typeof value !== 'number' || !(Math.abs(value) < LAST_DATE_SECONDS)) return text
  const date = isoTime(new Date(value * 1000))
  return name === 'exp' ? `${text}  ${date}, ${timeLeft(value * 1000, nowMs, paint)}` : `${text}  ${date}`
}
