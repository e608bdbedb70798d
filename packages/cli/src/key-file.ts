import { readFileSync } from 'node:fs'
import { isJsonArray, parseJsonObject } from '@countersign/core'
import { writeSecretFile } from '@countersign/issuer'
import { type ApiKeyRecord, readKeyRecord } from '@countersign/token'
import { CommandError, printable } from './terminal.js'

/**
 * Reads a file of records of API keys, `{ "keys": [ … ] }`.
 * @throws {CommandError} if it is none, or one of its records is none: what cannot be read is not written over.
 */
export function readKeyFile(file: string): readonly ApiKeyRecord[] {
  const list = parseJsonObject(readFileSync(file))?.['keys']
  if (!isJsonArray(list)) throw new CommandError(`${printable(file)} is no list of keys: { "keys": [ … ] }`)
  return list.map((value, index) => {
    const record = readKeyRecord(value)
    if (typeof record === 'string') throw new CommandError(`${printable(file)}: record ${index}: ${record}`)
    return record
  })
}

/** Writes the file anew in one step, with mode 0600: whoever reads it sees all of the old one or all of the new one. */
export function writeKeyFile(file: string, records: readonly ApiKeyRecord[]): void {
  writeSecretFile(file, `${JSON.stringify({ keys: records }, null, 2)}\n`, { overwrite: true })
}
