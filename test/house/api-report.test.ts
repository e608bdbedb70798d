import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { apiReports } from './api-report.js'
import { ROOT } from './root.js'
import { readPackages, readText } from './source-tree.js'

test('what each package publishes is what was agreed to', () => {
  const names = readPackages().map(({ name }) => name)
  const changes = apiReports(ROOT, names).flatMap(({ name, text }) => {
    const path = `test/api/${name}.api.md`
    return changedLines(existsSync(join(ROOT, path)) ? readText(path) : '', text).map((line) => `${name}: ${line}`)
  })
  assert.equal(changes.join('\n'), '', 'a public face changed; if that is meant: npm run api:update')
  const reports = readdirSync(join(ROOT, 'test/api')).filter((file) => file.endsWith('.api.md'))
  assert.deepEqual(
    reports.sort(),
    names.map((name) => `${name}.api.md`),
  )
})

/** Lines that are in one text alone, as a diff would mark them. */
function changedLines(before: string, after: string): string[] {
  if (before === after) return []
  const [old, made] = [before.split('\n'), after.split('\n')]
  const changes = [
    ...old.filter((line) => !made.includes(line)).map((line) => `- ${line}`),
    ...made.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ]
  return changes.length === 0 ? ['the same lines in another order'] : changes
}

test('names the lines that changed', () => {
  assert.deepEqual(changedLines('a\nb\n', 'a\nb\n'), [])
  assert.deepEqual(changedLines('a\nb\n', 'a\nc\n'), ['- b', '+ c'])
  assert.deepEqual(changedLines('', 'a'), ['- ', '+ a'])
  assert.deepEqual(changedLines('a\nb', 'b\na'), ['the same lines in another order'])
})

function sample(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'countersign-api-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

function report(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = sample(t, Object.fromEntries(Object.entries(files).map(([path, text]) => [`packages/a/dist/${path}`, text])))
  return apiReports(root, ['a'])[0]?.text ?? ''
}

test('shows every change that users could see, and no comment', (t) => {
  const index = `export { open, type Lock } from './lock.js';\nexport { close as shut } from './lock.js';\n`
  const lock = `/** Words. */\nexport interface Lock {\n  /** More words. */\n  readonly key: string;\n}\nexport declare function open(lock: Lock): void;\nexport declare function close(lock: Lock): void;\n`
  const before = report(t, { 'index.d.ts': index, 'lock.d.ts': lock })
  assert.match(before, /export interface Lock \{\n {2}readonly key: string;\n\}/)
  assert.match(before, /function close\(lock: Lock\): void; \/\/ as shut/)
  assert.doesNotMatch(before, /words/i)
  const same = (change: string): void => assert.equal(report(t, { 'index.d.ts': index, 'lock.d.ts': change }), before)
  const differs = (change: string): void => assert.notEqual(report(t, { 'index.d.ts': index, 'lock.d.ts': change }), before)
  same(lock.replace('Words', 'Other words'))
  same(`${lock}export declare function internal(): void;\n`)
  differs(lock.replace('key: string', 'key?: string'))
  differs(lock.replace('readonly key', 'key'))
  differs(lock.replace('open(lock: Lock): void', 'open(lock: Lock): Promise<void>'))
})

test('shows what a signature needs and does not export, and what it adds to others', (t) => {
  const text = report(t, {
    'index.d.ts': `export { open } from './lock.js';\n`,
    'lock.d.ts': `interface Inner { deep: Deep }\ninterface Deep { x: 1 }\nexport declare function open(lock: Inner): void;\ndeclare global { namespace Express { interface Request { lock: 1 } } }\n`,
  })
  assert.match(text, /\/\/ not exported:\ninterface Deep/)
  assert.match(text, /\/\/ not exported:\ninterface Inner/)
  assert.match(text, /declare global \{\n {2}namespace Express/)
})

test('says so where nothing is built', (t) => {
  assert.throws(() => apiReports(sample(t, {}), ['a']), /is missing: npm run build/)
})
