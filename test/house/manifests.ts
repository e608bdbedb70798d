import type { Manifest } from './source-tree.js'

/** What must be the same in every published manifest, so that a package cannot be published by halves. */
const FIELDS: Readonly<Record<string, unknown>> = {
  license: 'MIT',
  type: 'module',
  sideEffects: false,
  engines: { node: '^20.19.0 || >=22.12.0' },
  publishConfig: { access: 'public', provenance: true },
  files: ['dist', '!dist/.tsbuildinfo', '!dist/**/*.d.ts.map'],
  exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' }, './package.json': './package.json' },
}

/** What is wrong with the manifest of the package in `packages/<name>`. */
export function wrongManifest(name: string, manifest: Manifest, version: string): string[] {
  const at = `packages/${name}/package.json`
  const wrong: string[] = []
  if (manifest.name !== `@countersign/${name}`) wrong.push(`${at}: its name is not @countersign/${name}`)
  if (manifest.version !== version) wrong.push(`${at}: version ${manifest.version}, not the one version ${version}`)
  if (manifest.private === true) wrong.push(`${at}: is private`)
  if (typeof manifest['description'] !== 'string' || manifest['description'] === '') wrong.push(`${at}: has no description`)
  for (const [field, value] of Object.entries(FIELDS)) {
    if (JSON.stringify(manifest[field]) !== JSON.stringify(value)) wrong.push(`${at}: ${field} is not ${JSON.stringify(value)}`)
  }
  for (const field of ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'])
    wrong.push(...wrongOwnVersions(at, field, manifest[field], version))
  for (const hook of Object.keys(asRecord(manifest['scripts']))) {
    if (/^(?:pre|post)?install$|^prepare$/.test(hook)) wrong.push(`${at}: runs a script where it is installed: ${hook}`)
  }
  return wrong
}

/** Own packages are tested together and released together: any other version than this one is untested. */
export function wrongOwnVersions(at: string, field: string, dependencies: unknown, version: string): string[] {
  return Object.entries(asRecord(dependencies))
    .filter(([dependency, range]) => dependency.startsWith('@countersign/') && range !== version)
    .map(([dependency, range]) => `${at}: ${field}: ${dependency} is ${JSON.stringify(range)}, not exactly ${version}`)
}

/** `resolved` may name a folder of this repository, never an address: installs go through whatever registry is configured. */
export function addressesInLock(lock: unknown): string[] {
  return Object.entries(asRecord(asRecord(lock)['packages'])).flatMap(([path, entry]) => {
    const resolved = asRecord(entry)['resolved']
    return typeof resolved === 'string' && /^[a-z+]+:/i.test(resolved) ? [`package-lock.json: ${path} is bound to a download address`] : []
  })
}

/**
 * Why `npm ci` would refuse the lock file, here or elsewhere: a workspace whose manifest says something else, or a package for another
 * platform that is left out, as npm does where it finds that platform's package installed already.
 * @param manifests by the path of their folder; `''` is the root.
 */
export function gapsInLock(lock: unknown, manifests: Readonly<Record<string, Manifest>>): string[] {
  const packages = asRecord(asRecord(lock)['packages'])
  const gaps: string[] = []
  for (const [path, manifest] of Object.entries(manifests)) {
    for (const field of ['dependencies', 'devDependencies', 'peerDependencies']) {
      if (!sameRecord(asRecord(manifest[field]), asRecord(asRecord(packages[path])[field])))
        gaps.push(
          `package-lock.json: ${field} of ${path === '' ? 'the root' : path} are not those of its package.json: npm install --package-lock-only`,
        )
    }
  }
  for (const [path, entry] of Object.entries(packages)) {
    for (const name of Object.keys(asRecord(asRecord(entry)['optionalDependencies']))) {
      const places = [`${path}/node_modules/${name}`, `node_modules/${name}`]
      if (!places.some((place) => place in packages)) gaps.push(`package-lock.json: ${name}, which ${path} may need, is left out`)
    }
  }
  return gaps
}

function sameRecord(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([key, value]) => b[key] === value)
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
