import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { addressesInLock, gapsInLock, wrongManifest, wrongOwnVersions } from './manifests.js'
import { ROOT } from './root.js'
import { type Manifest, readManifest, readPackages, readText } from './source-tree.js'

const VERSION = readManifest('package.json').version ?? ''

test('every package is published whole, under one version', () => {
  assert.equal(readManifest('lerna.json').version, VERSION)
  assert.deepEqual(
    readPackages().flatMap(({ name, manifest }) => wrongManifest(name, manifest, VERSION)),
    [],
  )
})

test('every example uses exactly this version', () => {
  const names = readdirSync(join(ROOT, 'examples')).filter((name) => existsSync(join(ROOT, 'examples', name, 'package.json')))
  assert.ok(names.length > 0, 'the examples were found')
  for (const name of names) {
    const manifest = readManifest(`examples/${name}/package.json`)
    assert.equal(manifest.private, true, `examples/${name} is private`)
    assert.deepEqual(wrongOwnVersions(`examples/${name}/package.json`, 'dependencies', manifest.dependencies, VERSION), [])
  }
})

test('the lock file is bound to no download address', () => {
  const lock: unknown = JSON.parse(readText('package-lock.json'))
  assert.deepEqual(addressesInLock(lock), [])
  const bad = {
    packages: {
      'node_modules/x': { resolved: 'https://registry.example/x-1.0.0.tgz' },
      'node_modules/y': { resolved: 'packages/y' },
    },
  }
  assert.deepEqual(addressesInLock(bad), ['package-lock.json: node_modules/x is bound to a download address'])
})

test('the lock file is complete, so that npm ci takes it on every platform', () => {
  const lock: unknown = JSON.parse(readText('package-lock.json'))
  const workspaces = ['packages', 'examples'].flatMap((parent) => readdirSync(join(ROOT, parent)).map((name) => `${parent}/${name}`))
  const paths = ['', 'test', ...workspaces].filter((path) => existsSync(join(ROOT, path, 'package.json')))
  assert.deepEqual(gapsInLock(lock, Object.fromEntries(paths.map((path) => [path, readManifest(join(path, 'package.json'))]))), [])
})

test('finds what a lock file leaves out', () => {
  const lock = {
    packages: {
      '': { devDependencies: { x: '^1.0.0' } },
      'node_modules/x': { optionalDependencies: { 'x-linux': '1.0.0', 'x-darwin': '1.0.0' } },
      'node_modules/x/node_modules/x-linux': {},
    },
  }
  assert.deepEqual(gapsInLock(lock, { '': { devDependencies: { x: '^1.0.0' } } }), [
    'package-lock.json: x-darwin, which node_modules/x may need, is left out',
  ])
  assert.match(gapsInLock(lock, { '': { devDependencies: { x: '^1.1.0' } } }).join(), /devDependencies of the root are not those/)
  assert.match(
    gapsInLock(lock, { '': { devDependencies: { x: '^1.0.0', y: '1.0.0' } } }).join(),
    /devDependencies of the root are not those/,
  )
  assert.match(
    gapsInLock(lock, { '': { devDependencies: { x: '^1.0.0' }, dependencies: { y: '1.0.0' } } }).join(),
    /: dependencies of the root/,
  )
})

const GOOD: Manifest = readManifest('packages/core/package.json')

test('finds each fault of a manifest', () => {
  assert.deepEqual(wrongManifest('core', GOOD, VERSION), [])
  const fault = (change: Manifest, found: RegExp): void =>
    assert.match(wrongManifest('core', { ...GOOD, ...change }, VERSION).join('\n'), found)
  fault({ name: '@countersign/kernel' }, /its name is not/)
  fault({ version: '0.0.9' }, /not the one version/)
  fault({ private: true }, /is private/)
  fault({ description: '' }, /no description/)
  fault({ license: 'ISC' }, /license is not "MIT"/)
  fault({ type: 'commonjs' }, /type is not "module"/)
  fault({ files: ['dist', 'src'] }, /files is not/)
  fault({ exports: './dist/index.js' }, /exports is not/)
  fault({ engines: { node: '>=18' } }, /engines is not/)
  fault({ publishConfig: { access: 'public' } }, /publishConfig is not/)
  fault({ scripts: { postinstall: 'node x.js' } }, /runs a script where it is installed/)
  fault({ dependencies: { '@countersign/x509': '^0.1.0' } }, /not exactly/)
  fault({ devDependencies: { '@countersign/x509': '*' } }, /not exactly/)
})
