import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { brokenLinks, compileExamples, examplesIn } from './doc-examples.js'
import { ROOT } from './root.js'
import { filesBelow, readText } from './source-tree.js'

const PAGES = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  ...filesBelow('docs', '.md'),
  ...filesBelow('packages', 'README.md'),
  ...filesBelow('examples', '.md'),
]

/** Its blocks are single options, to be put where they belong. */
const FRAGMENTS = new Set(['docs/errors.md'])

test('every TypeScript example in the documentation compiles', () => {
  const examples = PAGES.filter((page) => !FRAGMENTS.has(page)).flatMap((page) => examplesIn(page, readText(page)))
  assert.ok(examples.length >= 12, 'the examples were found')
  assert.deepEqual(compileExamples(examples, join(ROOT, 'test')), [])
})

test('every link in the documentation leads somewhere', () => {
  assert.deepEqual(
    PAGES.flatMap((page) => brokenLinks(page, readText(page), (path) => existsSync(join(ROOT, dirname(page), path)))),
    [],
  )
})

test('finds an example that does not compile and says where it stands', () => {
  const page =
    'Words.\n\n```ts\nconst one: number = 1\n```\n\n```sh\nnpm i\n```\n\n```ts\nimport { refuse } from "@countersign/core"\nrefuse("ERR_NO_SUCH_CODE")\n```\n'
  const examples = examplesIn('x.md', page)
  assert.deepEqual(
    examples.map(({ at }) => at),
    ['x.md:3', 'x.md:11'],
  )
  assert.match(compileExamples(examples, join(ROOT, 'test')).join('\n'), /^x\.md:11, line 2 of the example: .*ERR_NO_SUCH_CODE.*$/)
})

test('finds what is wrong between examples that have names of files', () => {
  const page =
    '```js\n// one.mjs\nexport const one = 1\n```\n\n```js\n// two.mjs\nimport { one } from "./one.mjs"\none.gone()\n```\n\n```js\nnot.looked.at\n```\n'
  const examples = examplesIn('docs/y.md', page)
  assert.deepEqual(
    examples.map(({ at, file }) => [at, file]),
    [
      ['docs/y.md:1', 'one.mjs'],
      ['docs/y.md:6', 'two.mjs'],
    ],
  )
  const faults = compileExamples(examples, join(ROOT, 'test'))
  assert.equal(faults.length, 1)
  assert.match(faults.join(), /^docs\/y\.md:6, line 2 of the example: .*'gone'/)
})

test('finds a link that leads to nowhere', () => {
  const page =
    '# The Way\n\n[a](#the-way) [b](#gone) [c](docs/there.md#x) [d](docs/gone.md) [e](https://example.com)\n\n```md\n[f](gone.md)\n```\n'
  assert.deepEqual(
    brokenLinks('x.md', page, (path) => path === 'docs/there.md'),
    ['x.md: #gone leads to nowhere', 'x.md: docs/gone.md leads to nowhere'],
  )
})
