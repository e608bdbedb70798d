import { randomBytes } from 'node:crypto'
import type { StateChange, StateRecord, StateStore } from '@countersign/core'
import { StateError } from '@countersign/core'
import { COMMIT } from './commit-script.js'
import type { Connection } from './connection.js'
import { writeEvent } from './event-record.js'
import type { Keys } from './keys.js'
import type { Life } from './life.js'
import { digestOf, endOf, writeRevocation } from './revocation-record.js'
import { listOf, runScript, textOf, textOrNull } from './run-script.js'
import { SEAL_LENGTH, type Sealer } from './seal.js'

interface Parts {
  readonly connection: Connection
  readonly keys: Keys
  readonly sealer: Sealer
  readonly life: Life
  /** Entries that the log keeps at least; a reader that is farther behind reads all of them. */
  readonly maxLog: number
  readonly maxEvents: number
}

/** Of a version: it is drawn, not counted, so that it can be sealed before the store sees it, and after a loss is not given twice. */
const VERSION_BYTES = 6
const FORM = new RegExp(`^(\\d+)\\.(\\d+)\\.([\\w-]{${SEAL_LENGTH}})\\.(.*)$`, 's')

export function createRecords({ connection, keys, sealer, life, maxLog, maxEvents }: Parts): Pick<StateStore, 'read' | 'commit'> {
  function write(key: string, value: string, untilMs: number): string {
    const version = randomBytes(VERSION_BYTES).readUIntBE(0, VERSION_BYTES)
    return `${version}.${untilMs}.${sealer.seal('record', key, version, untilMs, value)}.${value}`
  }

  function parse(key: string, text: string): StateRecord {
    const [, version, untilMs, seal, value] = FORM.exec(text) ?? []
    if (version === undefined || untilMs === undefined || seal === undefined || value === undefined) throw sealer.tampered('record')
    sealer.check(seal, 'record', key, Number(version), Number(untilMs), value)
    return { value, version: Number(version) }
  }

  return {
    async read(names) {
      const [first, ...others] = names
      if (first === undefined) return []
      const record = keys.record(first)
      const answer = listOf(await connection.send(record, ['MGET', record, ...others.map(keys.record)]))
      return names.map((name, i) => {
        const text = textOrNull(answer[i])
        return text === null ? null : parse(name, text)
      })
    },
    async commit({ expect = [], put = [], remove = [], revoke = [], emit = [] }: StateChange) {
      const known = await life.knows()
      const [outcome, beat] = await runScript(
        connection,
        COMMIT,
        [
          keys.generation,
          keys.beats,
          keys.revocations,
          keys.ends,
          keys.log,
          keys.events,
          keys.waiting,
          ...expect.map(([key]) => keys.record(key)),
          ...put.map(({ key }) => keys.record(key)),
          ...remove.map(keys.record),
        ],
        [
          ...known,
          keys.channel,
          maxLog,
          maxEvents,
          ...[expect, put, remove, revoke, emit].map(({ length }) => length),
          ...expect.map(([, version]) => version ?? ''),
          ...put.flatMap(({ key, value, untilMs }) => [write(key, value, endOf(untilMs)), endOf(untilMs)]),
          ...revoke.flatMap((entry) => [digestOf(entry), writeRevocation(sealer, entry), endOf(entry.untilMs)]),
          ...emit.flatMap((event) => [event.id, writeEvent(sealer, event)]),
        ],
      )
      if (outcome === 'conflict') return false
      if (outcome === 'full') throw new StateError('full', 'too many events wait to be delivered: nothing takes them')
      if (outcome !== 'done') return life.refuse()
      life.heard(known[1], Number(textOf(beat)))
      return true
    },
  }
}
