import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRounds } from '@countersign/core'

test('goes over everything round and round, and on where it was', () => {
  const things = new Set(['a', 'b', 'c', 'd', 'e'])
  const walk = createRounds(() => things.values())
  const seen: string[] = []
  const look = (thing: string): void => void seen.push(thing)
  walk(3, look)
  walk(4, look)
  things.delete('c')
  walk(2, look)
  assert.deepEqual(seen, ['a', 'b', 'c', 'd', 'e', 'a', 'b', 'd', 'e'])
})

test('sees all of a few things, wherever it was, and ends', () => {
  const things = new Set(['a', 'b', 'c'])
  const walk = createRounds(() => things.values())
  walk(2, () => {})
  const seen = new Set<string>()
  let visits = 0
  walk(1_000, (thing) => {
    seen.add(thing)
    visits++
  })
  assert.deepEqual([seen.size, visits], [3, 4])
  things.clear()
  walk(1_000, () => visits++)
  assert.equal(visits, 4)
})
