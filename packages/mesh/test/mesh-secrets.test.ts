import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { createMeshSecrets } from '@countersign/mesh'

const hexOf = (key: Uint8Array): string => Buffer.from(key).toString('hex')

test('processes with the same master have the same keys, one for each use', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-secrets-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [master, file] = [randomBytes(32), join(folder, 'master')]
  writeFileSync(file, master, { mode: 0o600 })
  const [a, b] = [createMeshSecrets(master), createMeshSecrets({ file })]
  const keysOf = (secrets: typeof a): string[] => [secrets.stateMacKey(), secrets.dpopNonceSecret(), secrets.apiKeyHashKey()].map(hexOf)
  assert.deepEqual(keysOf(a), keysOf(b))
  assert.equal(new Set([...keysOf(a), hexOf(master)]).size, 4)
})

test('a service that is named has keys of its own', () => {
  const master = randomBytes(32)
  const [a, b] = [createMeshSecrets(master), createMeshSecrets(master)]
  const keysOf = ({ dpopNonceSecret, apiKeyHashKey }: typeof a): string[] =>
    [undefined, 'spiffe://prod.example/orders', 'spiffe://prod.example/billing'].flatMap((service) => [
      hexOf(dpopNonceSecret(service)),
      hexOf(apiKeyHashKey(service)),
    ])
  assert.deepEqual(keysOf(a), keysOf(b))
  assert.equal(new Set(keysOf(a)).size, 6)
  assert.throws(() => a.apiKeyHashKey(''), { code: 'ERR_OPTION_INVALID', option: 'use.service' })
})

test('nothing that prints or copies them has a key', () => {
  const secrets = createMeshSecrets(randomBytes(32))
  const printed = inspect(secrets, { depth: 9, showHidden: true }) + JSON.stringify(secrets)
  assert.equal(printed.includes(hexOf(secrets.stateMacKey()).slice(0, 8)), false)
})

test('a missing, weak or default master is refused at the start', () => {
  assert.throws(() => createMeshSecrets(JSON.parse('null')), { code: 'ERR_OPTION_MISSING', option: 'master' })
  for (const weak of [Buffer.alloc(0), randomBytes(31), Buffer.from('changeme'), Buffer.from('this-is-the-default-secret-of-the-mesh')])
    assert.throws(() => createMeshSecrets(weak), { code: 'ERR_OPTION_INVALID', option: 'master' })
  assert.throws(() => createMeshSecrets({ file: '/nowhere' }), { code: 'ERR_CREDENTIAL_UNREADABLE', option: 'master.file' })
})
