import { randomBytes } from 'node:crypto'
import {
  checkStateChange,
  checkStateKeys,
  type RevocationEntry,
  type StateChange,
  StateError,
  type StateRecord,
  type StateStore,
} from '@countersign/core'
import { COMMIT } from './commit-script.js'
import { writeEvent } from './event-record.js'
import { endOf } from './revocation-record.js'
import { type RevocationWrite, revocationWrites } from './revocation-writes.js'
import { listOf, runScript, textOf, textOrNull } from './run-script.js'
import { SEAL_LENGTH } from './seal.js'
import type { StoreParts } from './store-parts.js'

/** Of a version: it is drawn, not counted, so that it can be sealed before the store sees it, and after a loss is not given twice. */
const VERSION_BYTES = 6
const FORM = new RegExp(`^(\\d+)\\.(\\d+)\\.([\\w-]{${SEAL_LENGTH}})\\.(.*)$`, 's')

export interface Records extends Pick<StateStore, 'read' | 'commit'> {
  /** Gives revocations back: what is known already stays as it is. */
  restore(entries: readonly RevocationEntry[]): Promise<void>
}

/** So often others may revoke the same between reading and writing, before it is given up. */
const ATTEMPTS = 20

/** @param maxEvents that wait to be delivered; with more, nothing that tells of one is committed. */
export function createRecords({ connection, keys, sealer, life }: StoreParts, maxEvents: number): Records {
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

  async function run({ expect = [], put = [], remove = [], emit = [] }: StateChange, revoke: readonly RevocationWrite[]): Promise<string> {
    const known = await life.knows()
    const records = [...expect.map(([key]) => key), ...put.map(({ key }) => key), ...remove]
    const [outcome, beat] = await runScript(
      connection,
      COMMIT,
      [
        keys.generation,
        keys.beats,
        keys.last,
        keys.revocations,
        keys.ends,
        keys.order,
        keys.events,
        keys.waiting,
        ...records.map((key) => keys.record(key)),
      ],
      [
        ...known,
        keys.channel,
        maxEvents,
        ...[expect, put, remove, revoke, emit].map(({ length }) => length),
        ...expect.map(([, version]) => version ?? ''),
        ...put.flatMap(({ key, value, untilMs }) => [write(key, value, endOf(untilMs)), endOf(untilMs)]),
        ...revoke.flat(),
        ...emit.flatMap((event) => [event.id, writeEvent(sealer, event)]),
      ],
    )
    if (outcome === 'done') life.heard(known[1], Number(textOf(beat)))
    if (outcome === 'lost') return life.refuse(known[1])
    return textOf(outcome)
  }

  async function make(change: StateChange, onlyNew: boolean): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const revoke = await revocationWrites(connection, keys, sealer, change.revoke ?? [], onlyNew)
      if (onlyNew && revoke.length === 0) return true
      const outcome = await run(change, revoke)
      if (outcome === 'done') return true
      if (outcome === 'conflict') return false
      if (outcome === 'full') throw new StateError('full', 'too many events wait to be delivered: nothing takes them')
    }
    throw new StateError('unreachable', 'others revoke the same again and again')
  }

  return {
    async read(names) {
      checkStateKeys(names)
      const [first, ...others] = names
      if (first === undefined) return []
      const record = keys.record(first)
      const answer = listOf(await connection.send(record, ['MGET', record, ...others.map((key) => keys.record(key))]))
      return names.map((name, i) => {
        const text = textOrNull(answer[i])
        return text === null ? null : parse(name, text)
      })
    },
    async commit(change) {
      checkStateChange(change)
      return make(change, false)
    },
    async restore(entries) {
      await make({ revoke: entries }, true)
    },
  }
}
