import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { createTestRecorder } from '@countersign/testing'
import { createConnectionLimit } from '../dist/connection-limit.js'

const LIMITS = { handshakesPerSecond: 1, handshakeBurst: 5, connections: 1000 }

function socketFrom(remoteAddress: string | undefined): Socket {
  return Object.assign(new EventEmitter(), { remoteAddress }) as EventEmitter as Socket
}

test('counts an IPv6 network and an IPv4 address, however it is written, as one', () => {
  for (const [first, second] of [
    ['2001:db8::1', '2001:db8::ffff:1'],
    ['192.0.2.1', '::ffff:192.0.2.1'],
  ] as const) {
    const limit = createConnectionLimit(LIMITS, createReporter())
    for (let index = 0; index < 5; index++) assert.equal(limit.admit(socketFrom(index % 2 === 0 ? first : second)), true)
    assert.equal(limit.admit(socketFrom(first)), false)
    assert.equal(limit.admit(socketFrom(second)), false)
    assert.equal(limit.admit(socketFrom('198.51.100.7')), true)
  }
})

test('does not bound Unix sockets, and nothing at all where it is told so', () => {
  const limit = createConnectionLimit(LIMITS, createReporter())
  for (let index = 0; index < 50; index++) assert.equal(limit.admit(socketFrom(undefined)), true)
  const unlimited = createConnectionLimit(null, createReporter())
  for (let index = 0; index < 50; index++) assert.equal(unlimited.admit(socketFrom('192.0.2.1')), true)
})

test('tells of an address once, however many of its connections are closed', () => {
  const recorder = createTestRecorder()
  const limit = createConnectionLimit(LIMITS, { report: recorder.record })
  for (let index = 0; index < 100; index++) limit.admit(socketFrom('192.0.2.1'))
  assert.equal(recorder.events.length, 1)
  assert.deepEqual(recorder.events[0]?.facts, { remoteAddress: '192.0.2.1', exceeded: 'perAddress.handshakesPerSecond' })
})

function createReporter() {
  return { report() {} }
}
