import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestClock, createTestLogger, createTestMeter, createTestRecorder } from '@countersign/testing'

test('the clock stands still until it is moved', () => {
  const clock = createTestClock(1000)
  assert.equal(clock.nowMs(), 1000)
  clock.advanceSeconds(1.5)
  assert.equal(clock.nowMs(), 2500)
  clock.setMs(0)
  assert.equal(clock.nowMs(), 0)
  assert.equal(createTestClock().nowMs() % 1000, 0)
})

test('the meter keeps every point with its labels', () => {
  const meter = createTestMeter()
  const refused = meter.createCounter('refused_total')
  refused.add(1, { code: 'A' })
  refused.add(2, { code: 'B', mode: 'x' })
  meter.createHistogram('latency').record(0.5)
  meter.createGauge('days').record(7)
  assert.equal(meter.total('refused_total'), 3)
  assert.equal(meter.total('refused_total', { code: 'B' }), 2)
  assert.equal(meter.total('refused_total', { code: 'B', mode: 'y' }), 0)
  assert.deepEqual(meter.values('days'), [7])
  assert.deepEqual(meter.points.at(-2), { kind: 'histogram', name: 'latency', value: 0.5, labels: {} })
  meter.clear()
  assert.equal(meter.points.length, 0)
})

test('the logger keeps every line with its level', () => {
  const logger = createTestLogger()
  logger.warn({ code: 'ERR_PEER_MISSING' }, 'refused')
  logger.info({})
  assert.deepEqual(logger.lines, [
    { level: 'warn', message: 'refused', facts: { code: 'ERR_PEER_MISSING' } },
    { level: 'info', message: '', facts: {} },
  ])
  assert.match(logger.toString(), /ERR_PEER_MISSING/)
  logger.clear()
  assert.equal(logger.lines.length, 0)
})

test('the logger tells of a line that matches, whether it is there or still to come', async () => {
  const logger = createTestLogger()
  const coming = logger.waitFor(({ message }) => message === 'b')
  logger.info({ n: 1 }, 'a')
  logger.info({ n: 2 }, 'b')
  logger.info({ n: 3 }, 'b')
  assert.deepEqual((await coming).facts, { n: 2 })
  assert.deepEqual((await logger.waitFor(({ message }) => message === 'a')).facts, { n: 1 })
  await assert.rejects(
    logger.waitFor(({ message }) => message === 'c', 1),
    /no such line in 1 ms, of 3/,
  )
})

test('the recorder keeps every event, and tells of one that is still to come', async () => {
  const recorder = createTestRecorder()
  const reloaded = { kind: 'trust.reloaded', severity: 'info', message: 'reloaded', facts: {} } as const
  const denied = { kind: 'request.denied', severity: 'warn', code: 'ERR_PEER_MISSING', message: 'refused', facts: {} } as const
  const coming = recorder.waitFor(({ kind }) => kind === 'trust.reloaded')
  assert.equal(recorder.wants('request.allowed'), true)
  assert.equal(recorder.record(denied), true)
  recorder.record(reloaded)
  assert.equal(await coming, reloaded)
  assert.deepEqual(recorder.events, [denied, reloaded])
  assert.deepEqual(recorder.of('trust.reloaded'), [reloaded])
  assert.deepEqual(recorder.codes(), ['ERR_PEER_MISSING'])
  await assert.rejects(
    recorder.waitFor(({ kind }) => kind === 'limit.degraded', 1),
    /no such event in 1 ms, of 2/,
  )
  recorder.clear()
  assert.equal(recorder.events.length, 0)
})
