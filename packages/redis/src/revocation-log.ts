import {
  checkInteger,
  checkRevocationEntries,
  type RevocationEntry,
  type RevocationLog,
  type RevocationPage,
  type RevocationPosition,
  StateError,
} from '@countersign/core'
import { completeSinceMs } from './generation.js'
import { PULL } from './pull-script.js'
import { digestOf, readRevocation } from './revocation-record.js'
import { listOf, runScript, textOf, textOrNull } from './run-script.js'
import type { StoreParts } from './store-parts.js'

/** How the store gets back what it has lost. */
export interface Rebuilding {
  /** How long after a current view was given back the others have to give back theirs. */
  readonly settleMs: number
  /** Gives back revocations. */
  readonly restoreEntries: (entries: readonly RevocationEntry[]) => Promise<void>
  /** Gives back the ids that were claimed here. `false`: not all of them are known any more. */
  readonly restoreClaims: () => Promise<boolean>
}

/** More at once would hold the server, and the process that checks the seals, for too long. */
const MAX_PAGE = 10_000
/** Of entries that are given back at once. */
const RESTORE_PAGE = 500
/** So often another process may begin a generation while this one reads, before it gives up for now. */
const ATTEMPTS = 4
/** Longer than any process is cut off and comes back: one whose sign of life is gone takes the store for one that was put back. */
const BEATS_KEPT_MS = 7 * 24 * 3_600_000

const PLACE = /^\d{1,16}$/

export function createRevocationLog(
  { connection, keys, sealer, life }: StoreParts,
  { settleMs, restoreEntries, restoreClaims }: Rebuilding,
): RevocationLog {
  const scripted = [keys.generation, keys.beats, keys.revocations, keys.ends, keys.order] as const

  /** An entry that stands where another belongs was moved there: what it took the place of is not revoked any more. */
  function read(digest: unknown, value: unknown): RevocationEntry {
    const text = textOrNull(value)
    const entry = text === null ? null : readRevocation(sealer, text)
    if (entry === null || digestOf(entry) !== textOrNull(digest)) throw sealer.tampered('revocation')
    return entry
  }

  function readAll(list: readonly unknown[]): readonly RevocationEntry[] {
    const entries: RevocationEntry[] = []
    for (let at = 0; at < list.length; at += 2) entries.push(read(list[at], list[at + 1]))
    return entries
  }

  async function pull(after: RevocationPosition | null, limit: number): Promise<RevocationPage> {
    checkInteger('limit', limit, 1, MAX_PAGE)
    const known = after !== null && PLACE.test(after.offset) ? after : null
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const believed = await life.knows()
      const args = [...believed, known?.generation ?? '', known?.offset ?? '0', limit, BEATS_KEPT_MS]
      const [mode, now, text, beat, offset, more, list] = await runScript(connection, PULL, scripted, args)
      const generation = mode === 'absent' || mode === 'lost' ? null : await life.adopt(textOf(text))
      if (generation === null) {
        await life.begin(believed[1])
        continue
      }
      life.heard(generation.id, Number(textOf(beat)))
      const storeNowMs = Number(textOf(now))
      return {
        position: { generation: generation.id, offset: textOf(offset) },
        entries: readAll(listOf(list)).filter(({ untilMs }) => untilMs > storeNowMs),
        more: more === 'more',
        whole: mode === 'whole',
        completeSinceMs: completeSinceMs(generation, storeNowMs),
        storeNowMs,
      }
    }
    throw new StateError('unreachable', 'the store loses again and again what it held')
  }

  return {
    pull,
    async restore(entries, complete) {
      checkRevocationEntries('entries', entries)
      for (let i = 0; i < entries.length; i += RESTORE_PAGE) await restoreEntries(entries.slice(i, i + RESTORE_PAGE))
      const allClaims = await restoreClaims()
      if (complete && allClaims) await life.settle(settleMs)
    },
    onAppend: (wake) => connection.subscribe(keys.channel, wake),
  }
}
