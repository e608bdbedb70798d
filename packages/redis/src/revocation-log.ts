import {
  checkInteger,
  checkRevocationEntries,
  type RevocationEntry,
  type RevocationLog,
  type RevocationPage,
  type RevocationPosition,
  StateError,
} from '@countersign/core'
import type { Connection } from './connection.js'
import { completeSinceMs } from './generation.js'
import type { Keys } from './keys.js'
import type { Life } from './life.js'
import { PULL } from './pull-script.js'
import { readRevocation } from './revocation-record.js'
import { listOf, runScript, textOf } from './run-script.js'
import type { Sealer } from './seal.js'

interface Parts {
  readonly connection: Connection
  readonly keys: Keys
  readonly sealer: Sealer
  readonly life: Life
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
/** Of the seal of an entry, in a position: 128 bits. */
const TAG_LENGTH = 22
/** Longer than any process is cut off and comes back: one whose sign of life is gone takes the store for one that was put back. */
const BEATS_KEPT_MS = 7 * 24 * 3_600_000

const AFTER = /^after:(\d+-\d+):([\w-]*)$/
const ALL = /^all:(\d+):(\d+-\d+):([\w-]*)$/

export function createRevocationLog({ connection, keys, sealer, life, settleMs, restoreEntries, restoreClaims }: Parts): RevocationLog {
  const scripted = [keys.generation, keys.beats, keys.revocations, keys.ends, keys.log] as const

  async function pull(after: RevocationPosition | null, limit: number): Promise<RevocationPage> {
    const place = AFTER.exec(after?.offset ?? '')
    const scan = ALL.exec(after?.offset ?? '')
    const count = checkInteger('limit', limit, 1, MAX_PAGE)
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [caller, generationId, beat] = await life.knows()
      const [mode, now, text, mine, last, entry, cursor, list] = await runScript(connection, PULL, scripted, [
        caller,
        generationId,
        beat,
        place === null && scan === null ? '' : (after?.generation ?? ''),
        scan === null ? 'after' : 'all',
        scan?.[1] ?? place?.[1] ?? '0-0',
        place?.[2] ?? '',
        count,
        BEATS_KEPT_MS,
      ])
      if (mode === 'absent' || mode === 'lost') {
        await life.begin()
        continue
      }
      const generation = life.adopt(textOf(text))
      if (generation === null) {
        await life.begin()
        continue
      }
      life.heard(generation.id, Number(textOf(mine)))
      const storeNowMs = Number(textOf(now))
      const whole = mode === 'whole'
      const end = `${textOf(last)}:${textOf(entry).slice(0, TAG_LENGTH)}`
      const common = { whole, completeSinceMs: completeSinceMs(generation, storeNowMs), storeNowMs }
      const alive = (value: unknown): RevocationEntry[] => {
        const read = readRevocation(sealer, textOf(value))
        return read.untilMs > storeNowMs ? [read] : []
      }
      const values = listOf(list)
      if (mode === 'after') {
        // One that was revoked again stands here more than once: its last word holds.
        const last = new Map(values.flatMap((value, i) => (i % 2 === 1 ? alive(value) : [])).map((one) => [`${one.kind} ${one.id}`, one]))
        const entries = [...last.values()]
        const seen = values.length < 2 ? null : `${textOf(values.at(-2))}:${textOf(values.at(-1)).slice(0, TAG_LENGTH)}`
        const offset = seen === null ? (after?.offset ?? '') : `after:${seen}`
        return { ...common, position: { generation: generation.id, offset }, entries, more: seen !== null && seen !== end }
      }
      // What is appended while all of it is read stands in the log after the end that was seen first.
      const from = whole || scan === null ? end : `${scan[2]}:${scan[3]}`
      const done = textOf(cursor) === '0'
      return {
        ...common,
        position: { generation: generation.id, offset: done ? `after:${from}` : `all:${textOf(cursor)}:${from}` },
        entries: values.flatMap(alive),
        more: !done || from !== end,
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
