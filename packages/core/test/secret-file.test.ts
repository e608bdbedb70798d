import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readSecretFile } from '@countersign/core'

const folder = mkdtempSync(join(tmpdir(), 'secret-'))
after(() => rmSync(folder, { recursive: true }))

function write(bytes: Uint8Array | string, mode = 0o600): string {
  const file = join(folder, randomBytes(6).toString('hex'))
  writeFileSync(file, bytes, { mode })
  chmodSync(file, mode)
  return file
}

const unreadable = { code: 'ERR_CREDENTIAL_UNREADABLE', option: 'master.file' }

test('takes a secret that its owner alone may read', () => {
  const secret = randomBytes(48)
  for (const mode of [0o600, 0o400]) assert.deepEqual(readSecretFile('master.file', write(secret, mode)), Uint8Array.from(secret))
})

test('refuses a file that others may read or write, and names the line that mends it', () => {
  for (const mode of [0o644, 0o640, 0o604, 0o620, 0o602, 0o666, 0o601]) {
    const file = write(randomBytes(32), mode)
    assert.throws(() => readSecretFile('master.file', file), { ...unreadable, message: new RegExp(`chmod 600 ${file}`) })
  }
})

test('refuses a file that belongs to somebody else', () => {
  // Only root can give a file away.
  if (process.geteuid?.() !== 0) return
  const file = write(randomBytes(32))
  chownSync(file, 12_345, 12_345)
  assert.throws(() => readSecretFile('master.file', file), { ...unreadable, message: /belongs to somebody else/ })
})

test('refuses a weak, empty or default secret in it, and repeats none of it', () => {
  for (const text of ['', 'changeme', 'changeme-changeme-now-changeme-please-x', 'a'.repeat(40)]) {
    assert.throws(
      () => readSecretFile('master.file', write(text)),
      (error: unknown) =>
        error instanceof TypeError &&
        'code' in error &&
        error.code === 'ERR_OPTION_INVALID' &&
        (text === '' || !error.message.includes(text)),
    )
  }
})

test('refuses what is no file, without waiting for it', () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', ['-m', '600', pipe])
  for (const path of [pipe, folder, join(folder, 'none')]) assert.throws(() => readSecretFile('master.file', path), unreadable)
})

test('refuses a file that is far too large for a secret', () => {
  assert.throws(() => readSecretFile('master.file', write(Buffer.alloc(256 * 1024 + 1))), unreadable)
})
