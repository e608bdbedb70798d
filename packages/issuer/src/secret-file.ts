import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { MisuseError } from '@countersign/core'

// A hundred private RSA keys as JWKs; any secret is shorter.
const MAX_FILE_BYTES = 256 * 1024
const OTHERS = 0o077

/**
 * Reads a file that its owner alone may read, the owner being this process or root.
 * @returns why not, in words for the log, instead: fixed text, and the line that mends it.
 */
export function readOwnedFile(path: string): Buffer | string {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (cause) {
    return `the file cannot be read (${codeOf(cause)})`
  }
  try {
    // Asked of the open file, so that what is checked is what is read.
    const { mode, uid, size } = fstatSync(descriptor)
    const self = process.getuid?.() // Windows has neither owners nor modes of this kind.
    if (self !== undefined && (mode & OTHERS) !== 0) return `others than its owner may open the file: chmod 600 ${path}`
    if (self !== undefined && uid !== self && uid !== 0) return `the file belongs to somebody else: chown ${self} ${path}`
    if (size > MAX_FILE_BYTES) return 'the file is too large'
    const bytes = Buffer.alloc(size)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, size, 0))
  } catch (cause) {
    return `the file cannot be read (${codeOf(cause)})`
  } finally {
    closeSync(descriptor)
  }
}

/** The error of a file that a service cannot start with. */
export function unreadable(option: string, path: string, flaw: string): MisuseError {
  const tried = isAbsolute(path) ? '' : ` (tried ${resolve(path)})`
  return new MisuseError('ERR_CREDENTIAL_UNREADABLE', option, `cannot use ${path}: ${flaw}${tried}`)
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
}
