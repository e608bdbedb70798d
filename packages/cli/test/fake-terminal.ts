import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ExitCode, run, type Terminal } from '@countersign/cli'

export const NOW_MS = Date.UTC(2027, 0, 15, 8, 0, 0)

/** What a command said, and its exit code. */
export interface Answer {
  readonly exitCode: ExitCode
  readonly out: string
  readonly err: string
}

/** Runs commands in a folder of the test's own. */
export interface Bench {
  readonly folder: string
  file(name: string): string
  run(args: readonly string[], terminal?: Partial<Terminal>): Promise<Answer>
}

export function createBench(t: { after(work: () => void): void }): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-cli-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return {
    folder,
    file: (name) => join(folder, name),
    async run(args, terminal = {}) {
      const said = { out: '', err: '' }
      const exitCode = await run(args, {
        folder,
        colour: false,
        nowMs: () => NOW_MS,
        readInput: async () => new Uint8Array(0),
        write: (text) => {
          said.out += text
        },
        complain: (text) => {
          said.err += text
        },
        ...terminal,
      })
      return { exitCode, ...said }
    },
  }
}

/** Replaces what is random: serial numbers, fingerprints, thumbprints, key identifiers. */
export function withoutRandomness(text: string): string {
  return text
    .replace(/\b[0-9a-f]{64}\b/g, '<sha256>')
    .replace(/\b[0-9a-f]{40}\b/g, '<key id>')
    .replace(/\b[0-9a-f]{31,32}\b/g, '<serial>')
    .replace(/[A-Za-z0-9+/]{43}=/g, '<pin>')
    .replace(/(?<![\w-])[\w-]{43}(?![\w-])/g, '<thumbprint>')
    .replace(/(?<![\w-])[\w-]{22}(?![\w-])/g, '<jti>')
}
