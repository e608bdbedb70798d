import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPackages, type Workspace } from './source-tree.js'
import { needlessReasons, styleFaults } from './style.js'
import { linesOfCode } from './syntax.js'

/** Files of more than 250 lines, each with the reason why it is one noun all the same. */
const LONG_FILES: Readonly<Record<string, string>> = {
  'packages/guard/src/pipeline.ts': 'the way of one request, to be read from its beginning to its end in one place',
}

test('every source file keeps to the style of the house', () => {
  const packages = readPackages()
  assert.deepEqual(
    packages.flatMap((workspace) => styleFaults(workspace, LONG_FILES)),
    [],
  )
  const files = packages.flatMap(({ sources }) => sources)
  assert.ok(files.length > 100, 'the sources were found')
  assert.deepEqual(needlessReasons(files, LONG_FILES), [])
})

function sample(text: string, name = 'token', file = 'sample.ts'): Workspace {
  return { name, manifest: {}, sources: [{ path: `packages/${name}/src/${file}`, text }], tests: [] }
}
const faultsOf = (text: string, name?: string, file?: string): string => styleFaults(sample(text, name, file), {}).join('\n')

test('finds names that say nothing', () => {
  for (const file of ['utils.ts', 'util.ts', 'helpers.ts', 'common.ts', 'types.ts', 'type.ts'])
    assert.match(faultsOf('', 'token', file), /says nothing/)
  assert.match(faultsOf('', 'token', 'keySource.ts'), /kebab-case/)
  assert.equal(faultsOf('', 'token', 'key-source.ts'), '')
})

test('finds a long file, and a reason that is not needed any more', () => {
  const long = sample('const x = 1\n'.repeat(251))
  assert.match(styleFaults(long, {}).join(), /251 lines want a reason/)
  assert.deepEqual(styleFaults(long, { 'packages/token/src/sample.ts': 'one table' }), [])
  assert.equal(faultsOf('const x = 1\n'.repeat(250)), '')
  assert.deepEqual(needlessReasons(sample('').sources, { 'packages/token/src/sample.ts': 'one table' }), ['packages/token/src/sample.ts'])
})

test('finds an adapter that does more than adapt', () => {
  assert.match(faultsOf('call()\n'.repeat(81), 'express'), /an adapter of 81 lines/)
  assert.equal(faultsOf(`call()\n// why\n\n`.repeat(80), 'koa'), '')
  assert.equal(faultsOf('call()\n'.repeat(120), 'fastify'), '')
  assert.match(faultsOf('call()\n'.repeat(121), 'fastify'), /an adapter of 121 lines/)
  assert.match(faultsOf(`import { createHash } from 'node:crypto'`, 'koa'), /no cryptography/)
})

test('finds default exports, whole re-exports and types that check nothing', () => {
  assert.match(faultsOf('export default 1'), /default export/)
  assert.match(faultsOf('export default function x() {}'), /default export/)
  assert.match(faultsOf('const x = 1\nexport { x as default }'), /default export/)
  assert.match(faultsOf(`export * from './x.js'`), /exports whatever/)
  assert.match(faultsOf(`export * as x from './x.js'`), /exports whatever/)
  assert.match(faultsOf('enum X { A }'), /an enum/)
  assert.match(faultsOf('const x: any = 1'), /any/)
  assert.match(faultsOf('const x = y!'), /non-null/)
  assert.equal(faultsOf(`export { x, type Y } from './x.js'`), '')
})

test('finds what a library may not touch', () => {
  assert.match(faultsOf('console.log(1)'), /console/)
  assert.match(faultsOf('const { log } = console'), /console/)
  assert.match(faultsOf('if (process.env.DEBUG) x()'), /process\.env/)
  assert.match(faultsOf(`process.on('exit', x)`), /process\.on/)
  assert.match(faultsOf('globalThis.cache = 1'), /global object/)
  assert.match(faultsOf(`import { env } from 'node:process'`), /imports process/)
  assert.match(faultsOf(`import { connect } from 'node:tls'`), /touches no sockets/)
  assert.equal(faultsOf(`import type { TLSSocket } from 'node:tls'`), '')
  assert.match(faultsOf(`import net, { isIP } from 'node:net'`), /touches no sockets/)
  assert.match(faultsOf(`import { isIP as connect, connect as isIP } from 'node:net'`), /touches no sockets/)
  assert.equal(faultsOf(`import { isIP } from 'node:net'`), '')
  assert.equal(faultsOf(`import { connect } from 'node:tls'`, 'node'), '')
  assert.match(faultsOf(`import { readFileSync } from 'fs'`), /write node:fs/)
  assert.equal(faultsOf(`const x = { console: 1 }\nx.console`), '')
  assert.equal(faultsOf(`console.log(process.env.HOME)`, 'cli'), '')
})

test('finds an index that does something', () => {
  assert.match(faultsOf('export const x = 1', 'token', 'index.ts'), /re-exports alone/)
  assert.equal(faultsOf(`export { x } from './x.js'\nexport type { Y } from './y.js'`, 'token', 'index.ts'), '')
})

test('counts lines of code, not comments', () => {
  const text = '/** a\n * b\n */\nfunction x() {\n  // why\n\n  return `a\nb`\n}\n'
  assert.equal(linesOfCode({ path: 'x.ts', text }), 4)
})
