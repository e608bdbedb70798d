import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { SecurityEvent } from '@countersign/core'
import { secureServer } from '@countersign/node'
import { createTestClock, createTestMeter, createTestRecorder } from '@countersign/testing'
import { watchExpiry } from '../dist/expiry-watch.js'
import { createBench, guardFor } from './fixture.js'

const DAY_SECONDS = 86_400
const HOUR_MS = 3_600_000

test("says 30 days, 7 days and 1 day before the end of the server's certificate, and at its end, each once", (t) => {
  const clock = createTestClock()
  const recorder = createTestRecorder()
  const meter = createTestMeter()
  const nowMs = clock.nowMs()
  const certificate = { serialNumber: 'a1', validFromMs: nowMs - 30 * DAY_SECONDS * 1000, validToMs: nowMs + 60 * DAY_SECONDS * 1000 }
  const watch = watchExpiry({ nowMs: clock.nowMs, report: recorder.record, meter }, () => certificate)
  t.after(watch.close)
  const told = (): unknown[] => recorder.of('credential.expiring').map(({ severity, facts }) => [severity, facts['daysLeft']])
  const after = (days: number): unknown[] => {
    clock.advanceSeconds(days * DAY_SECONDS)
    watch.check()
    watch.check()
    return told()
  }
  assert.deepEqual(after(29), [])
  assert.deepEqual(after(1), [['warn', 30]])
  assert.deepEqual(after(22), [['warn', 30]])
  assert.deepEqual(after(1), [
    ['warn', 30],
    ['warn', 7],
  ])
  assert.deepEqual(after(6), [
    ['warn', 30],
    ['warn', 7],
    ['error', 1],
  ])
  assert.deepEqual(after(1), [
    ['warn', 30],
    ['warn', 7],
    ['error', 1],
    ['error', 0],
  ])
  assert.deepEqual(after(1), [
    ['warn', 30],
    ['warn', 7],
    ['error', 1],
    ['error', 0],
  ])
  const gauge = meter.values('security_cert_expiry_seconds', { kind: 'server' })
  assert.equal(gauge[0], 60 * DAY_SECONDS)
  assert.equal(gauge.at(-1), -DAY_SECONDS)
  assert.deepEqual(
    gauge,
    gauge.toSorted((a, b) => b - a),
  )
})

test('says it at once of a certificate that has few days left at the start, and again of the next one', (t) => {
  const clock = createTestClock()
  const recorder = createTestRecorder()
  const nowMs = clock.nowMs()
  let certificate = { serialNumber: 'a1', validFromMs: nowMs - 85 * DAY_SECONDS * 1000, validToMs: nowMs + 5 * DAY_SECONDS * 1000 }
  const watch = watchExpiry({ nowMs: clock.nowMs, report: recorder.record, meter: null }, () => certificate)
  t.after(watch.close)
  assert.deepEqual(
    recorder.of('credential.expiring').map(({ facts }) => facts['daysLeft']),
    [5],
  )
  certificate = { ...certificate, serialNumber: 'a2' }
  watch.check()
  assert.deepEqual(
    recorder.of('credential.expiring').map(({ facts }) => facts['serialNumber']),
    ['a1', 'a2'],
  )
})

/** Hours before the end at which a fresh certificate of so many hours is spoken of, looked at every half hour. */
function toldHoursBefore(t: TestContext, lifetimeHours: number): unknown[] {
  const clock = createTestClock()
  const told: unknown[] = []
  const validToMs = clock.nowMs() + lifetimeHours * HOUR_MS
  const report = ({ severity }: SecurityEvent): unknown => told.push([severity, (validToMs - clock.nowMs()) / HOUR_MS])
  const certificate = { serialNumber: 'a1', validFromMs: clock.nowMs(), validToMs }
  const watch = watchExpiry({ nowMs: clock.nowMs, report, meter: null }, () => ({ ...certificate }))
  t.after(watch.close)
  for (let halves = 0; halves <= 2 * lifetimeHours; halves++) {
    watch.check()
    clock.advanceSeconds(1800)
  }
  return told
}

test('says nothing of a fresh certificate, whatever its lifetime, and of each in its last third alone', (t) => {
  const [week, day, end] = [
    ['warn', 7 * 24],
    ['error', 24],
    ['error', 0],
  ]
  assert.deepEqual(toldHoursBefore(t, 365 * 24), [['warn', 30 * 24], week, day, end])
  assert.deepEqual(toldHoursBefore(t, 90 * 24), [['warn', 30 * 24], week, day, end])
  assert.deepEqual(toldHoursBefore(t, 30 * 24), [week, day, end])
  assert.deepEqual(toldHoursBefore(t, 7 * 24), [day, end])
  assert.deepEqual(toldHoursBefore(t, 20), [['warn', 2], end])
})

test('does not say it again when the same certificate is read again', (t) => {
  const clock = createTestClock()
  const recorder = createTestRecorder()
  const [validFromMs, validToMs] = [clock.nowMs() - 85 * 24 * HOUR_MS, clock.nowMs() + 5 * 24 * HOUR_MS]
  const watch = watchExpiry({ nowMs: clock.nowMs, report: recorder.record, meter: null }, () => ({
    serialNumber: 'a1',
    validFromMs,
    validToMs,
  }))
  t.after(watch.close)
  for (let reloads = 0; reloads < 3; reloads++) watch.check()
  assert.equal(recorder.of('credential.expiring').length, 1)
})

test('watches the certificate of a secure server', (t) => {
  const bench = createBench()
  const recorder = createTestRecorder()
  const meter = createTestMeter()
  bench.mesh.clock.advanceSeconds(85 * DAY_SECONDS)
  const guard = guardFor(t, bench, { audit: recorder, meter })
  secureServer({ cert: bench.cert, key: bench.key, guard }, () => {}).close()
  assert.deepEqual(meter.values('security_cert_expiry_seconds', { kind: 'server' }), [5 * DAY_SECONDS])
  assert.equal(recorder.of('credential.expiring')[0]?.facts['serialNumber'], bench.billing.serialNumber.padStart(32, '0'))
})
