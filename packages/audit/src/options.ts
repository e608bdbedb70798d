import { checkChoice, checkInteger, checkKeys, kindOf, MisuseError } from '@countersign/core'

/** What is written down, and where. */
export interface AuditOptions {
  /**
   * pino, or anything with its `info`, `warn` and `error`. Default: pino to stdout, written in the background from a bounded buffer, so
   * that a slow reader of the log does not slow requests down; it is flushed on `close()` and when the process exits, and lost when the
   * process is killed.
   */
  readonly logger?: Logger
  /** Requests that were allowed: none, all, or every n-th. Default `'none'`. */
  readonly allowed?: 'none' | 'all' | { readonly oneIn: number }
  /**
   * The logger throws, or its buffer is full. Default `'continue'`: the event is dropped and counted. `'refuse'`: the request is refused
   * with 503.
   */
  readonly whenUnavailable?: 'continue' | 'refuse'
}

/** The part of pino's logger that is used. */
export interface Logger {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** {@link AuditOptions}, checked once. */
export interface CheckedAuditOptions {
  readonly logger: Logger | null
  /** 0: none. 1: all. */
  readonly oneIn: number
  readonly whenUnavailable: 'continue' | 'refuse'
}

const MAX_ONE_IN = 1_000_000_000

/**
 * Checks {@link AuditOptions}.
 * @throws {MisuseError} `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`.
 */
export function checkAuditOptions(options: AuditOptions): CheckedAuditOptions {
  const { logger, allowed = 'none', whenUnavailable = 'continue' } = options
  checkKeys('audit', options, ['logger', 'allowed', 'whenUnavailable'])
  return Object.freeze({
    logger: logger === undefined ? null : checkLogger('audit.logger', logger),
    oneIn: oneInOf('audit.allowed', allowed),
    whenUnavailable: checkChoice('audit.whenUnavailable', whenUnavailable, ['continue', 'refuse']),
  })
}

function checkLogger(option: string, logger: Logger): Logger {
  const methods: Partial<Record<string, unknown>> = typeof logger === 'object' && logger !== null ? { ...pick(logger) } : {}
  if (['info', 'warn', 'error'].every((level) => typeof methods[level] === 'function')) return logger
  throw new MisuseError('ERR_OPTION_INVALID', option, `takes a logger with info, warn and error, such as pino(), not ${kindOf(logger)}`)
}

function pick({ info, warn, error }: Logger): Record<string, unknown> {
  return { info, warn, error }
}

function oneInOf(option: string, allowed: unknown): number {
  if (typeof allowed !== 'object') return checkChoice(option, allowed, ['none', 'all']) === 'all' ? 1 : 0
  checkKeys(option, allowed, ['oneIn'])
  return checkInteger(`${option}.oneIn`, allowed['oneIn'], 1, MAX_ONE_IN)
}
