import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { secretFromFile } from '@countersign/token'

const folder = mkdtempSync(join(tmpdir(), 'cs-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, bytes: Uint8Array, mode: number): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  chmodSync(path, mode)
  return path
}

test('reads a secret that its owner alone, or its group too, can read', () => {
  const bytes = randomBytes(32)
  for (const mode of [0o600, 0o400, 0o640, 0o440])
    assert.deepEqual(secretFromFile('hashKey.file', write(`good-${mode}`, bytes, mode)), Uint8Array.from(bytes))
})

test('refuses a secret that others can read or the group can change, and says how to mend it', () => {
  for (const mode of [0o644, 0o604, 0o660, 0o666, 0o777]) {
    const path = write(`bad-${mode}`, randomBytes(32), mode)
    assert.throws(() => secretFromFile('hashKey.file', path), {
      name: 'MisuseError',
      code: 'ERR_OPTION_INVALID',
      option: 'hashKey.file',
      message: new RegExp(`has mode 0${mode.toString(8)}.*chmod 600 ${path}`),
    })
  }
})

test('refuses a weak secret in a file', () => {
  const path = write('weak', Buffer.from('changeme-changeme-or-be-sorry-later'), 0o600)
  assert.throws(() => secretFromFile('hashKey.file', path), { code: 'ERR_OPTION_INVALID', message: /examples and defaults/ })
  assert.throws(() => secretFromFile('hashKey.file', write('short', randomBytes(8), 0o600)), { message: /8 bytes/ })
})

test('refuses what is not there, is no file, or is too large, and waits for nothing', () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  for (const path of [join(folder, 'absent'), folder, pipe, write('large', randomBytes(70_000), 0o600)])
    assert.throws(() => secretFromFile('hashKey.file', path), { code: 'ERR_CREDENTIAL_UNREADABLE', option: 'hashKey.file' })
})
