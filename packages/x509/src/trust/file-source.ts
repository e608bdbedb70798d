import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, isAbsolute, join, resolve } from 'node:path'
import { MisuseError } from '@countersign/core'

export interface FileSourceOptions<T> {
  /** Path of the option that named the files, for messages, such as `mtls.trust`. */
  readonly option: string
  readonly errorCode: 'ERR_TRUST_UNREADABLE' | 'ERR_CREDENTIAL_UNREADABLE'
  /** Files, or folders where `extensions` says so. */
  readonly paths: readonly string[]
  /** A folder stands for its files that end so, in the order of their names, such as `['.pem', '.crt']`. Default: folders are not taken. */
  readonly extensions?: readonly string[]
  /** All files together. */
  readonly maxBytes: number
  /** Makes the value. Throws a {@link MisuseError} if the files do not make one; they are then ignored until they change again. */
  parse(files: readonly LoadedFile[]): T
  /** How often the files are looked at. */
  readonly intervalMs: number
  /** A changed value is in use. */
  onReloaded?(value: T): void
  /** Files changed and make no value: the old one stays in use. Called once a change. */
  onFailed?(error: unknown): void
}

export interface LoadedFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** A value made of files, made again when they change. */
export interface FileSource<T> {
  readonly value: T
  /** Grows by one whenever `value` changed. */
  readonly epoch: number
  /** Looks at the files now. `true`: the value changed. */
  reload(): boolean
  close(): void
}

/** A folder of anchors has tens of files. */
const MAX_FILES = 1_000

/**
 * Reads files now, and again whenever their inode, size or modification time changes: an `mv` over the file, a write in place and a
 * switched symbolic link are all seen. All files together make one value, so a pair of which one half is written makes none.
 *
 * @throws {MisuseError} `errorCode`, if the files cannot be read or make no value at the start.
 */
export function createFileSource<T>(options: FileSourceOptions<T>): FileSource<T> {
  let state = stateOf(options)
  const first = load(options)
  let value = options.parse(first)
  let digest = digestOf(first)
  let epoch = 0
  /** Digest of what makes no value, so that it is reported once. */
  let failed = ''

  function reload(): boolean {
    // Taken before the files are read: what is written meanwhile differs from it, and is read the next time.
    state = stateOf(options)
    try {
      const files = load(options)
      const seen = digestOf(files)
      if (seen === digest || seen === failed) return false
      failed = seen
      value = options.parse(files)
      digest = seen
    } catch (error) {
      options.onFailed?.(error)
      return false
    }
    epoch++
    options.onReloaded?.(value)
    return true
  }

  function look(): void {
    if (stateOf(options) !== state) reload()
  }

  const timer = setInterval(look, options.intervalMs)
  timer.unref()
  return {
    get value() {
      return value
    },
    get epoch() {
      return epoch
    },
    reload,
    close: () => clearInterval(timer),
  }
}

interface Sources {
  readonly option: string
  readonly errorCode: 'ERR_TRUST_UNREADABLE' | 'ERR_CREDENTIAL_UNREADABLE'
  readonly paths: readonly string[]
  readonly extensions?: readonly string[]
  readonly maxBytes: number
}

function load(sources: Sources): readonly LoadedFile[] {
  let left = sources.maxBytes
  return sources.paths.flatMap((path) => {
    try {
      return filesOf(path, sources.extensions).map((file) => {
        left -= statSync(file).size
        if (left < 0) throw new Error(`more than ${sources.maxBytes} bytes`)
        return { path: file, bytes: readFileSync(file) }
      })
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown'
      throw new MisuseError(
        sources.errorCode,
        sources.option,
        `cannot read ${path}: ${reason}${isAbsolute(path) ? '' : ` (tried ${resolve(path)})`}`,
        error,
      )
    }
  })
}

/** The file itself, or the files of a folder. Names with a leading dot are where Kubernetes keeps what its links point to. */
function filesOf(path: string, extensions: readonly string[] | undefined): readonly string[] {
  if (!statSync(path).isDirectory()) return [path]
  if (extensions === undefined) throw new Error('it is a folder')
  const names = readdirSync(path).filter((name) => !name.startsWith('.') && extensions.includes(extname(name).toLowerCase()))
  if (names.length === 0) throw new Error(`the folder holds no ${extensions.join(', ')} file`)
  if (names.length > MAX_FILES) throw new Error(`the folder holds more than ${MAX_FILES} files`)
  return names.sort().map((name) => join(path, name))
}

function stateOf({ paths, extensions }: Sources): string {
  return paths.map((path) => tolerantly(() => filesOf(path, extensions).map(stateOfFile).join(' '))).join(' ')
}

function stateOfFile(path: string): string {
  return tolerantly(() => {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true })
    return `${path} ${ino} ${size} ${mtimeNs}`
  })
}

function tolerantly(look: () => string): string {
  try {
    return look()
  } catch {
    return 'gone'
  }
}

function digestOf(files: readonly LoadedFile[]): string {
  const hash = createHash('sha256')
  for (const { path, bytes } of files) hash.update(`${path} ${bytes.length} `).update(bytes)
  return hash.digest('base64')
}
