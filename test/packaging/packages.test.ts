import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { contentFaults, packAll, type Tarball } from './tarball.js'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** What attw says of types that it found and that are those of an ES module. */
const TYPED = /node16 \(from ESM\) │ 🟢 \(ESM\)/
const IMPORT_TIMEOUT_MS = 30_000

const names = readdirSync(join(ROOT, 'packages'))
  .filter((name) => existsSync(join(ROOT, 'packages', name, 'package.json')))
  .sort()

interface Runtimes {
  readonly VERSIONS: readonly string[]
  runtime(
    root: string,
    version: string,
  ): Promise<{ readonly version: string; readonly path: string } | { readonly version: string; readonly reason: string }>
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

describe('the packages as they are published', () => {
  // Outside the repository: what is not declared must not be found by chance.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'countersign-packages-')))
  let tarballs: Tarball[] = []
  before(async () => {
    tarballs = await packAll(
      ROOT,
      names.map((name) => `packages/${name}`),
      folder,
    )
    linkForeign(tarballs)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** Stands in for the registry: every declared dependency that is not ours, as it is installed here. */
  function linkForeign(packed: readonly Tarball[]): void {
    for (const { folder: unpacked } of packed) {
      const { dependencies, peerDependencies }: Manifest = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'))
      for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
        const link = join(folder, 'node_modules', name)
        if (name.startsWith('@countersign/') || existsSync(link)) continue
        mkdirSync(dirname(link), { recursive: true })
        symlinkSync(realpathSync(join(ROOT, 'node_modules', name)), link, 'junction')
      }
    }
  }

  test('hold the built files, a README and the licence, and nothing else', () => {
    assert.equal(tarballs.length, names.length)
    assert.deepEqual(
      tarballs.flatMap(({ name, files }) => contentFaults(name, files)),
      [],
    )
    const licence = readFileSync(join(ROOT, 'LICENSE'), 'utf8')
    for (const { name, folder: unpacked } of tarballs) {
      assert.equal(readFileSync(join(unpacked, 'LICENSE'), 'utf8'), licence, `${name} has the licence of the repository`)
      const readme = readFileSync(join(unpacked, 'README.md'), 'utf8')
      assert.ok(readme.startsWith(`# ${name}\n`), `the README of ${name} begins with its name`)
      assert.match(readme, /^```(?:ts|sh)$/m, `the README of ${name} has an example`)
    }
  })

  test('pass publint', async () => {
    for (const { name, folder: unpacked, files } of tarballs) {
      const { messages } = await publint({ pkgDir: 'package', pack: { files: packFiles(unpacked, files) } })
      assert.deepEqual(
        messages.filter(({ type }) => type !== 'suggestion').map(({ code }) => `${name}: ${code}`),
        [],
      )
    }
  })

  test('have types that are right for every ESM resolver', async () => {
    for (const { name, file } of tarballs) {
      const { stdout } = await attw(file).catch((error: unknown) =>
        assert.fail(`${name}: ${error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)}`),
      )
      assert.match(stdout, TYPED, name)
    }
  })

  // One program for all packages: it ends by itself only if none of them does work that goes on after the import.
  const program = `
    import { createRequire } from 'node:module'
    const require = createRequire(import.meta.url)
    const names = ${JSON.stringify(names)}.map((name) => '@countersign/' + name)
    const found = {}
    for (const name of names) {
      const imported = Object.keys(await import(name)).sort()
      const required = Object.keys(require(name)).filter((key) => key !== '__esModule' && key !== 'module.exports').sort()
      found[name] = { imported, required }
    }
    console.log(JSON.stringify({ version: process.versions.node, found }))`

  async function load(path: string, version: string): Promise<void> {
    writeFileSync(join(folder, 'program.mjs'), program)
    const { stdout } = await run(path, ['program.mjs'], { cwd: folder, timeout: IMPORT_TIMEOUT_MS })
    const said: { version: string; found: Record<string, { imported: string[]; required: string[] }> } = JSON.parse(stdout)
    assert.equal(said.version, version)
    for (const [name, { imported, required }] of Object.entries(said.found)) {
      assert.ok(imported.length > 0, `${name} exports something`)
      assert.deepEqual(required, imported, `${name}: require() gives what import does`)
    }
  }

  test('load by import and by require on this Node, and do nothing that keeps a process alive', () =>
    load(process.execPath, process.versions.node))

  test('load on every other supported Node', async (t) => {
    const { VERSIONS, runtime }: Runtimes = await import(pathToFileURL(join(ROOT, 'test/tools/runtimes.mjs')).href)
    for (const asked of VERSIONS.filter((version) => version.split('.')[0] !== process.versions.node.split('.')[0])) {
      await t.test(`Node ${asked}`, async (t) => {
        const found = await runtime(ROOT, asked)
        if ('reason' in found) return t.skip(found.reason)
        await load(found.path, asked)
      })
    }
  })

  test('the command runs from where it was installed', async () => {
    const cli = join(folder, 'node_modules/@countersign/cli')
    const { bin }: { bin: { countersign: string } } = JSON.parse(readFileSync(join(cli, 'package.json'), 'utf8'))
    assert.match(readFileSync(join(cli, bin.countersign), 'utf8'), /^#!\/usr\/bin\/env node\n/)
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    await run(process.execPath, [join(cli, bin.countersign), 'dev', '--for', 'billing,orders'], { cwd: empty, timeout: IMPORT_TIMEOUT_MS })
    for (const file of ['ca.pem', 'billing.pem', 'billing-key.pem', 'orders.pem', 'orders-key.pem'])
      assert.match(readFileSync(join(empty, file), 'utf8'), /^-----BEGIN (?:CERTIFICATE|PRIVATE KEY)-----\n/, file)
  })
})

function packFiles(folder: string, files: readonly string[]): { name: string; data: Uint8Array }[] {
  return files.map((name) => ({ name: `package/${name}`, data: readFileSync(join(folder, name)) }))
}

test('finds leftovers, gaps and halves in a package', () => {
  const good = ['LICENSE', 'README.md', 'dist/index.d.ts', 'dist/index.js', 'dist/index.js.map', 'package.json']
  assert.deepEqual(contentFaults('a', good), [])
  const faults = (files: readonly string[]): string => contentFaults('a', files).join('\n')
  for (const extra of ['src/index.ts', 'dist/.tsbuildinfo', 'dist-test/x.test.js', 'dist/index.d.ts.map', 'tsconfig.json', 'ca-key.pem'])
    assert.match(faults([...good, extra]), new RegExp(`should not hold ${extra.replaceAll('.', '\\.')}`))
  for (const gap of ['LICENSE', 'README.md', 'dist/index.js'])
    assert.match(faults(good.filter((file) => file !== gap)), new RegExp(`lacks ${gap}`))
  assert.match(faults([...good, 'dist/gone.d.ts']), /gone\.d\.ts has no code/)
  assert.match(faults([...good, 'dist/bare.js']), /bare\.js has no types/)
})

test('publint finds a manifest that points to nothing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-publint-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'a', version: '1.0.0', type: 'module', exports: './dist/gone.js' }))
  const { messages } = await publint({ pkgDir: 'package', pack: { files: packFiles(folder, ['package.json']) } })
  assert.deepEqual(
    messages.map(({ code, type }) => [code, type]).filter(([, type]) => type === 'error'),
    [['FILE_DOES_NOT_EXIST', 'error']],
  )
})

test('attw finds types of another kind than the code, and types that lead to nowhere', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-attw-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const pack = async (name: string, types: string): Promise<string> => {
    mkdirSync(join(folder, name))
    const exports = { '.': { types, default: './index.js' } }
    writeFileSync(
      join(folder, name, 'package.json'),
      JSON.stringify({ name: `@countersign/${name}`, version: '1.0.0', type: 'module', exports }),
    )
    writeFileSync(join(folder, name, 'index.js'), 'export const one = 1\n')
    writeFileSync(join(folder, name, 'index.d.cts'), 'export declare const one = 1\n')
    const [tarball] = await packAll(folder, [name], join(folder, `out-${name}`))
    return tarball?.file ?? ''
  }
  await assert.rejects(attw(await pack('other', './index.d.cts')), { code: 1 })
  await assert.rejects(attw(await pack('nowhere', './gone.d.ts')), { code: 1 })
})

function attw(file: string): Promise<{ stdout: string }> {
  const command = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js')
  return run(process.execPath, [command, '--profile', 'esm-only', '--format', 'table', '--no-color', file])
}
