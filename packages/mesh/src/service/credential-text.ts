import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import { checkKeys, checkText, inTime, joinPath, kindOf, MisuseError, readGuardedFile } from '@countersign/core'

/** PEM: in a file, as text, or from a function that fetches it, such as from a vault. */
export type CredentialText = { readonly file: string } | { readonly pem: string } | (() => string | Promise<string>)

/** Why a text could not be had. Fixed words: no path, and nothing of what a file holds. */
export type CredentialFlaw = 'outside' | 'unreadable' | 'too-large' | 'provider-failed' | 'provider-slow'

export class CredentialTextError extends Error {
  override readonly name = 'CredentialTextError'
  readonly flaw: CredentialFlaw

  constructor(flaw: CredentialFlaw, cause?: unknown) {
    super(`The credential cannot be had: ${flaw}`, cause === undefined ? undefined : { cause })
    this.flaw = flaw
  }
}

/** Sixteen certificates with large keys take less. */
const MAX_BYTES = 1024 * 1024
const PROVIDER_TIMEOUT_MS = 10_000

/** @throws {MisuseError} for what is none of the three. */
export function checkCredentialText(option: string, value: unknown): CredentialText {
  if (typeof value === 'function') return value as () => string | Promise<string>
  if (typeof value === 'string')
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      option,
      'takes { file }, { pem } or a function: whether a text is a path or a PEM is not guessed',
    )
  checkKeys(option, value, ['file', 'pem'])
  const { file, pem } = value
  if ((file === undefined) === (pem === undefined))
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes one of { file } and { pem }, not ${kindOf(value)}`)
  return pem === undefined ? { file: checkText(joinPath(option, 'file'), file) } : { pem: checkText(joinPath(option, 'pem'), pem) }
}

/**
 * Gets the text.
 * @param folder files must lie in it, whatever links or dots their paths hold. `null`: they may lie anywhere.
 * @param isSecret nobody but the owner of its file may open it.
 * @throws {CredentialTextError}
 */
export async function readCredentialText(text: CredentialText, folder: string | null, isSecret: boolean): Promise<string> {
  if (typeof text === 'function') return fetchText(text)
  return 'pem' in text ? text.pem : readFileWithin(text.file, folder, isSecret)
}

async function readFileWithin(file: string, folder: string | null, isSecret: boolean): Promise<string> {
  const path = await locate(file, folder)
  if (isSecret) {
    const bytes = readGuardedFile(path)
    if (typeof bytes === 'string') throw new CredentialTextError('unreadable', new Error(bytes))
    return Buffer.from(bytes).toString('utf8')
  }
  // A named pipe that nobody writes to would be waited for otherwise.
  const handle = await unreadable(open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK))
  try {
    const stats = await unreadable(handle.stat())
    if (!stats.isFile()) throw new CredentialTextError('unreadable')
    if (stats.size > MAX_BYTES) throw new CredentialTextError('too-large')
    return await unreadable(handle.readFile('utf8'))
  } finally {
    await handle.close()
  }
}

/** Where a file really is: a link out of the folder leads out of it as dots do. */
async function locate(file: string, folder: string | null): Promise<string> {
  if (folder === null) return unreadable(realpath(file))
  const root = await unreadable(realpath(folder))
  const asked = isAbsolute(file) ? file : join(root, file)
  // Before anything is looked at: whether a file outside exists is not told either.
  if (isAbsolute(file) ? !isWithin(folder, file) && !isWithin(root, file) : !isWithin(root, asked)) throw new CredentialTextError('outside')
  const found = await unreadable(realpath(asked))
  if (!isWithin(root, found)) throw new CredentialTextError('outside')
  return found
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

async function unreadable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw new CredentialTextError('unreadable', cause)
  }
}

async function fetchText(provider: () => string | Promise<string>): Promise<string> {
  try {
    const text: unknown = await inTime(provider(), PROVIDER_TIMEOUT_MS, () => {
      throw new CredentialTextError('provider-slow')
    })
    if (typeof text !== 'string') throw new CredentialTextError('provider-failed')
    if (text.length > MAX_BYTES) throw new CredentialTextError('too-large')
    return text
  } catch (cause) {
    throw cause instanceof CredentialTextError ? cause : new CredentialTextError('provider-failed', cause)
  }
}
