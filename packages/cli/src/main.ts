#!/usr/bin/env node
import { run } from './run.js'

const MAX_INPUT_BYTES = 1_048_577

// A reader that has seen enough, such as `head`, is not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

process.exitCode = await run(process.argv.slice(2), {
  folder: process.cwd(),
  // https://no-color.org
  colour: process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb',
  nowMs: () => Date.now(),
  readInput,
  write: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
})

async function readInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= MAX_INPUT_BYTES) break
  }
  return Buffer.concat(chunks)
}
