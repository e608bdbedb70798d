import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLivingIds, createMemoryReplayStore } from '@countersign/core'

function bench(maxEntries?: number) {
  let nowMs = 1_000_000
  const clock = { nowMs: () => nowMs }
  const store = createMemoryReplayStore({ clock, ...(maxEntries === undefined ? {} : { maxEntries }) })
  const at = (ms: number): void => {
    nowMs = ms
  }
  return { store, at }
}

test('an id is claimed once, until its time is over', () => {
  const { store, at } = bench()
  assert.equal(store.claim('a', 1_000_010), 'first')
  assert.equal(store.claim('a', 1_000_010), 'again')
  at(1_000_009)
  assert.equal(store.claim('a', 1_000_010), 'again')
  at(1_000_010)
  assert.equal(store.claim('a', 1_000_020), 'first')
})

test('a full store says so, forgets nobody who is alive, and has room again once somebody is not', () => {
  const { store, at } = bench(100)
  for (let index = 0; index < 100; index++) assert.equal(store.claim(`id ${index}`, 2_000_000 + index), 'first')
  assert.equal(store.claim('one more', 3_000_000), 'full')
  for (let index = 0; index < 100; index++) assert.equal(store.claim(`id ${index}`, 2_000_000 + index), 'again')
  at(2_000_000)
  assert.equal(store.claim('one more', 3_000_000), 'first')
  assert.equal(store.claim('and another', 3_000_000), 'full')
})

test('what is dead is let go on the way: a steady stream keeps little more than what is alive', () => {
  const { store, at } = bench()
  for (let index = 0; index < 100_000; index++) {
    at(1_000_000 + index)
    store.claim(`id ${index}`, 1_000_000 + index + 1000)
  }
  assert.ok(store.size < 1500, `${store.size} kept`)
})

test('a full store finds room wherever it is: its way over the ids goes on at the beginning', () => {
  const ids = createLivingIds(20)
  for (let index = 0; index < 20; index++) assert.equal(ids.add(`id ${index}`, index === 0 ? 5 : 50, 0), true)
  // Both ways are under way, and the dead one lies behind them.
  assert.equal(ids.add('one more', 50, 4), false)
  assert.equal(ids.add('one more', 50, 6), true)
})

test('lets nothing be used again once the clock was set back, and accepts what ends later than all that it has let go', () => {
  const { store, at } = bench()
  assert.equal(store.claim('captured', 1_000_010), 'first')
  at(1_000_020)
  for (let index = 0; index < 50; index++) store.claim(`id ${index}`, 1_000_100)
  at(1_000_000)
  assert.equal(store.claim('captured', 1_000_010), 'full')
  assert.equal(store.claim('fresh', 1_000_011), 'first')
  assert.equal(store.claim('id 1', 1_000_100), 'again')
  at(1_000_010)
  assert.equal(store.claim('another', 1_000_010), 'first')
})

test('a clock that was far ahead for a moment stops nobody for longer than what it ended lives', () => {
  const { store, at } = bench()
  for (let index = 0; index < 50; index++) store.claim(`id ${index}`, 1_000_100)
  at(9_000_000_000)
  for (let index = 0; index < 50; index++) store.claim(`ahead ${index}`, 9_000_000_100)
  at(1_000_001)
  assert.equal(store.claim('id 1', 1_000_100), 'full')
  assert.equal(store.claim('fresh', 1_000_101), 'first')
})

test('gives back what is alive, and nothing else', () => {
  const ids = createLivingIds(10)
  ids.add('dead', 5, 0)
  ids.add('alive', 50, 0)
  assert.deepEqual(ids.alive(10), [['alive', 50]])
  assert.equal(ids.has('dead', 5), false)
})
