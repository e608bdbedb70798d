import { checkKeys, checkList, checkText, joinPath, kindOf, MisuseError, type Recorder } from '@countersign/core'
import { createDirectoryRecords } from './directory-records.js'
import { createFileRecords } from './file-records.js'
import { createListedRecords, type KeyRecords } from './key-records.js'
import type { ApiKeyDirectory, ApiKeyRules } from './options.js'

/**
 * Makes the records that `keys` stands for.
 * @throws {MisuseError}
 */
export function createKeyRecords(option: string, keys: unknown, rules: ApiKeyRules, recorder: Recorder): KeyRecords {
  if (Array.isArray(keys)) return createListedRecords(option, checkList(option, keys), rules)
  if (isDirectory(keys)) return createDirectoryRecords(keys, rules)
  if (typeof keys !== 'object' || keys === null)
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      option,
      `takes a list of records, { file } or an object with find and epoch, not ${kindOf(keys)}`,
    )
  checkKeys(option, keys, ['file'])
  const file = joinPath(option, 'file')
  return createFileRecords(file, checkText(file, keys['file']), rules, recorder)
}

function isDirectory(keys: unknown): keys is ApiKeyDirectory {
  if (typeof keys !== 'object' || keys === null || !('find' in keys) || typeof keys.find !== 'function') return false
  return 'epoch' in keys && typeof keys.epoch === 'number'
}
