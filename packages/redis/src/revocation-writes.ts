import { mergeRevocations, type RevocationEntry } from '@countersign/core'
import type { Connection } from './connection.js'
import type { Keys } from './keys.js'
import { digestOf, endOf, readRevocation, writeRevocation } from './revocation-record.js'
import { listOf, textOrNull } from './run-script.js'
import { type Sealer, unlessTampered } from './seal.js'

/** A revocation as a script takes it: in the place of what was read, nothing where there was none. */
export type RevocationWrite = readonly [digest: string, was: string, value: string, untilMs: number]

/**
 * Merges revocations with what the store knows of them. The store cannot: it has no key to seal with. Whoever was first wins, and the
 * other reads again.
 * @param onlyNew leaves out what adds nothing to what is known.
 */
export async function revocationWrites(
  connection: Connection,
  keys: Keys,
  sealer: Sealer,
  entries: readonly RevocationEntry[],
  onlyNew: boolean,
): Promise<readonly RevocationWrite[]> {
  if (entries.length === 0) return []
  const merged = new Map<string, RevocationEntry>()
  for (const given of entries) {
    const digest = digestOf(given)
    const other = merged.get(digest)
    // As the store keeps it: otherwise what is known would be taken for news.
    const entry = { ...given, untilMs: endOf(given.untilMs) }
    merged.set(digest, other === undefined ? entry : mergeRevocations(other, entry))
  }
  const answer = listOf(await connection.send(keys.revocations, ['HMGET', keys.revocations, ...merged.keys()]))
  return [...merged].flatMap(([digest, entry], i) => {
    const was = textOrNull(answer[i])
    const known = was === null ? null : readOrNull(sealer, was, digest)
    const both = known === null ? entry : mergeRevocations(known, entry)
    return onlyNew && both === known ? [] : [[digest, was ?? '', writeRevocation(sealer, both), both.untilMs] as const]
  })
}

/** Something that this mesh has not written is told of and gives way: nobody may keep a revocation out by being there first. */
function readOrNull(sealer: Sealer, text: string, digest: string): RevocationEntry | null {
  const entry = unlessTampered(() => readRevocation(sealer, text))
  return entry !== null && digestOf(entry) === digest ? entry : null
}
