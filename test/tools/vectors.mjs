// Runs every suite of test/vectors and prints what became of its cases: one row a file of vectors, then the reasons.
//
//   node test/tools/vectors.mjs
//
// The files that stand beside a checkout (../shared/vectors) are skipped, by name, where they are not there.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { suites } from './suites.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const ROW = /^# (\S.*): (\d+) cases, (\d+) ran, (\d+) right, (\d+) wrong, (\d+) deviating, (\d+) skipped$/
const REASON = /^# {3}(\S.*)$/
const NOT_RUN = /^ok \d+ - (.*) # SKIP (.*)$/
const FAILED = /^not ok \d+ - (.*)$/

const suite = suites(root).find(({ name }) => name === 'test/vectors')
if (suite === undefined || suite.problem !== null) {
  console.error(suite?.problem ?? 'test/vectors is missing')
  process.exit(1)
}
const env = { ...process.env }
delete env.NODE_TEST_CONTEXT
const { stdout, status } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', ...suite.files], {
  cwd: root,
  env,
  encoding: 'utf8',
  timeout: suite.timeoutMs,
  maxBuffer: 64 * 1024 * 1024,
})
const rows = [['vectors', 'cases', 'ran', 'right', 'wrong', 'deviating', 'skipped']]
const notes = []
for (const line of stdout.split('\n')) {
  const [, source, ...counts] = ROW.exec(line) ?? []
  const [, reason] = REASON.exec(line) ?? []
  const [, name, why] = NOT_RUN.exec(line) ?? []
  const [, failed] = FAILED.exec(line) ?? []
  if (source !== undefined) {
    rows.push([source, ...counts])
    notes.push(`\n${source}`)
  } else if (reason !== undefined) notes.push(`  ${reason}`)
  else if (why !== undefined) notes.push(`\nnot run: ${name}\n  ${why}`)
  else if (failed !== undefined) notes.push(`\nFAILED: ${failed}`)
}
const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
for (const row of rows) {
  console.log(row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  '))
}
console.log(notes.join('\n'))
process.exitCode = status ?? 1
