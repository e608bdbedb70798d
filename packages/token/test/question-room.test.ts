import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createQuestionRoom, type QuestionRoom } from '../dist/question-room.js'

/** How many places a source gets, and what gives them back. */
function fill(room: QuestionRoom, source: string | null): (() => void)[] {
  const taken: (() => void)[] = []
  for (let leave = room.enter(source); leave !== null; leave = room.enter(source)) taken.push(leave)
  return taken
}

test('one source alone has half of the places, and each that comes after it finds one', () => {
  const room = createQuestionRoom(100)
  const taken = Array.from({ length: 10 }, (_, index) => fill(room, `source ${index}`).length)
  assert.deepEqual(taken, [50, 25, 13, 6, 3, 2, 1, 0, 0, 0])
  assert.equal(fill(createQuestionRoom(256), 'alone').length, 128)
})

test('sources that ask by turns have alike, and leave room for one more', () => {
  const room = createQuestionRoom(100)
  const counts = [0, 0, 0]
  for (let round = 0; round < 100; round++)
    for (const source of counts.keys()) if (room.enter(`source ${source}`) !== null) counts[source] = (counts[source] ?? 0) + 1
  assert.deepEqual(counts, [25, 25, 25])
  assert.ok(room.enter('one more') !== null)
})

test('gives back what was left, and keeps nobody who has nothing open', () => {
  const room = createQuestionRoom(4)
  const taken = fill(room, 'one')
  assert.equal(taken.length, 2)
  for (const leave of taken) leave()
  assert.equal(fill(room, 'another').length, 2)
})

test('our own questions take what is free', () => {
  const room = createQuestionRoom(4)
  const taken = fill(room, 'one')
  assert.equal(fill(room, null).length, 2)
  assert.equal(room.enter('another'), null)
  for (const leave of taken) leave()
  assert.ok(room.enter('another') !== null)
})
