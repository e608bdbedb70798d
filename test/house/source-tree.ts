import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './root.js'

/** One source file. `path` is relative to the root of the repository, with `/`. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** One workspace: its folder, its manifest as it stands in the file, and the sources and tests in it. */
export interface Workspace {
  /** Such as `core`. */
  readonly name: string
  readonly manifest: Manifest
  readonly sources: readonly SourceFile[]
  readonly tests: readonly SourceFile[]
}

/** What the checks read of a package.json. */
export interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly private?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

const SKIPPED = new Set(['node_modules', 'dist', 'dist-test'])

/** The files below a folder whose names end so, as paths relative to the root. */
export function filesBelow(folder: string, ending: string): string[] {
  const absolute = join(ROOT, folder)
  if (!existsSync(absolute)) return []
  return readdirSync(absolute, { withFileTypes: true })
    .flatMap((entry) => {
      if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesBelow(`${folder}/${entry.name}`, ending)
      return entry.name.endsWith(ending) ? [`${folder}/${entry.name}`] : []
    })
    .sort()
}

export function readSources(folder: string): SourceFile[] {
  return filesBelow(folder, '.ts').map((path) => ({ path, text: readText(path) }))
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

export function readManifest(path: string): Manifest {
  const parsed: Manifest = JSON.parse(readText(path))
  return parsed
}

/** The packages, in the order of their names. */
export function readPackages(): Workspace[] {
  return readdirSync(join(ROOT, 'packages'))
    .filter((name) => existsSync(join(ROOT, 'packages', name, 'package.json')))
    .sort()
    .map((name) => ({
      name,
      manifest: readManifest(`packages/${name}/package.json`),
      sources: readSources(`packages/${name}/src`),
      tests: readSources(`packages/${name}/test`),
    }))
}
