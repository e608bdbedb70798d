import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QuotaRequest, QuotaState } from '@countersign/core'
import { createMemoryQuotaStore, type MemoryQuotaStore } from '@countersign/limit'
import fc from 'fast-check'

const START_MS = 1_700_000_000_000
/** What a clock of microseconds can tell apart. */
const MICROSECOND_MS = 0.001

const request = (key: string, intervalMs: number, burst: number, cost = 1): QuotaRequest => ({ key, intervalMs, burst, cost })

function takeOne(store: MemoryQuotaStore, one: QuotaRequest, nowMs: number): QuotaState {
  const [state] = store.take([one], nowMs)
  assert.ok(state !== undefined)
  return state
}

/** A token bucket in exact arithmetic: what GCRA is equivalent to (tokens are counted in microseconds of the interval). */
function createBucketOracle(intervalUs: bigint, burst: bigint) {
  let level = burst * intervalUs
  let lastUs = 0n
  return (nowUs: bigint, cost: bigint): boolean => {
    level += nowUs - lastUs
    if (level > burst * intervalUs) level = burst * intervalUs
    lastUs = nowUs
    if (cost * intervalUs > level) return false
    level -= cost * intervalUs
    return true
  }
}

const quota = fc.record({ intervalUs: fc.integer({ min: 1, max: 10_000_000 }), burst: fc.integer({ min: 1, max: 50 }) })
const arrivals = fc.array(fc.record({ afterUs: fc.oneof(fc.nat(5), fc.nat(30_000_000)), cost: fc.oneof(fc.constant(1), fc.nat(60)) }), {
  minLength: 1,
  maxLength: 80,
})

test('decides every request as an exact token bucket does', () => {
  fc.assert(
    fc.property(quota, arrivals, ({ intervalUs, burst }, requests) => {
      const store = createMemoryQuotaStore()
      const oracle = createBucketOracle(BigInt(intervalUs), BigInt(burst))
      let nowUs = START_MS * 1000
      for (const { afterUs, cost } of requests) {
        nowUs += afterUs
        assert.equal(
          takeOne(store, request('a', intervalUs / 1000, burst, cost), nowUs / 1000).allowed,
          oracle(BigInt(nowUs), BigInt(cost)),
        )
      }
    }),
  )
})

test('admits in no window more than the burst and what the rate brings meanwhile', () => {
  fc.assert(
    fc.property(quota, arrivals, ({ intervalUs, burst }, requests) => {
      const store = createMemoryQuotaStore()
      const admitted: { readonly atUs: number; readonly cost: number }[] = []
      let atUs = START_MS * 1000
      for (const { afterUs, cost } of requests) {
        atUs += afterUs
        if (takeOne(store, request('a', intervalUs / 1000, burst, cost), atUs / 1000).allowed) admitted.push({ atUs, cost })
      }
      for (const [first, { atUs: fromUs }] of admitted.entries()) {
        let sum = 0
        for (const { atUs: toUs, cost } of admitted.slice(first)) {
          sum += cost
          assert.ok(BigInt(sum) * BigInt(intervalUs) <= BigInt(burst) * BigInt(intervalUs) + BigInt(toUs - fromUs))
        }
      }
    }),
  )
})

test('tells a true time to come again: then it passes, a microsecond earlier it does not', () => {
  fc.assert(
    fc.property(quota, arrivals, ({ intervalUs, burst }, requests) => {
      let nowMs = START_MS
      const told: QuotaRequest[] = []
      for (const { cost } of requests) {
        const one = request('a', intervalUs / 1000, burst, Math.min(cost, burst))
        const replay = (): MemoryQuotaStore => {
          const store = createMemoryQuotaStore()
          for (const earlier of told) store.take([earlier], START_MS)
          return store
        }
        const state = takeOne(replay(), one, START_MS)
        told.push(one)
        if (state.allowed) continue
        nowMs = START_MS + state.retryAfterMs
        assert.equal(takeOne(replay(), one, nowMs).allowed, true)
        assert.equal(takeOne(replay(), one, nowMs - MICROSECOND_MS).allowed, false)
      }
    }),
    { numRuns: 40 },
  )
})

test('says how many more would pass now: so many do, and not one more', () => {
  fc.assert(
    fc.property(quota, fc.nat(60), fc.nat(20_000_000), ({ intervalUs, burst }, cost, laterUs) => {
      const store = createMemoryQuotaStore()
      store.take([request('a', intervalUs / 1000, burst, Math.min(cost, burst))], START_MS)
      const nowMs = START_MS + laterUs / 1000
      const { remaining, resetMs } = takeOne(store, request('a', intervalUs / 1000, burst, 0), nowMs)
      assert.equal(takeOne(store, request('a', intervalUs / 1000, burst, 0), nowMs + resetMs).remaining, burst)
      for (let index = 0; index < remaining; index++)
        assert.equal(takeOne(store, request('a', intervalUs / 1000, burst), nowMs).allowed, true)
      assert.equal(takeOne(store, request('a', intervalUs / 1000, burst), nowMs).allowed, false)
    }),
  )
})

test('an interval that is no whole number of microseconds is rounded up, so that no more passes than it says', () => {
  const store = createMemoryQuotaStore()
  const third = request('a', 1000 / 3, 1)
  assert.equal(takeOne(store, third, START_MS).allowed, true)
  assert.equal(takeOne(store, third, START_MS + 333.333).allowed, false)
  assert.equal(takeOne(store, third, START_MS + 333.334).allowed, true)
})

test('holds 100 a second with a burst of 200 under ten times that', () => {
  const store = createMemoryQuotaStore()
  let admitted = 0
  for (let ms = 0; ms < 10_000; ms++) if (takeOne(store, request('a', 10, 200), START_MS + ms).allowed) admitted++
  assert.equal(admitted, 200 + 999)
})

test('what meets at the boundary of a second is one burst, not two', () => {
  const store = createMemoryQuotaStore()
  const at = (ms: number): number =>
    Array.from({ length: 20 }, () => takeOne(store, request('a', 100, 10), ms)).filter((state) => state.allowed).length
  assert.equal(at(START_MS + 999) + at(START_MS + 1001), 10)
})

test('a refused request moves nothing', () => {
  const store = createMemoryQuotaStore()
  takeOne(store, request('a', 1000, 2, 2), START_MS)
  const first = takeOne(store, request('a', 1000, 2), START_MS)
  for (let index = 0; index < 100; index++) assert.deepEqual(takeOne(store, request('a', 1000, 2), START_MS), first)
  assert.equal(first.retryAfterMs, 1000)
})

test('a cost above the burst never passes, and says so', () => {
  const store = createMemoryQuotaStore()
  assert.deepEqual(takeOne(store, request('a', 1000, 2, 3), START_MS), {
    allowed: false,
    remaining: 2,
    retryAfterMs: Number.POSITIVE_INFINITY,
    resetMs: 0,
  })
  assert.equal(takeOne(store, request('a', 1000, 2, Number.MAX_SAFE_INTEGER), START_MS).retryAfterMs, Number.POSITIVE_INFINITY)
  assert.equal(takeOne(store, request('a', 1000, 2, 2), START_MS).allowed, true)
})

test('asking costs nothing and keeps nothing', () => {
  const store = createMemoryQuotaStore()
  for (let index = 0; index < 10; index++) assert.equal(takeOne(store, request('a', 1000, 2, 0), START_MS).remaining, 2)
  assert.equal(store.size, 0)
})

test('of several quotas either all are charged or none is', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), cost: fc.nat(4) }), { minLength: 1, maxLength: 4 }), {
        maxLength: 20,
      }),
      (calls) => {
        const store = createMemoryQuotaStore()
        const left = new Map([
          ['a', 5],
          ['b', 3],
          ['c', 8],
        ])
        const burst = new Map(left)
        for (const call of calls) {
          const states = store.take(
            call.map(({ key, cost }) => request(key, 1000, burst.get(key) ?? 0, cost)),
            START_MS,
          )
          const after = new Map(left)
          for (const { key, cost } of call) after.set(key, (after.get(key) ?? 0) - cost)
          const passes = [...after.values()].every((count) => count >= 0)
          assert.equal(
            states.every((state) => state.allowed),
            passes,
          )
          if (passes) for (const [key, count] of after) left.set(key, count)
          for (const [key, count] of left)
            assert.equal(takeOne(store, request(key, 1000, burst.get(key) ?? 0, 0), START_MS).remaining, count)
        }
      },
    ),
  )
})

test('a clock that is set back by a day makes nobody wait longer than for a whole burst', () => {
  const store = createMemoryQuotaStore()
  takeOne(store, request('a', 1000, 5, 5), START_MS)
  const state = takeOne(store, request('a', 1000, 5), START_MS - 86_400_000)
  assert.equal(state.allowed, false)
  assert.equal(state.retryAfterMs, 1000)
  assert.equal(takeOne(store, request('a', 1000, 5), START_MS - 86_400_000 + 5000).allowed, true)
})

test('no flood of keys evicts a bucket that still counts', () => {
  const store = createMemoryQuotaStore({ maxKeys: 100 })
  takeOne(store, request('victim', 60_000, 3, 3), START_MS)
  for (let index = 0; index < 10_000; index++) takeOne(store, request(`flood ${index}`, 60_000, 3), START_MS + index / 100)
  assert.equal(takeOne(store, request('victim', 60_000, 3), START_MS + 1000).allowed, false)
  assert.equal(store.size, 100)
})

test('a million keys win no more than the map and the shared buckets hold, and keep no more', () => {
  const store = createMemoryQuotaStore({ maxKeys: 1000 })
  let admitted = 0
  for (let index = 0; index < 1_000_000; index++)
    if (takeOne(store, request(`spoofed ${index}`, 60_000, 2, 1), START_MS).allowed) admitted++
  assert.equal(admitted, 1000 + 64 * 2)
  assert.equal(store.size, 1000)
})

test('places that no longer count are free for others again', () => {
  const store = createMemoryQuotaStore({ maxKeys: 100 })
  for (let index = 0; index < 100; index++) takeOne(store, request(`early ${index}`, 1000, 1), START_MS)
  for (let index = 0; index < 100; index++)
    assert.equal(takeOne(store, request(`late ${index}`, 1000, 1), START_MS + 1000).allowed, true, String(index))
  assert.equal(store.size, 100)
})

test('what no longer counts is swept while new keys come, long before the map is full', () => {
  const store = createMemoryQuotaStore()
  for (let index = 0; index < 20_000; index++) takeOne(store, request(`key ${index}`, 1, 1), START_MS + index)
  assert.ok(store.size < 10, String(store.size))
})

test('quotas that share a coarse bucket share it only with their like', () => {
  const store = createMemoryQuotaStore({ maxKeys: 1 })
  takeOne(store, request('own', 1_000_000, 1), START_MS)
  for (let index = 0; index < 1000; index++) takeOne(store, request(`slow ${index}`, 1_000_000, 1), START_MS)
  assert.equal(takeOne(store, request('slow next', 1_000_000, 1), START_MS).allowed, false)
  assert.equal(takeOne(store, request('fast', 1, 1000), START_MS).allowed, true)
})

test('two stores know nothing of each other', () => {
  const [one, other] = [createMemoryQuotaStore(), createMemoryQuotaStore()]
  takeOne(one, request('a', 1000, 1), START_MS)
  assert.equal(takeOne(other, request('a', 1000, 1), START_MS).allowed, true)
})

test('refuses a bound that is none', () => {
  for (const maxKeys of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => createMemoryQuotaStore({ maxKeys }), { code: 'ERR_OPTION_INVALID' })
})
