import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRecorder } from '@countersign/audit'
import { createCapture, createTestClock, denied, type Line } from './capture.js'

function recorderOf() {
  const clock = createTestClock()
  const { logger, lines } = createCapture()
  return { clock, lines, recorder: createRecorder({ logger }, { clock }) }
}

const from = (index: number) => ({ remoteAddress: `192.0.2.${index}` })
/** Every event is either a line or counted in one. */
const told = (lines: readonly Line[]): number =>
  lines.reduce((sum, line) => sum + Number(line['suppressed'] ?? 0) + (line['kind'] === 'request.denied' ? 1 : 0), 0)

test('a flood from one source is a few lines, and each event is counted', async () => {
  const { recorder, lines } = recorderOf()
  for (let index = 0; index < 100_000; index++) assert.equal(recorder.record(denied('ERR_TOKEN_SIGNATURE', from(1))), true)
  assert.equal(lines().length, 20)
  await recorder.close()
  assert.equal(lines().length, 21)
  assert.equal(told(lines()), 100_000)
  const { sequence, ...summary } = lines()[20] ?? {}
  assert.deepEqual(summary, {
    level: 40,
    msg: 'events_suppressed',
    kind: 'events.suppressed',
    of: 'request.denied',
    code: 'ERR_TOKEN_SIGNATURE',
    suppressed: 99_980,
  })
  assert.equal(sequence, 21)
})

test('a flood from many sources is a few lines too', async () => {
  const { recorder, lines } = recorderOf()
  for (let index = 0; index < 200_000; index++) recorder.record(denied('ERR_TOKEN_SIGNATURE', { remoteAddress: `2001:db8:${index}::` }))
  assert.equal(lines().length, 50)
  await recorder.close()
  assert.equal(told(lines()), 200_000)
})

test('the failures of one source do not hide those of another, nor one code another code', () => {
  const { recorder, lines } = recorderOf()
  for (let index = 0; index < 1000; index++) recorder.record(denied('ERR_TOKEN_SIGNATURE', from(1)))
  recorder.record(denied('ERR_TOKEN_SIGNATURE', from(2)))
  recorder.record(denied('ERR_PEER_REVOKED', from(1)))
  assert.deepEqual(
    lines()
      .slice(20)
      .map((line) => [line['remoteAddress'], line['code']]),
    [
      ['192.0.2.2', 'ERR_TOKEN_SIGNATURE'],
      ['192.0.2.1', 'ERR_PEER_REVOKED'],
    ],
  )
})

test('a client that a trusted proxy names is a source of its own, and not its proxy', () => {
  const { recorder, lines } = recorderOf()
  const behind = (clientAddress: string) => ({ ...from(1), clientAddress })
  for (let index = 0; index < 1000; index++) recorder.record(denied('ERR_TOKEN_SIGNATURE', behind('203.0.113.9')))
  recorder.record(denied('ERR_TOKEN_SIGNATURE', behind('203.0.113.10')))
  assert.deepEqual(
    lines()
      .slice(20)
      .map((line) => line['clientAddress']),
    ['203.0.113.10'],
  )
})

test('a verified peer is a source wherever it calls from', () => {
  const { recorder, lines } = recorderOf()
  for (let index = 0; index < 100; index++) recorder.record(denied('ERR_FORBIDDEN', { ...from(index), peer: 'spiffe://d/a' }))
  assert.equal(lines().length, 20)
})

test('lines come again at the steady rate, and the next one like it tells what was left out', () => {
  const { clock, recorder, lines } = recorderOf()
  for (let index = 0; index < 1000; index++) recorder.record(denied('ERR_FORBIDDEN', from(1)))
  clock.advanceMs(1000)
  for (let index = 0; index < 1000; index++) recorder.record(denied('ERR_FORBIDDEN', from(1)))
  assert.deepEqual(
    lines()
      .slice(20)
      .map((line) => line['suppressed']),
    [980, undefined],
  )
})

test('when a flood ends its count is told without a further event', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { recorder, lines } = recorderOf()
  for (let index = 0; index < 30; index++) recorder.record(denied('ERR_FORBIDDEN', from(1)))
  t.mock.timers.tick(9999)
  assert.equal(lines().length, 20)
  t.mock.timers.tick(1)
  assert.deepEqual(
    lines()
      .slice(20)
      .map((line) => [line['msg'], line['suppressed']]),
    [['events_suppressed', 10]],
  )
  t.mock.timers.tick(60_000)
  assert.equal(lines().length, 21)
})

test('sources are bounded: those beyond share one budget, until others have been quiet', () => {
  const { clock, recorder, lines } = recorderOf()
  const flood = (): void => {
    for (let code = 0; code < 40; code++) {
      for (let index = 0; index < 50; index++) recorder.record(denied(`ERR_${code}`, { remoteAddress: `2001:db8:${code}:${index}::` }))
    }
  }
  flood()
  assert.equal(lines().length, 1024 + 20)
  clock.advanceMs(60_000)
  flood()
  assert.equal(lines().length, 2 * (1024 + 20))
})

test('codes that somebody invents are bounded too', async () => {
  const { recorder, lines } = recorderOf()
  for (let index = 0; index < 10_000; index++) recorder.record(denied(`ERR_${index}`, from(1)))
  await recorder.close()
  assert.ok(lines().length < 256 + 100, String(lines().length))
  assert.equal(told(lines()), 10_000)
})
