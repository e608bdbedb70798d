import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PACK_TIMEOUT_MS = 120_000

/** One packed package: where its tarball lies, and where it was unpacked to. */
export interface Tarball {
  readonly name: string
  readonly file: string
  readonly folder: string
  /** Paths in it, sorted. */
  readonly files: readonly string[]
}

/**
 * Packs packages just as `npm publish` would, and unpacks them as an install would: into `<folder>/node_modules`.
 * @param root the repository.
 * @param packages their folders, relative to `root`.
 */
export async function packAll(root: string, packages: readonly string[], folder: string): Promise<Tarball[]> {
  const tarballs = join(folder, 'tarballs')
  mkdirSync(tarballs, { recursive: true })
  const paths = packages.map((path) => join(root, path))
  await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', tarballs, ...paths], {
    cwd: folder,
    timeout: PACK_TIMEOUT_MS,
    shell: process.platform === 'win32',
  })
  const packed = readdirSync(tarballs)
  return Promise.all(
    paths.map(async (path) => {
      const { name, version }: { name: string; version: string } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
      const file = packed.find((one) => one === `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
      if (file === undefined) throw new Error(`npm packed no tarball of ${name}`)
      const target = join(folder, 'node_modules', name)
      mkdirSync(target, { recursive: true })
      await run('tar', ['-xzf', join(tarballs, file), '-C', target, '--strip-components=1'])
      return { name, file: join(tarballs, file), folder: target, files: filesBelow(target) }
    }),
  )
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(folder, entry.name)).map((file) => `${entry.name}/${file}`) : [entry.name]))
    .sort()
}

const NEEDED = ['LICENSE', 'README.md', 'dist/index.d.ts', 'dist/index.js', 'package.json']

/** What is in a package and should not be, and what should be and is not. */
export function contentFaults(name: string, files: readonly string[]): string[] {
  const extra = files.filter((file) => !NEEDED.includes(file) && !/^dist\/[a-z0-9/-]+\.(?:js|js\.map|d\.ts)$/.test(file))
  return [
    ...extra.map((file) => `${name} should not hold ${file}`),
    ...NEEDED.filter((file) => !files.includes(file)).map((file) => `${name} lacks ${file}`),
    // A declaration without its code is the leftover of a deleted source, or the other way round.
    ...files
      .filter((file) => file.endsWith('.d.ts') && !files.includes(file.replace(/\.d\.ts$/, '.js')))
      .map((file) => `${name}: ${file} has no code`),
    ...files
      .filter((file) => file.endsWith('.js') && !files.includes(file.replace(/\.js$/, '.d.ts')))
      .map((file) => `${name}: ${file} has no types`),
  ]
}
