import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { checkSecret, MisuseError } from '@countersign/core'

/** Others may do nothing with it, the group may read it: what a secret that is mounted for a group has. */
const FORBIDDEN_BITS = 0o037
const MAX_BYTES = 65_536

/**
 * Reads a secret from a file: its bytes as they are, a line break at the end too. Refused is a file that others can read, or that the group
 * can write.
 * @returns the bytes, checked as by {@link checkSecret}.
 * @throws {MisuseError} `ERR_CREDENTIAL_UNREADABLE` for a file that cannot be read, `ERR_OPTION_INVALID` for one with such rights, with the line
 * that mends it, or with a weak secret in it.
 */
export function secretFromFile(option: string, path: string): Uint8Array {
  return checkSecret(option, readGuarded(option, path))
}

function readGuarded(option: string, path: string): Uint8Array {
  const tried = isAbsolute(path) ? '' : ` (tried ${resolve(path)})`
  const unreadable = (reason: string, cause?: unknown): MisuseError =>
    new MisuseError('ERR_CREDENTIAL_UNREADABLE', option, `cannot use ${path}: ${reason}${tried}`, cause)
  let file: number
  try {
    // A named pipe that nobody writes to would be waited for without it.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    throw unreadable(`it cannot be read (${cause instanceof Error && 'code' in cause ? cause.code : 'unknown'})`, cause)
  }
  try {
    // By the open file, not by its name: what is judged is what is read.
    const { mode, size } = fstatSync(file)
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw unreadable('it is no file')
    if (size > MAX_BYTES) throw unreadable(`it has more than ${MAX_BYTES} bytes`)
    if ((mode & FORBIDDEN_BITS) !== 0 && process.platform !== 'win32') {
      const rights = (mode & 0o777).toString(8).padStart(4, '0')
      throw new MisuseError('ERR_OPTION_INVALID', option, `${path} has mode ${rights}, and holds a secret: chmod 600 ${path}`)
    }
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}
