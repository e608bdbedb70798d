import { randomBytes } from 'node:crypto'
import { closeSync, fchmodSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MisuseError } from '@countersign/core'

/** Where a credential was written. */
export interface WrittenCredential {
  readonly certificateFile: string
  readonly keyFile: string
}

const KEY_MODE = 0o600
const CERTIFICATE_MODE = 0o644
const NAME = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,99}$/

/**
 * Writes `NAME.pem` (leaf and intermediates, mode 0644) and `NAME-key.pem` (mode 0600 from its first instant, whatever the umask).
 * With `overwrite` each file is replaced in one step, the key first: who reads both must be ready for a pair that does not match yet.
 * @param credential an issued certificate; of an authority, `{ chainPem: certificatePem, keyPem }`.
 * @throws {MisuseError} `ERR_OPTION_INVALID` for a name that is not a plain file name.
 * @throws {Error} with the code of the file system; `EEXIST` if a file is there and `overwrite` is not set.
 */
export function writeCredential(
  folder: string,
  name: string,
  credential: { readonly chainPem: string; readonly keyPem: string },
  options: { readonly overwrite?: boolean } = {},
): WrittenCredential {
  if (!NAME.test(name))
    throw new MisuseError('ERR_OPTION_INVALID', 'name', 'takes a plain file name: letters, digits, dot, dash, underscore')
  mkdirSync(folder, { recursive: true })
  const certificateFile = join(folder, `${name}.pem`)
  const keyFile = join(folder, `${name}-key.pem`)
  const overwrite = options.overwrite ?? false
  writeFileWithMode(keyFile, credential.keyPem, KEY_MODE, overwrite)
  writeFileWithMode(certificateFile, credential.chainPem, CERTIFICATE_MODE, overwrite)
  return { certificateFile, keyFile }
}

/** Writes a file that only its owner can read, in one step. Refuses a file that is there (`EEXIST`) unless `overwrite` is set. */
export function writeSecretFile(file: string, text: string | Uint8Array, options: { readonly overwrite?: boolean } = {}): void {
  writeFileWithMode(file, text, KEY_MODE, options.overwrite ?? false)
}

function writeFileWithMode(file: string, text: string | Uint8Array, mode: number, overwrite: boolean): void {
  const target = overwrite ? `${file}.${randomBytes(6).toString('hex')}.tmp` : file
  const descriptor = openSync(target, 'wx', mode)
  try {
    // The umask can only have taken bits away; this puts them back.
    fchmodSync(descriptor, mode)
    writeFileSync(descriptor, text)
    fsyncSync(descriptor)
  } catch (error) {
    rmSync(target, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
  }
  if (overwrite) renameSync(target, file)
}
