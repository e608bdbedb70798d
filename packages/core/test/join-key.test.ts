import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinKey } from '@countersign/core'

test('no two lists of parts make one key, whatever stands in them', () => {
  const lists = [
    [''],
    ['', ''],
    ['a', 'b'],
    ['ab'],
    ['a', '1:b'],
    ['a1:b'],
    ['1:a', 'b'],
    ['a', 'b', ''],
    ['#a'],
    ['x'.repeat(300)],
    ['x', 'x'.repeat(299)],
  ]
  assert.equal(new Set(lists.map((parts) => joinKey(...parts))).size, lists.length)
})

test('a key is short, however long its parts are', () => {
  assert.equal(joinKey('a'.repeat(188)).length, 192)
  assert.match(joinKey('a'.repeat(189)), /^#[\w-]{43}$/)
  assert.notEqual(joinKey('a'.repeat(1000)), joinKey('a'.repeat(999)))
})
