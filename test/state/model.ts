import assert from 'node:assert/strict'
import type { StateStore } from '@countersign/core'
import { array, asyncProperty, constantFrom, integer, assert as property, record as recordOf, scheduler } from 'fast-check'

const KEYS = ['a', 'b', 'c'] as const
/** Each run has keys of its own, so that one store does for all of them. */
let runs = 0

/**
 * Two to four writers read, decide and commit over a few keys, in whatever order their steps come. Afterwards the store holds what a
 * register holds that made the commits one after the other in the order of their versions, and each commit that said yes had read what was
 * there just before it.
 */
export async function checkAgainstModel(store: StateStore, another: () => Promise<StateStore>, nowMs: () => number): Promise<void> {
  const stores = [store, await another()]
  const step = recordOf({
    reads: array(constantFrom(...KEYS), { minLength: 1, maxLength: 3 }),
    writes: array(constantFrom(...KEYS), { maxLength: 2 }),
    removes: array(constantFrom(...KEYS), { maxLength: 1 }),
    side: integer({ min: 0, max: 1 }),
  })
  const writer = array(step, { minLength: 1, maxLength: 6 })
  await property(
    asyncProperty(array(writer, { minLength: 2, maxLength: 4 }), scheduler(), async (writers, order) => {
      const run = `run-${++runs}`
      const commits: Commit[] = []
      const all = writers.map(async (steps, index) => {
        for (const [number, { reads, writes, removes, side }] of steps.entries()) {
          const chosen = stores[side] ?? store
          const keys = [...new Set(reads)].map((key) => `${run}:${key}`)
          await order.schedule(Promise.resolve())
          const found = await chosen.read(keys)
          await order.schedule(Promise.resolve())
          const expect = keys.map((key, at) => [key, found[at]?.version ?? null] as const)
          const put = [...new Set(writes)].map((key) => ({ key: `${run}:${key}`, value: `${index}.${number}`, untilMs: nowMs() + 600_000 }))
          const remove = removes.map((key) => `${run}:${key}`).filter((key) => !put.some((write) => write.key === key))
          const id = `${run}/${index}.${number}`
          const isMade = await chosen.commit({ expect, put, remove, emit: [{ id, topic: run, payload: '{}', atMs: nowMs() }] })
          if (isMade) commits.push({ id, read: new Map(keys.map((key, at) => [key, found[at]?.value ?? null])), put, remove })
        }
      })
      await order.waitFor(Promise.all(all))
      // The outbox tells the order in which they were made: an event is committed if and only if its change is.
      const told = await drain(store, run)
      assert.deepEqual([...told].sort(), commits.map(({ id }) => id).sort())
      const model = new Map<string, string>()
      for (const id of told) {
        const commit = commits.find((one) => one.id === id)
        for (const [key, value] of commit?.read ?? []) assert.equal(model.get(key) ?? null, value)
        for (const key of commit?.remove ?? []) model.delete(key)
        for (const { key, value } of commit?.put ?? []) model.set(key, value)
      }
      const keys = KEYS.map((key) => `${run}:${key}`)
      assert.deepEqual(
        (await store.read(keys)).map((found) => found?.value ?? null),
        keys.map((key) => model.get(key) ?? null),
      )
    }),
    { numRuns: 100 },
  )
}

interface Commit {
  readonly id: string
  readonly read: ReadonlyMap<string, string | null>
  readonly put: readonly { readonly key: string; readonly value: string }[]
  readonly remove: readonly string[]
}

async function drain(store: StateStore, run: string): Promise<readonly string[]> {
  const ids: string[] = []
  for (;;) {
    const events = await store.outbox.take(100, 60_000)
    if (events.length === 0) return ids
    ids.push(...events.filter(({ topic }) => topic === run).map(({ id }) => id))
    await store.outbox.acknowledge(events.map(({ id }) => id))
  }
}
