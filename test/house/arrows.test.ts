import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAY_USE, wrongArrows } from './arrows.js'
import { type Manifest, readPackages, type Workspace } from './source-tree.js'

test('every import and every declared dependency points downwards', () => {
  const packages = readPackages()
  assert.ok(packages.length >= 14, 'the packages were found')
  assert.deepEqual(packages.flatMap(wrongArrows), [])
})

test('no two packages may use each other, over any number of steps', () => {
  const reach = (name: string, path: readonly string[]): void => {
    assert.ok(!path.includes(name), `a circle: ${[...path, name].join(' → ')}`)
    const allowed = MAY_USE[name] ?? []
    if (allowed !== 'everything') for (const next of allowed) reach(next, [...path, name])
  }
  for (const name of Object.keys(MAY_USE)) reach(name, [])
})

function sample(name: string, source: string, manifest: Manifest = {}, tests = ''): Workspace {
  return {
    name,
    manifest,
    sources: [{ path: `packages/${name}/src/sample.ts`, text: source }],
    tests: [{ path: `packages/${name}/test/sample.test.ts`, text: tests }],
  }
}
const using = (...names: string[]): Manifest => ({
  dependencies: Object.fromEntries(names.map((name) => [`@countersign/${name}`, '0.1.0'])),
})

test('accepts arrows that point downwards', () => {
  assert.deepEqual(wrongArrows(sample('token', `import { refuse } from '@countersign/core'\nimport './key.js'`, using('core'))), [])
  assert.deepEqual(wrongArrows(sample('node', `export { createGuard } from '@countersign/guard'`, using('guard'))), [])
})

test('finds an upward, a sideways and an issuing arrow', () => {
  const upward = sample('core', `import type { Guard } from '@countersign/guard'`, using('guard'))
  assert.deepEqual(wrongArrows(upward), [
    'packages/core/src/sample.ts:1: core may not use @countersign/guard',
    'packages/core/package.json: core may not use @countersign/guard',
  ])
  assert.match(wrongArrows(sample('token', `export { verify } from '@countersign/x509'`, using('x509'))).join(), /token may not use/)
  assert.match(wrongArrows(sample('guard', `await import('@countersign/issuer')`, using('issuer'))).join(), /guard may not use/)
  assert.match(wrongArrows(sample('koa', `type C = import('@countersign/x509').Chain`, using('x509'))).join(), /koa may not use/)
  assert.match(wrongArrows(sample('redis', `import '@countersign/limit'`, using('limit'))).join(), /redis may not use/)
})

test('finds an arrow that stands in the manifest alone', () => {
  assert.match(wrongArrows(sample('policy', '', using('audit'))).join('\n'), /policy may not use @countersign\/audit/)
  assert.match(wrongArrows(sample('policy', '', { peerDependencies: { '@countersign/audit': '0.1.0' } })).join('\n'), /policy may not use/)
})

test('finds what is imported and not declared, and what is declared and not imported', () => {
  assert.deepEqual(wrongArrows(sample('token', `import { jwtVerify } from 'jose'`)), [
    'packages/token/src/sample.ts:1: jose is not declared in packages/token/package.json',
  ])
  assert.deepEqual(wrongArrows(sample('token', '', { dependencies: { jose: '^6.0.0' } })), [
    'packages/token/package.json: jose is declared and never imported',
  ])
  assert.deepEqual(wrongArrows(sample('token', '', {}, `import '@countersign/issuer'`)), [
    'packages/token/test/sample.test.ts:1: @countersign/issuer is not declared in packages/token/package.json',
  ])
  assert.deepEqual(
    wrongArrows(sample('token', '', { devDependencies: { '@countersign/issuer': '0.1.0' } }, `import '@countersign/issuer'`)),
    [],
  )
})

test('finds a reach into another package and out of the own', () => {
  const deep = wrongArrows(sample('token', `import { x } from '@countersign/core/dist/match.js'`, using('core')))
  assert.deepEqual(deep, ['packages/token/src/sample.ts:1: reaches into the files of another package: @countersign/core/dist/match.js'])
  assert.deepEqual(wrongArrows(sample('token', `import '../../core/src/match.js'`)), [
    'packages/token/src/sample.ts:1: leaves its package: ../../core/src/match.js',
  ])
  assert.deepEqual(wrongArrows(sample('token', `import './key'`)), ['packages/token/src/sample.ts:1: names no file: ./key'])
})

test('finds a package that has no place in the house', () => {
  assert.match(wrongArrows(sample('shared', '')).join(), /has no place/)
})
