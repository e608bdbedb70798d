import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createDevAuthority, writeCredential } from '@countersign/issuer'
import { temporaryFolder } from './openssl.js'

const authority = createDevAuthority()

for (const umask of ['000', '022', '777']) {
  for (const overwrite of [false, true]) {
    test(`the key file is 0600 under umask ${umask}${overwrite ? ' when it replaces another' : ''}`, (t) => {
      const folder = temporaryFolder(t)
      const script = `process.umask(0o${umask}); const { createDevAuthority, writeCredential } = await import('@countersign/issuer')
        const options = { overwrite: ${overwrite} }
        console.log(JSON.stringify(writeCredential(${JSON.stringify(folder)}, 'orders', createDevAuthority().issue({}), options)))`
      if (overwrite) writeFileSync(join(folder, 'orders-key.pem'), 'old', { mode: 0o666 })
      const run = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8', cwd: import.meta.dirname })
      assert.equal(run.status, 0, run.stderr)
      const { keyFile, certificateFile } = JSON.parse(run.stdout)
      assert.equal(statSync(keyFile).mode & 0o777, 0o600)
      assert.equal(statSync(certificateFile).mode & 0o777, 0o644)
      assert.match(readFileSync(keyFile, 'utf8'), /^-----BEGIN PRIVATE KEY-----/)
      assert.deepEqual(readdirSync(folder).sort(), ['orders-key.pem', 'orders.pem'])
    })
  }
}

test('never writes over a file unless it is told to', (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'orders-key.pem'), 'mine')
  assert.throws(() => writeCredential(folder, 'orders', authority.issue({})), { code: 'EEXIST' })
  assert.equal(readFileSync(join(folder, 'orders-key.pem'), 'utf8'), 'mine')
  assert.deepEqual(readdirSync(folder), ['orders-key.pem'])
})

test('never writes through a symbolic link', (t) => {
  const folder = temporaryFolder(t)
  const elsewhere = join(folder, 'elsewhere')
  writeFileSync(elsewhere, 'untouched')
  symlinkSync(elsewhere, join(folder, 'orders-key.pem'))
  assert.throws(() => writeCredential(folder, 'orders', authority.issue({})), { code: 'EEXIST' })
  writeCredential(folder, 'orders', authority.issue({}), { overwrite: true })
  assert.equal(readFileSync(elsewhere, 'utf8'), 'untouched')
})

test('refuses a name that leaves the folder', (t) => {
  const folder = temporaryFolder(t)
  for (const name of ['../orders', 'a/b', '', '.hidden', '-rf', 'nul\0']) {
    assert.throws(() => writeCredential(folder, name, authority.issue({})), { code: 'ERR_OPTION_INVALID' }, name)
  }
  assert.deepEqual(readdirSync(folder), [])
})
