import { type Clock, inTime } from '@countersign/core'
import { pino } from 'pino'
import type { Logger } from './options.js'

/** Where lines go. */
export interface Sink {
  /** `false`: the line is lost. Never throws. */
  write(level: 'info' | 'warn' | 'error', line: object, message: string): boolean
  close(): Promise<void>
}

/** What a log reader may be behind: about ten thousand lines. */
const MAX_BUFFER_BYTES = 4 * 1024 * 1024
/** How long closing waits for a reader that does not read. */
const CLOSE_TIMEOUT_MS = 1000
/** Second net: facts never have these names. */
const REDACTED = ['authorization', 'cookie', 'token', 'secret', 'password', 'privateKey', 'apiKey']

/** Wraps the application's own logger, which stays the application's to close. */
export function createLoggerSink(logger: Logger): Sink {
  return {
    write(level, line, message) {
      try {
        logger[level](line, message)
        return true
      } catch {
        return false
      }
    },
    async close() {},
  }
}

/** Writes to stdout in the background, from a bounded buffer. pino flushes it when the process exits. */
export function createStdoutSink(clock: Clock): Sink {
  const destination = pino.destination({ dest: 1, sync: false, maxLength: MAX_BUFFER_BYTES })
  const logger = pino(
    {
      timestamp: () => `,"time":"${new Date(clock.nowMs()).toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
      redact: { paths: REDACTED, censor: '[redacted]' },
    },
    destination,
  )
  const { write } = createLoggerSink(logger)
  let isBroken = false
  let isDropped = false
  destination.on('error', () => {
    isBroken = true
  })
  destination.on('write', () => {
    isBroken = false
  })
  destination.on('drop', () => {
    isDropped = true
  })

  return {
    write(level, line, message) {
      isDropped = false
      return write(level, line, message) && !isDropped && !isBroken
    },
    async close() {
      if (isBroken) return
      const closed = new Promise<void>((resolve) => {
        destination.once('close', resolve)
      })
      destination.end()
      await inTime(closed, CLOSE_TIMEOUT_MS, () => {})
    },
  }
}
