import { createWaitingList } from './waiting-list.js'

/** One line as it was logged. */
export interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** A logger, in the shape of pino's, that keeps its lines. */
export interface TestLogger {
  readonly lines: readonly LogLine[]
  info(facts: object, message?: string): void
  warn(facts: object, message?: string): void
  error(facts: object, message?: string): void
  /**
   * The first line that matches, of those there are or else of those to come: for what happens in the background, such as a reload.
   * Rejects after `timeoutMs`, 10,000 by default.
   */
  waitFor(matches: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>
  /** All lines as one text, to prove that something is in none of them. */
  toString(): string
  clear(): void
}

/** Makes a logger for `audit: { logger }`. */
export function createTestLogger(): TestLogger {
  const list = createWaitingList<LogLine>('line')
  const writingAs =
    (level: LogLine['level']) =>
    (facts: object, message = '') =>
      list.add(Object.freeze({ level, message, facts: Object.freeze({ ...facts }) }))
  return {
    lines: list.items,
    info: writingAs('info'),
    warn: writingAs('warn'),
    error: writingAs('error'),
    waitFor: list.waitFor,
    toString: () => list.items.map((line) => JSON.stringify(line)).join('\n'),
    clear: list.clear,
  }
}
