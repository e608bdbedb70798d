import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createPrinter } from './print.js'
import { play } from './scenario.js'
import { startStage } from './stage.js'

const { values } = parseArgs({ options: { redis: { type: 'string' } } })
const print = createPrinter((line) => console.log(line), process.stdout.isTTY && process.env['NO_COLOR'] === undefined)
const folder = mkdtempSync(join(tmpdir(), 'countersign-tokens-'))
try {
  print.heading(
    values.redis === undefined
      ? 'Three services and their authority, in one process'
      : 'Three services and their authority, a process each, over one Redis',
  )
  const stage = await startStage(folder, values.redis ?? null)
  await play(stage, print).finally(stage.close)
  if (!print.end()) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
