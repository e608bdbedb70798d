import { StateError } from '@countersign/core'
import type { Connection } from './connection.js'
import { textOf } from './run-script.js'

/** Fewest version: `SET … PXAT`, and exclusive ranges of streams. */
const MIN_VERSION = [6, 2] as const

interface Requirements {
  readonly dangerouslyAllowEviction: boolean
}

/**
 * Checks that every primary is one that keeps what it is given.
 * @throws {StateError} `unsafe` for one that does not, or does not say.
 */
export async function checkServers(connection: Connection, { dangerouslyAllowEviction }: Requirements): Promise<void> {
  let answers: readonly unknown[]
  try {
    answers = await connection.ask(['INFO'])
  } catch (error) {
    if (!(error instanceof StateError) || error.reason !== 'unsafe') throw error
    if (dangerouslyAllowEviction) return
    throw new StateError(
      'unsafe',
      'the store does not say whether it evicts: let the user of the client run INFO, or say dangerouslyAllowEviction',
    )
  }
  if (answers.length === 0) throw new StateError('unreachable', 'the cluster of the store has no primary')
  for (const answer of answers) checkServer(fieldsOf(textOf(answer)), dangerouslyAllowEviction)
}

function checkServer(fields: ReadonlyMap<string, string>, dangerouslyAllowEviction: boolean): void {
  const version = (fields.get('redis_version') ?? '').split('.').map(Number)
  const [major = 0, minor = 0] = version
  if (!(major > MIN_VERSION[0] || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1])))
    throw new StateError('unsafe', `the store is no Redis or Valkey of ${MIN_VERSION.join('.')} or later`)
  // A replica may be behind, and cannot be written.
  if (fields.get('role') !== 'master') throw new StateError('unsafe', 'the client is connected to a replica')
  if (!dangerouslyAllowEviction && fields.get('maxmemory_policy') !== 'noeviction')
    throw new StateError(
      'unsafe',
      'the store evicts what is alive when its memory is full: set maxmemory-policy noeviction. A revocation that is evicted is undone',
    )
}

function fieldsOf(info: string): ReadonlyMap<string, string> {
  return new Map(
    info.split(/\r?\n/).flatMap((line) => {
      const at = line.indexOf(':')
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : []
    }),
  )
}
