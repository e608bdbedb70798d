import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { checkSecret } from './check-secret.js'
import { MisuseError } from './errors.js'

/** A hundred private RSA keys as JWKs; any secret is shorter. */
const MAX_FILE_BYTES = 256 * 1024
const OTHERS = 0o077
/** Of a file of root: its group may read it, which is how orchestrators mount secrets for a service that is not root. */
const OTHERS_OF_ROOT = 0o037

/**
 * Reads a file that keeps a secret: one that this process owns and nobody else may open, or one of root that its group may read at most.
 * @returns why it is not used, in words for the log and with the line that mends it, instead.
 */
export function readGuardedFile(path: string): Uint8Array | string {
  let descriptor: number
  try {
    // A named pipe that nobody writes to would be waited for without it.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    return `it cannot be read (${codeOf(cause)})`
  }
  try {
    // Asked of the open file, so that what is judged is what is read.
    const { mode, uid, size } = fstatSync(descriptor)
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) return 'it is no file'
    if (size > MAX_FILE_BYTES) return `it has more than ${MAX_FILE_BYTES} bytes`
    const flaw = flawOfRights(path, mode, uid)
    if (flaw !== null) return flaw
    const bytes = new Uint8Array(size)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, size, 0))
  } catch (cause) {
    return `it cannot be read (${codeOf(cause)})`
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Reads a secret from a file: its bytes as they are, a line break at the end too.
 * @param option path of the option that names the file.
 * @returns the bytes, checked as by {@link checkSecret}.
 * @throws {MisuseError} `ERR_CREDENTIAL_UNREADABLE` for a file that cannot be read or that others may read, `ERR_OPTION_INVALID` for a weak
 * secret in it.
 */
export function readSecretFile(option: string, path: string): Uint8Array {
  const bytes = readGuardedFile(path)
  if (typeof bytes === 'string') throw unreadableFile(option, path, bytes)
  return checkSecret(option, bytes)
}

/** The error of a file that a service cannot start with. */
export function unreadableFile(option: string, path: string, flaw: string): MisuseError {
  const tried = isAbsolute(path) ? '' : ` (tried ${resolve(path)})`
  return new MisuseError('ERR_CREDENTIAL_UNREADABLE', option, `cannot use ${path}: ${flaw}${tried}`)
}

function flawOfRights(path: string, mode: number, uid: number): string | null {
  // Windows has neither owners nor rights of this kind.
  const self = process.geteuid?.()
  if (self === undefined) return null
  if (uid !== self && uid !== 0) return `it belongs to somebody else: chown ${self} ${path}`
  const forbidden = uid === self ? OTHERS : OTHERS_OF_ROOT
  return (mode & forbidden) === 0 ? null : `others may open it, and it holds a secret: chmod 600 ${path}`
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
}
