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

const DEFAULT_TIMEOUT_MS = 10_000

/** Makes a logger for `audit: { logger }`. */
export function createTestLogger(): TestLogger {
  const lines: LogLine[] = []
  const waiting = new Set<(line: LogLine) => void>()
  const writingAs =
    (level: LogLine['level']) =>
    (facts: object, message = '') => {
      const line = Object.freeze({ level, message, facts: Object.freeze({ ...facts }) })
      lines.push(line)
      for (const offer of waiting) offer(line)
    }
  return {
    lines,
    info: writingAs('info'),
    warn: writingAs('warn'),
    error: writingAs('error'),
    waitFor(matches, timeoutMs = DEFAULT_TIMEOUT_MS) {
      const there = lines.find(matches)
      if (there !== undefined) return Promise.resolve(there)
      return new Promise((resolve, reject) => {
        // It also keeps the process alive: what is waited for may be announced by a timer that does not.
        const timer = setTimeout(() => {
          waiting.delete(offer)
          reject(new Error(`no such line in ${timeoutMs} ms, of ${lines.length} that were logged`))
        }, timeoutMs)
        function offer(line: LogLine): void {
          if (!matches(line)) return
          waiting.delete(offer)
          clearTimeout(timer)
          resolve(line)
        }
        waiting.add(offer)
      })
    },
    toString: () => lines.map((line) => JSON.stringify(line)).join('\n'),
    clear() {
      lines.length = 0
    },
  }
}
