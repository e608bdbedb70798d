import type { EventKind, Recorder, Runtime, SecurityEvent } from '@countersign/core'
import { createFloodGate } from './flood-gate.js'
import { lineOf, messageOf } from './log-line.js'
import { type AuditOptions, checkAuditOptions } from './options.js'
import { createLoggerSink, createStdoutSink } from './sink.js'

/** How long the end of a flood may stay untold when no event like it comes any more. */
const SUMMARY_INTERVAL_MS = 10_000

/**
 * Makes the recorder behind the option `audit`: one line an event, redacted by how it is built. Denials and other events that callers can
 * cause are limited by code and source; what was not written is counted in the next line like it, or in a line of its own.
 *
 * Lines of denials are named `invalid_client_cert`, `client_cert_extraction_failed`, `invalid_token`, `invalid_request`, `access_denied`,
 * `limit_breach` or `guard_unavailable`; every other one bears its `kind`.
 * @param options `null`: nothing is recorded. A finished {@link Recorder} is taken as it is. Default: denials and everything rarer, to
 * stdout.
 * @throws {MisuseError} `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`.
 */
export function createRecorder(options: AuditOptions | Recorder | null | undefined, { clock }: Pick<Runtime, 'clock'>): Recorder {
  if (options === null) return { wants: () => false, record: () => true, async close() {} }
  if (isRecorder(options)) return options
  const { logger, oneIn, whenUnavailable } = checkAuditOptions(options ?? {})
  const sink = logger === null ? createStdoutSink(clock) : createLoggerSink(logger)
  const gate = createFloodGate(clock)
  let sequence = 0
  let dropped = 0
  let sinceSample = 0
  let summary: NodeJS.Timeout | null = null

  function write(level: 'info' | 'warn' | 'error', line: object, message: string): boolean {
    const kept = sink.write(level, line, message)
    dropped = kept ? 0 : dropped + 1
    return kept || whenUnavailable === 'continue'
  }

  function record(event: SecurityEvent): boolean {
    const isSampled = event.kind === 'request.allowed'
    const suppressed = isSampled ? 0 : gate.pass(event)
    if (suppressed === -1) {
      summary ??= setTimeout(summarise, SUMMARY_INTERVAL_MS).unref()
      return true
    }
    return write(event.severity, lineOf(event, ++sequence, suppressed, dropped), messageOf(event))
  }

  function summarise(): void {
    if (summary !== null) clearTimeout(summary)
    summary = null
    for (const [topic, suppressed] of gate.drain()) {
      const [of, code] = topic.split(' ')
      write(
        'warn',
        {
          kind: 'events.suppressed',
          of,
          ...(code === '' ? {} : { code }),
          sequence: ++sequence,
          suppressed,
          ...(dropped > 0 ? { dropped } : {}),
        },
        'events_suppressed',
      )
    }
  }

  return {
    wants(kind: EventKind) {
      if (kind !== 'request.allowed') return true
      if (oneIn <= 1) return oneIn === 1
      sinceSample = (sinceSample + 1) % oneIn
      return sinceSample === 0
    },
    record(event) {
      try {
        return record(event)
      } catch {
        dropped++
        return whenUnavailable === 'continue'
      }
    },
    async close() {
      summarise()
      await sink.close()
    },
  }
}

function isRecorder(options: AuditOptions | Recorder | undefined): options is Recorder {
  return typeof options === 'object' && 'record' in options && typeof options.record === 'function'
}
