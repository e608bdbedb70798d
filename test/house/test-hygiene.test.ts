import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPackages, readSources } from './source-tree.js'
import { hygieneFaults } from './test-hygiene.js'

test('no test keeps others from running, and none is left out without a reason', () => {
  const files = [...readPackages().flatMap(({ tests }) => tests), ...readSources('test'), ...readSources('examples')]
  assert.ok(files.length > 30, 'the tests were found')
  assert.deepEqual(files.flatMap(hygieneFaults), [])
})

test('finds tests that run alone or are left out', () => {
  const faultsOf = (text: string): string => hygieneFaults({ path: 'x.test.ts', text }).join('\n')
  assert.match(faultsOf(`test.only('x', f)`), /runs alone/)
  assert.match(faultsOf(`test('x', { only: true }, f)`), /runs alone/)
  assert.match(faultsOf(`describe.skip('x', f)`), /skip without a reason/)
  assert.match(faultsOf(`it.todo('x')`), /todo without a reason/)
  assert.match(faultsOf(`test('x', { skip: true }, f)`), /skip without a reason/)
  assert.match(faultsOf(`test('x', (t) => t.skip())`), /skip without a reason/)
  assert.equal(faultsOf(`test('x', { skip: hasOpenssl ? false : 'openssl is not installed' }, f)`), '')
  assert.equal(faultsOf(`// skipped: the kernel has no such socket\ntest.skip('x', f)`), '')
  assert.equal(faultsOf(`test('x', (t) => t.skip('openssl is not installed'))`), '')
  assert.equal(faultsOf(`list.only('x')\nstream.skip(3)`), '')
})
