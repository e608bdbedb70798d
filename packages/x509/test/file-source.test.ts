import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MisuseError } from '@countersign/core'
import { createFileSource, type FileSource, type FileSourceOptions, type LoadedFile } from '@countersign/x509'
import { folder, stayAlive } from './stage.js'

function textOf(files: readonly LoadedFile[]): string {
  const text = files.map(({ bytes }) => Buffer.from(bytes).toString()).join('+')
  if (text.includes('bad')) throw new MisuseError('ERR_TRUST_UNREADABLE', 'test', 'bad')
  return text
}

interface Watched {
  readonly source: FileSource<string>
  readonly reloads: string[]
  readonly failures: unknown[]
  readonly changes: EventEmitter
}

function watch(t: TestContext, paths: readonly string[], over: Partial<FileSourceOptions<string>> = {}): Watched {
  const reloads: string[] = []
  const failures: unknown[] = []
  const changes = new EventEmitter()
  const source = createFileSource({
    option: 'test',
    errorCode: 'ERR_TRUST_UNREADABLE',
    paths,
    maxBytes: 1_000,
    intervalMs: 3_600_000,
    parse: textOf,
    onReloaded(value) {
      reloads.push(value)
      changes.emit('reloaded')
    },
    onFailed(error) {
      failures.push(error)
      changes.emit('failed')
    },
    ...over,
  })
  t.after(() => source.close())
  return { source, reloads, failures, changes }
}

test('reads at once and again when told, and only then has another epoch', (t) => {
  const files = folder(t)
  const file = files.write('a', 'one')
  const { source, reloads } = watch(t, [file])
  assert.deepEqual([source.value, source.epoch], ['one', 0])
  assert.equal(source.reload(), false)
  files.write('a', 'two')
  assert.equal(source.value, 'one')
  assert.equal(source.reload(), true)
  assert.deepEqual([source.value, source.epoch, reloads], ['two', 1, ['two']])
  utimesSync(file, 1, 1)
  assert.equal(source.reload(), false)
  assert.equal(source.epoch, 1)
})

test('sees a write in place, a file moved over it and a link that was switched', async (t) => {
  stayAlive(t)
  const files = folder(t)
  const target = files.write('target', 'one')
  const link = join(files.path, 'link')
  symlinkSync(target, link)
  const { source, changes } = watch(t, [link], { intervalMs: 10 })
  const reloaded = async (change: () => void): Promise<string> => {
    const seen = once(changes, 'reloaded')
    change()
    await seen
    return source.value
  }
  assert.equal(await reloaded(() => writeFileSync(target, 'in place')), 'in place')
  assert.equal(await reloaded(() => renameSync(files.write('new', 'moved over'), target)), 'moved over')
  const other = files.write('other', 'switched')
  const swap = (): void => {
    symlinkSync(other, `${link}.new`)
    renameSync(`${link}.new`, link)
  }
  assert.equal(await reloaded(swap), 'switched')
})

test('ignores what makes no value, keeps the old one, and reports each change once', async (t) => {
  stayAlive(t)
  const files = folder(t)
  const file = files.write('a', 'good')
  const { source, failures, changes } = watch(t, [file], { intervalMs: 10 })
  const failed = once(changes, 'failed')
  writeFileSync(file, 'bad')
  await failed
  assert.deepEqual([source.value, source.epoch, source.reload(), failures.length], ['good', 0, false, 1])
  const gone = once(changes, 'failed')
  rmSync(file)
  await gone
  assert.equal(source.value, 'good')
  const reloaded = once(changes, 'reloaded')
  writeFileSync(file, 'better')
  await reloaded
  assert.deepEqual([source.value, source.epoch], ['better', 1])
})

test('takes a pair as one: half of a new pair makes no value', (t) => {
  const files = folder(t)
  const paths = [files.write('cert', '1'), files.write('key', '1')]
  const parse = (pair: readonly LoadedFile[]): string => {
    const [cert, key] = pair.map(({ bytes }) => Buffer.from(bytes).toString())
    if (cert !== key) throw new MisuseError('ERR_CREDENTIAL_UNREADABLE', 'test', 'not a pair')
    return cert ?? ''
  }
  const { source, failures } = watch(t, paths, { parse })
  files.write('cert', '2')
  assert.deepEqual([source.reload(), source.value, failures.length], [false, '1', 1])
  files.write('key', '2')
  assert.deepEqual([source.reload(), source.value, failures.length], [true, '2', 1])
})

test('reads the files of a folder that end so, in the order of their names', (t) => {
  const files = folder(t)
  for (const name of ['b.pem', 'a.PEM', 'c.txt', '.d.pem']) files.write(name, name)
  mkdirSync(join(files.path, '..data'))
  const { source } = watch(t, [files.path], { extensions: ['.pem'] })
  assert.equal(source.value, 'a.PEM+b.pem')
  files.write('e.pem', 'e')
  assert.ok(source.reload())
  rmSync(join(files.path, 'b.pem'))
  assert.ok(source.reload())
  assert.equal(source.value, 'a.PEM+e')
})

test('does not start without the files, naming the option and the path', (t) => {
  const files = folder(t)
  const missing = join(files.path, 'missing.pem')
  const names = (path: string, reason: RegExp) => (error: unknown) =>
    error instanceof MisuseError && error.option === 'test' && error.message.includes(path) && reason.test(error.message)
  assert.throws(() => watch(t, [missing]), names(missing, /ENOENT/))
  assert.throws(() => watch(t, [files.path]), names(files.path, /it is a folder/))
  assert.throws(() => watch(t, [files.path], { extensions: ['.pem'] }), names(files.path, /holds no \.pem file/))
  const large = files.write('large', 'x'.repeat(1_001))
  assert.throws(() => watch(t, [large]), names(large, /more than 1000 bytes/))
  chmodSync(large, 0o600)
  assert.throws(() => watch(t, [files.write('bad', 'bad')]), MisuseError)
})

test('does not look any more once it is closed', async (t) => {
  stayAlive(t)
  const files = folder(t)
  const file = files.write('a', 'one')
  const closed = watch(t, [file], { intervalMs: 10 })
  const open = watch(t, [file], { intervalMs: 10 })
  closed.source.close()
  const seen = once(open.changes, 'reloaded')
  files.write('a', 'two')
  await seen
  assert.deepEqual([closed.source.value, closed.reloads], ['one', []])
})
