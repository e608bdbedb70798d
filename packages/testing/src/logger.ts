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
  /** All lines as one text, to prove that something is in none of them. */
  toString(): string
  clear(): void
}

/** Makes a logger for `audit: { logger }`. */
export function createTestLogger(): TestLogger {
  const lines: LogLine[] = []
  const writingAs =
    (level: LogLine['level']) =>
    (facts: object, message = '') => {
      lines.push(Object.freeze({ level, message, facts: Object.freeze({ ...facts }) }))
    }
  return {
    lines,
    info: writingAs('info'),
    warn: writingAs('warn'),
    error: writingAs('error'),
    toString: () => lines.map((line) => JSON.stringify(line)).join('\n'),
    clear() {
      lines.length = 0
    },
  }
}
