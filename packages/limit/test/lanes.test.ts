import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLanes } from '../dist/lanes.js'

/** Who got in so far, in order. */
function lane() {
  const lanes = createLanes()
  const inside: number[] = []
  return {
    inside,
    lanes,
    enter: (name: number, room: () => number) => void lanes.enter('key', room).then(() => inside.push(name)),
    settled: () => new Promise((done) => setImmediate(done)),
  }
}

test('lets in as many as there is room for, and the others one for one that leaves, in their order', async () => {
  const { lanes, enter, inside, settled } = lane()
  for (let name = 1; name <= 5; name++) enter(name, () => 2)
  await settled()
  assert.deepEqual(inside, [1, 2])
  lanes.leave('key')
  await settled()
  assert.deepEqual(inside, [1, 2, 3])
  lanes.leave('key')
  lanes.leave('key')
  await settled()
  assert.deepEqual(inside, [1, 2, 3, 4, 5])
})

test('whoever comes while others wait waits behind them', async () => {
  const { lanes, enter, inside, settled } = lane()
  for (const name of [1, 2]) enter(name, () => 1)
  lanes.leave('key')
  enter(3, () => 1)
  await settled()
  assert.deepEqual(inside, [1, 2])
})

test('where there is no room at all, those who wait come one after the other', async () => {
  const { lanes, enter, inside, settled } = lane()
  for (let name = 1; name <= 3; name++) enter(name, () => 0)
  for (const expected of [[1], [1, 2], [1, 2, 3]]) {
    await settled()
    assert.deepEqual(inside, expected)
    lanes.leave('key')
  }
})

test('lanes do not hold each other up', async () => {
  const { lanes, enter, inside, settled } = lane()
  enter(1, () => 1)
  void lanes.enter('other', () => 1).then(() => inside.push(2))
  await settled()
  assert.deepEqual(inside, [1, 2])
})
