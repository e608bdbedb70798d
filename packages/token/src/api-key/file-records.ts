import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { isJsonArray, MisuseError, parseJsonObject, type Recorder } from '@countersign/core'
import { type KeyRecords, type StoredKey, storedKeysOf } from './key-records.js'
import type { ApiKeyRules } from './options.js'

// How often the file is looked at: a new key is known within a second, and a stat costs next to nothing.
const POLL_MS = 1000
const MAX_FILE_BYTES = 64 * 1024 * 1024

/**
 * Records in a JSON file, `{ "keys": [ … ] }`, read again when it changes. A file that cannot be read, or has one record that is none, leaves
 * them as they were.
 * @throws {MisuseError} `ERR_TRUST_UNREADABLE` if the file cannot be used at construction.
 */
export function createFileRecords(option: string, path: string, rules: ApiKeyRules, recorder: Recorder): KeyRecords {
  const first = read(path, rules)
  if (typeof first === 'string') {
    const tried = isAbsolute(path) ? '' : ` (tried ${resolve(path)})`
    throw new MisuseError('ERR_TRUST_UNREADABLE', option, `cannot use ${path}: ${first}${tried}`)
  }
  let keys = first
  let epoch = 1

  const reload = (): void => {
    const next = read(path, rules)
    if (typeof next !== 'string') {
      keys = next
      epoch++
    }
    const kind = typeof next === 'string' ? 'trust.reload-failed' : 'trust.reloaded'
    if (!recorder.wants(kind)) return
    recorder.record(
      typeof next === 'string'
        ? {
            kind,
            severity: 'warn',
            code: 'ERR_API_KEYS_UNAVAILABLE',
            message: 'The records of API keys could not be read again; those from before stay',
            facts: { file: path, reason: next },
          }
        : { kind, severity: 'info', message: 'The records of API keys were read', facts: { file: path, keys: next.size } },
    )
  }
  watchFile(path, { interval: POLL_MS, persistent: false }, reload)

  return {
    get epoch() {
      return epoch
    },
    maxAgeMs: Number.POSITIVE_INFINITY,
    find: (id) => keys.get(id) ?? null,
    ready: async () => {},
    async close() {
      unwatchFile(path, reload)
    },
  }
}

function read(path: string, rules: ApiKeyRules): ReadonlyMap<string, StoredKey> | string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    return `the file cannot be read (${cause instanceof Error && 'code' in cause ? cause.code : 'unknown'})`
  }
  const list = bytes.length > MAX_FILE_BYTES ? undefined : parseJsonObject(bytes)?.['keys']
  return isJsonArray(list) ? storedKeysOf(list, rules) : 'the file is no list of keys: { "keys": [ … ] }'
}
