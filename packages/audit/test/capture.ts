import type { Logger } from '@countersign/audit'
import type { SecurityEvent } from '@countersign/core'
import { pino } from 'pino'

export const START_MS = 1_700_000_000_000

/** A clock that goes when it is told to. */
export function createTestClock() {
  let nowMs = START_MS
  return {
    nowMs: () => nowMs,
    advanceMs(ms: number) {
      nowMs += ms
    },
  }
}

export type Line = Readonly<Record<string, unknown>>

/** A real pino that writes into a list: `texts` as it would stand in a file, `lines` as a reader of JSON sees them. */
export function createCapture() {
  const texts: string[] = []
  const logger: Logger = pino({ base: null, timestamp: false }, { write: (text: string) => void texts.push(text) })
  return {
    logger,
    texts,
    lines: (): Line[] => texts.map((text) => JSON.parse(text)),
  }
}

export function denied(code: string, facts: SecurityEvent['facts'] = {}, cause?: unknown): SecurityEvent {
  return { kind: 'request.denied', severity: 'warn', code, message: 'denied', facts, ...(cause === undefined ? {} : { cause }) }
}
