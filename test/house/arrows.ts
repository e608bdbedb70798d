import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import type { Workspace } from './source-tree.js'
import { importsOf } from './syntax.js'

const MECHANISMS = ['x509', 'token', 'policy', 'limit', 'audit', 'state', 'issuer', 'credentials', 'discovery'] as const

/**
 * What each package may use of ours: arrows point downwards only, and never sideways. Mechanisms meet through core's interfaces
 * and in the guard; the mesh is the composition root of the issuing side; the guard does not know the opposite trust role, the issuer; `redis` implements core's stores and knows
 * nothing else; an adapter holds neither cryptography nor policy and so needs neither.
 */
export const MAY_USE: Readonly<Record<string, readonly string[] | 'everything'>> = {
  core: [],
  ...Object.fromEntries(MECHANISMS.map((name) => [name, ['core']])),
  redis: ['core'],
  guard: ['core', ...MECHANISMS.filter((name) => name !== 'issuer')],
  node: ['core', 'x509', 'limit', 'guard'],
  express: ['core', 'guard', 'node'],
  koa: ['core', 'guard', 'node'],
  fastify: ['core', 'guard', 'node'],
  grpc: ['core', 'guard', 'node'],
  mesh: ['core', ...MECHANISMS, 'guard', 'node'],
  client: ['core', ...MECHANISMS, 'guard', 'node'],
  cli: ['core', ...MECHANISMS, 'guard', 'node'],
  testing: 'everything',
}

const OWN = /^@countersign\/([^/]+)(\/.+)?$/
const BUILTIN = new Set(builtinModules)

/** Every wrong arrow of one package: in its sources, in its tests and in its manifest. */
export function wrongArrows(workspace: Workspace): string[] {
  const { name, manifest } = workspace
  const allowed = MAY_USE[name]
  if (allowed === undefined) return [`packages/${name}: has no place in the house; give it one in MAY_USE`]
  const may = (other: string): boolean => other !== name && (allowed === 'everything' || allowed.includes(other))
  const runtime = { ...manifest.dependencies, ...manifest.peerDependencies }
  const inTests = { ...runtime, ...manifest.devDependencies }
  const wrong: string[] = []
  const imported = new Set<string>()

  for (const file of workspace.sources) {
    for (const { specifier, line } of importsOf(file)) {
      const at = `${file.path}:${line}`
      if (specifier.startsWith('.')) {
        wrong.push(...wrongRelative(at, file.path, specifier, `packages/${name}/src`))
        continue
      }
      if (isBuiltin(specifier)) continue
      const dependency = packageOf(specifier)
      imported.add(dependency)
      const own = OWN.exec(specifier)
      if (own !== null && !may(own[1] ?? '')) wrong.push(`${at}: ${name} may not use ${specifier}`)
      if (own?.[2] !== undefined) wrong.push(`${at}: reaches into the files of another package: ${specifier}`)
      if (!(dependency in runtime)) wrong.push(`${at}: ${dependency} is not declared in packages/${name}/package.json`)
    }
  }
  for (const file of workspace.tests) {
    for (const { specifier, line } of importsOf(file)) {
      const own = OWN.exec(specifier)
      if (own?.[2] !== undefined) wrong.push(`${file.path}:${line}: reaches into the files of another package: ${specifier}`)
      // References are made from the manifest: without the entry, the other package may be built after this one.
      if (own !== null && own[1] !== name && !(`@countersign/${own[1]}` in inTests)) {
        wrong.push(`${file.path}:${line}: ${specifier} is not declared in packages/${name}/package.json`)
      }
    }
  }
  for (const dependency of Object.keys(runtime)) {
    const own = OWN.exec(dependency)
    if (own !== null && !may(own[1] ?? '')) wrong.push(`packages/${name}/package.json: ${name} may not use ${dependency}`)
  }
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    if (!imported.has(dependency)) wrong.push(`packages/${name}/package.json: ${dependency} is declared and never imported`)
  }
  return wrong
}

function wrongRelative(at: string, file: string, specifier: string, root: string): string[] {
  const target = posix.normalize(posix.join(posix.dirname(file), specifier))
  if (!target.startsWith(`${root}/`)) return [`${at}: leaves its package: ${specifier}`]
  return specifier.endsWith('.js') ? [] : [`${at}: names no file: ${specifier}`]
}

export function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || BUILTIN.has(specifier)
}

function packageOf(specifier: string): string {
  const [scope = '', name = ''] = specifier.split('/')
  return scope.startsWith('@') ? `${scope}/${name}` : scope
}
