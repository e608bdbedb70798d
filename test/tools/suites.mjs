// Which tests there are. File lists, never globs or folders: those mean different things to the runners of Node 20 and 24.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, projects } from './outputs.mjs'

const MINUTE_MS = 60_000

/** How long a suite may take before it is ended and counted as failed. The machine of CI has two cores. */
const TIMEOUT_MS = {
  default: 3 * MINUTE_MS,
  'test/packaging': 5 * MINUTE_MS,
  'test/conformance': 8 * MINUTE_MS,
  'test/attack': 6 * MINUTE_MS,
  // Ten thousand chains, 1,300 processes of openssl.
  'test/chains': 4 * MINUTE_MS,
  'test/proxies': 5 * MINUTE_MS,
  // Outages that last, and processes that are watched through them.
  'test/redis': 5 * MINUTE_MS,
}

/** Suites that every supported Node runs: every package, since sockets, certificates and keys differ, and what crosses them on the wire. */
const ON_EVERY_NODE = /^(?:packages\/.+|test\/(?:conformance|differential|forwarded|vectors|fuzz))$/

/** Suites that start servers of `servers.mjs`, and which. */
const NEEDS_SERVERS = {
  'test/proxies': ['nginx', 'haproxy', 'apache2', 'caddy', 'openssl'],
  'test/redis': ['redis-server'],
}

/** Folders of `test/` that hold no suite of the ordinary run. */
const NOT_A_SUITE = new Set(['bench', 'tools', 'dist', 'types', 'api'])

/**
 * @typedef {{ name: string, files: string[], timeoutMs: number, onEveryNode: boolean, needsServers: readonly string[], problem: string | null }} Suite
 * `problem`: why it cannot be run, which counts as a failure.
 */

/** @returns {Suite[]} */
export function suites(root) {
  return projects(root)
    .filter((project) => project.tests)
    .flatMap((project) => (project.name === 'test' ? crossing(root, project) : [suite(root, project.name, project, '')]))
}

/** One suite for each folder of `test/`. */
function crossing(root, project) {
  const names = new Set(
    [...filesBelow(join(root, project.source)), ...filesBelow(join(root, project.output))]
      .filter((file) => /\.test\.(?:js|ts)$/.test(file) && file.includes('/'))
      .map((file) => file.slice(0, file.indexOf('/'))),
  )
  return [...names]
    .filter((name) => !NOT_A_SUITE.has(name))
    .sort()
    .map((name) => suite(root, `test/${name}`, project, `${name}/`))
}

function suite(root, name, { source, output }, prefix) {
  const tests = (folder, ending) =>
    filesBelow(join(root, folder)).filter((file) => file.startsWith(prefix) && file.endsWith(ending) && !file.startsWith('dist/'))
  const compiled = tests(output, '.test.js')
  const written = tests(source, '.test.ts')
  const missing = written.filter((file) => !compiled.includes(file.replace(/\.ts$/, '.js')))
  const gone = compiled.filter((file) => !written.includes(file.replace(/\.js$/, '.ts')))
  let problem = null
  if (!existsSync(join(root, output))) problem = `${output} is missing: npm run build`
  else if (missing.length > 0) problem = `not compiled: ${missing.map((file) => `${source}/${file}`).join(', ')}: npm run build`
  else if (gone.length > 0)
    problem = `compiled, but its source is gone: ${gone.map((file) => `${output}/${file}`).join(', ')}: npm run build`
  else if (compiled.length === 0) problem = `no test in ${source}`
  return {
    name,
    files: compiled.map((file) => join(output, file)),
    timeoutMs: TIMEOUT_MS[name] ?? TIMEOUT_MS.default,
    onEveryNode: ON_EVERY_NODE.test(name),
    needsServers: NEEDS_SERVERS[name] ?? [],
    problem,
  }
}
