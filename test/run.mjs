// Runs every suite and says, in one line at the end, how many tests passed, failed and were skipped.
//
//   node test/run.mjs [--only TEXT] [--matrix] [--lint] [--node PATH] [--verbose]
//
// --only TEXT   suites whose name contains TEXT
// --matrix      the adapter and conformance suites on every supported Node too
// --lint        the linter first
// --node PATH   with this Node instead of the one that runs this file
// --verbose     every test by name, not failures alone
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { runtime, VERSIONS, versionOf } from './tools/runtimes.mjs'
import { servers } from './tools/servers.mjs'
import { suites } from './tools/suites.mjs'
import { closingOfSpec, countsFromTap } from './tools/tap.mjs'

const CONCURRENCY = 2 // the cores of the smallest machine that CI runs on
const TEST_TIMEOUT_MS = 180_000
const KILL_AFTER_MS = 10_000

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    matrix: { type: 'boolean', default: false },
    lint: { type: 'boolean', default: false },
    node: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    root: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
  },
})
const root = resolve(options.root)
const results = join(root, '.results')
const ci = process.env.CI === 'true'
const loopbackOnly = pathToFileURL(fileURLToPath(new URL('./tools/loopback-only.mjs', import.meta.url))).href

/** @type {{ name: string, passed: number, failed: number, skipped: number, seconds: number, notes: string[] }[]} */
const done = []
/** @type {string[]} */
const notRun = []

function report(name, counts, seconds, notes = []) {
  done.push({ name, ...counts, seconds, notes })
}

/** Runs a command to its end, or ends it. A process group of its own, so that nothing it started outlives it. */
function command(file, args, { env, timeoutMs, quiet = false }) {
  return new Promise((resolveExit) => {
    const child = spawn(file, args, {
      cwd: root,
      env,
      detached: process.platform !== 'win32',
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', 'inherit'],
    })
    const signal = (name) => {
      try {
        if (child.pid !== undefined) process.kill(process.platform === 'win32' ? child.pid : -child.pid, name)
      } catch {
        // It has ended meanwhile.
      }
    }
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      signal('SIGTERM')
      setTimeout(signal, KILL_AFTER_MS, 'SIGKILL').unref()
    }, timeoutMs)
    const finish = (exit) => {
      clearTimeout(timer)
      signal('SIGKILL')
      resolveExit({ exit, timedOut })
    }
    child.stdout?.resume()
    child.once('error', () => finish(null))
    child.once('exit', (code) => finish(code))
  })
}

async function runSuite(suite, node, label) {
  console.log(`\n▶ ${label} (${suite.files.length} ${suite.files.length === 1 ? 'file' : 'files'})`)
  const started = process.hrtime.bigint()
  const seconds = () => Number(process.hrtime.bigint() - started) / 1e9
  const file = join(results, label.replace(/[^a-z0-9.]+/gi, '-'))
  const args = [
    '--test',
    `--test-concurrency=${CONCURRENCY}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    '--test-reporter=tap',
    `--test-reporter-destination=${file}.tap`,
    '--test-reporter=spec',
    `--test-reporter-destination=${options.verbose ? 'stdout' : `${file}.txt`}`,
    ...suite.files,
  ]
  const env = {
    ...process.env,
    NODE_OPTIONS: `--import=${loopbackOnly}`,
    PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
  }
  // The runner's own mark: a test runner started by a test runner would report to it instead of to its files.
  delete env.NODE_TEST_CONTEXT
  const { exit, timedOut } = await command(node, args, { env, timeoutMs: suite.timeoutMs })
  const text = (ending) => (existsSync(`${file}${ending}`) ? readFileSync(`${file}${ending}`, 'utf8') : '')
  if (!options.verbose) console.log(closingOfSpec(text('.txt')))
  const counts = countsFromTap(text('.tap'))
  const notes = [
    ...(counts?.skips ?? []).map((skip) => `skipped: ${skip}`),
    ...(counts?.empty ?? []).map((file) => `holds no test: ${file}`),
  ]
  if (timedOut) notes.push(`ended after ${suite.timeoutMs / 1000} s`)
  if (counts === null || timedOut)
    return report(label, { passed: counts?.passed ?? 0, failed: (counts?.failed ?? 0) + 1, skipped: counts?.skipped ?? 0 }, seconds(), [
      ...notes,
      'did not come to its end',
    ])
  // A runner that fails without a failed test (an error outside of any test), or a suite that tests nothing, is not green.
  const silent = (exit !== 0 && counts.failed === 0) || counts.passed + counts.failed + counts.skipped === 0
  if (silent) notes.push(exit === 0 ? 'ran no test' : `exited with ${exit} although no test failed`)
  report(label, { passed: counts.passed, failed: counts.failed + (silent ? 1 : 0), skipped: counts.skipped }, seconds(), notes)
}

async function runLint() {
  console.log('\n▶ lint')
  const started = process.hrtime.bigint()
  const { exit } = await command(
    process.execPath,
    [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.'],
    {
      env: process.env,
      timeoutMs: 120_000,
    },
  )
  report('lint', { passed: exit === 0 ? 1 : 0, failed: exit === 0 ? 0 : 1, skipped: 0 }, Number(process.hrtime.bigint() - started) / 1e9)
}

/** Why a suite cannot have the servers it needs, or `null`. Installs what is missing where it can. */
async function lackOfServers(names) {
  console.log('\n▶ servers')
  const started = process.hrtime.bigint()
  const found = await servers(names)
  for (const { name, version, reason } of found) console.log(reason ?? `${name} ${version}`)
  console.log(`found in ${(Number(process.hrtime.bigint() - started) / 1e9).toFixed(1)} s`)
  const reasons = found.flatMap(({ reason }) => reason ?? [])
  return reasons.length === 0 ? null : reasons.join('; ')
}

const broken = (name, reason) => report(name, { passed: 0, failed: 1, skipped: 0 }, 0, [reason])

async function main() {
  rmSync(results, { recursive: true, force: true })
  mkdirSync(results, { recursive: true })
  const node = options.node === undefined ? process.execPath : resolve(options.node)
  const version = await versionOf(node)
  if (version === null) return broken('node', `${node} cannot be run`)
  console.log(`Node ${version}, npm workspaces at ${root}`)

  // First of all, so that suites which look for other Nodes find them.
  const others = options.matrix
    ? await Promise.all(VERSIONS.filter((asked) => lineOf(asked) !== lineOf(version)).map((asked) => runtime(root, asked)))
    : []
  if (options.lint) await runLint()
  const chosen = suites(root).filter((suite) => suite.name.includes(options.only))
  if (chosen.length === 0) return broken('suites', options.only === '' ? 'no suite found' : `no suite is named like ${options.only}`)
  for (const suite of chosen) {
    const lack = suite.problem === null && suite.needsServers.length > 0 ? await lackOfServers(suite.needsServers) : null
    if (suite.problem !== null) broken(suite.name, suite.problem)
    else if (lack === null) await runSuite(suite, node, suite.name)
    else if (ci) broken(suite.name, lack)
    else notRun.push(`${suite.name}: ${lack}`)
  }

  const everywhere = chosen.filter((suite) => suite.onEveryNode)
  for (const other of others) {
    if ('path' in other) {
      for (const suite of everywhere)
        if (suite.problem === null) await runSuite(suite, other.path, `${suite.name} on Node ${other.version}`)
    } else if (ci) broken(`Node ${other.version}`, other.reason)
    else notRun.push(`${everywhere.length} ${everywhere.length === 1 ? 'suite' : 'suites'} on Node ${other.version}: ${other.reason}`)
  }
}

/** The line that runs everything anyway need not run its part of the matrix again. */
function lineOf(version) {
  return version.split('.')[0]
}

function summary() {
  const width = Math.max(...done.map(({ name }) => name.length))
  console.log('\n── summary ──')
  for (const { name, passed, failed, skipped, seconds, notes } of done) {
    const counts = `${String(passed).padStart(5)} passed ${String(failed).padStart(3)} failed ${String(skipped).padStart(3)} skipped`
    console.log(`${failed === 0 ? '✔' : '✖'} ${name.padEnd(width)} ${counts} ${seconds.toFixed(1).padStart(6)} s`)
    for (const note of notes) console.log(`    ${note}`)
  }
  for (const line of notRun) console.log(`not run: ${line}`)
  const total = (field) => done.reduce((sum, result) => sum + result[field], 0)
  const failed = total('failed')
  console.log(`\n${total('passed')} passed, ${failed} failed, ${total('skipped')} skipped`)
  process.exitCode = failed === 0 ? 0 : 1
}

await main()
summary()
