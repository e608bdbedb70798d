import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { MisuseError, parseJsonObject, type Recorder } from '@countersign/core'
import { type ReadKeys, readJwks } from './key-set.js'
import { AT_HAND, type KeyStore } from './key-store.js'
import { recordReload, recordReloadFailure } from './reload-events.js'

// How often the file is looked at: a rotation is seen within a second, and a stat costs next to nothing.
const POLL_MS = 1000
const MAX_FILE_BYTES = 256 * 1024

/**
 * Keys in a JWKS file, read again when it changes. A file that cannot be read, or holds no key, leaves the keys as they were.
 * @throws {MisuseError} `ERR_TRUST_UNREADABLE` if the file cannot be read at construction.
 */
export function createFileKeys(option: string, issuer: string, path: string, uses: ReadonlySet<unknown>, recorder: Recorder): KeyStore {
  const first = read(path, uses)
  if (typeof first === 'string') {
    const tried = isAbsolute(path) ? '' : ` (tried ${resolve(path)})`
    throw new MisuseError('ERR_TRUST_UNREADABLE', option, `cannot use ${path}: ${first}${tried}`)
  }
  let { keys } = first
  let epoch = 1
  recordReload(recorder, issuer, first)

  const reload = (): void => {
    const next = read(path, uses)
    if (typeof next === 'string') {
      recordReloadFailure(recorder, issuer, next, { file: path })
      return
    }
    if (next.keys.fingerprint === keys.fingerprint) return
    keys = next.keys
    epoch++
    recordReload(recorder, issuer, next)
  }
  watchFile(path, { interval: POLL_MS, persistent: false }, reload)

  return {
    ...AT_HAND,
    get epoch() {
      return epoch
    },
    find: (kid, algorithm) => keys.find(kid, algorithm),
    close() {
      unwatchFile(path, reload)
      return AT_HAND.close()
    },
  }
}

function read(path: string, uses: ReadonlySet<unknown>): ReadKeys | string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    return `the file cannot be read (${cause instanceof Error && 'code' in cause ? cause.code : 'unknown'})`
  }
  const found = bytes.length > MAX_FILE_BYTES ? null : readJwks(parseJsonObject(bytes), uses)
  if (found === null) return 'the file is not a JWK Set: { "keys": [ … ] }'
  return found.keys.size === 0 ? 'the file holds no key that may verify signatures' : found
}
