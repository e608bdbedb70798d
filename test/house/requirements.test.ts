import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { expandIds, faultsOf, namesIn, readRequirements } from './requirements.js'
import { ROOT } from './root.js'
import { readText } from './source-tree.js'

const PAGE = 'docs/requirements.md'
/** What this version is to show. */
const DUE = expandIds(
  'A13, A17, A22, A23, B1–B17, B20, B21, B25, B26, B29–B31, C1–C31, D1–D5, D7–D20, D23, D24, E6, E12, E14, E17, E31, E32, X1–X5',
)

const rows = readRequirements(readText(PAGE))

test('every requirement that is due has one row, and each row says what proves it or what is missing', () => {
  assert.ok(rows.length >= 90, `${rows.length} rows`)
  const ids = rows.map(({ id }) => id)
  for (const id of DUE) assert.equal(ids.filter((other) => other === id).length, 1, id)
  assert.deepEqual(
    rows.flatMap((row) => faultsOf(row)),
    [],
  )
})

test('every test that a requirement names exists, under that name', () => {
  const names = new Map<string, ReadonlySet<string>>()
  const missing: string[] = []
  for (const { id, proofs } of rows) {
    for (const { path, names: named } of proofs) {
      if (!existsSync(join(ROOT, path))) {
        missing.push(`${id}: there is no ${path}`)
        continue
      }
      const known = names.get(path) ?? namesIn({ path, text: readText(path) })
      names.set(path, known)
      for (const name of named) if (!known.has(name)) missing.push(`${id}: ${path} has no test “${name}”`)
    }
  }
  assert.deepEqual(missing, [])
})

test('reads rows, finds names, and tells what is wrong with a row', () => {
  const page = [
    '| id | what | proven by | state |',
    '| --- | --- | --- | --- |',
    '| D1 | a | `a.test.ts`: refuses a · refuses …<br>a figure | proven |',
    '| D2 | b \\| c | a figure | proven |',
    '| D3 | d | | partly |',
  ].join('\n')
  const read = readRequirements(page)
  assert.deepEqual(read[0], {
    id: 'D1',
    proofs: [{ path: 'a.test.ts', names: ['refuses a', 'refuses …'] }],
    notes: ['a figure'],
    state: 'proven',
  })
  assert.deepEqual(
    read.map((row) => faultsOf(row).length),
    [0, 1, 1],
  )
  const text = `test('refuses a', run)\nfor (const x of [1]) test(\`refuses \${x}\`, run)`
  assert.deepEqual([...namesIn({ path: 'a.test.ts', text })], ['refuses a', 'refuses …'])
  assert.deepEqual(expandIds('D1–D3, X5'), ['D1', 'D2', 'D3', 'X5'])
})
