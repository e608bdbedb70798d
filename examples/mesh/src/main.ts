import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startMesh } from './mesh.js'
import { createPrinter } from './print.js'
import { play, scenario } from './scenario.js'

const { values } = parseArgs({ options: { serve: { type: 'boolean', default: false } } })
const print = createPrinter((line) => console.log(line), process.stdout.isTTY && process.env['NO_COLOR'] === undefined)
const folder = mkdtempSync(join(tmpdir(), 'countersign-mesh-'))

const mesh = await startMesh(folder)
print.mesh(mesh)
let surprises = 0
const steps = scenario(mesh)
for (const step of steps) {
  const outcome = await play(mesh, step)
  if (outcome.status !== step.expected) surprises++
  print.outcome(step, outcome)
}
print.end(surprises, steps.length)

async function end(): Promise<void> {
  await mesh.close()
  rmSync(folder, { recursive: true, force: true })
  process.exitCode = surprises === 0 ? 0 : 1
}

if (values.serve) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end())
  const { orders } = mesh.callers
  print.serving(mesh, folder, mesh.signer.sign({ subject: 'alice', audience: 'ledger', scope: 'ledger:write', boundTo: orders }))
} else {
  await end()
}
