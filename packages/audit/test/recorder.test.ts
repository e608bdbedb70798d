import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AuditOptions, createRecorder } from '@countersign/audit'
import { CODES, catalogueEntry, type EventKind } from '@countersign/core'
import { createCapture, createTestClock, denied } from './capture.js'

function recorderOf(options: Omit<AuditOptions, 'logger'> = {}) {
  const clock = createTestClock()
  const capture = createCapture()
  const recorder = createRecorder({ ...options, logger: capture.logger }, { clock })
  return { clock, ...capture, recorder }
}

const PEER_FACTS = {
  remoteAddress: '192.0.2.1',
  transport: 'tls',
  peer: 'spiffe://d/a',
  serialNumber: '0a1b',
  fingerprint256: 'ab'.repeat(32),
  method: 'GET',
}

test('a refused certificate is one line, with the address of the peer, the serial number and the code', () => {
  const { recorder, lines } = recorderOf()
  assert.equal(recorder.record(denied('ERR_PEER_EXPIRED', PEER_FACTS)), true)
  assert.deepEqual(lines(), [
    {
      level: 40,
      msg: 'invalid_client_cert',
      kind: 'request.denied',
      code: 'ERR_PEER_EXPIRED',
      sequence: 1,
      detail: 'denied',
      ...PEER_FACTS,
    },
  ])
})

/** What whoever reads the log may rely on. */
function assertSchema(line: Readonly<Record<string, unknown>>): void {
  assert.match(String(line['kind']), /^[a-z]+(\.[a-z-]+)+$/)
  assert.match(String(line['msg']), /^[a-z_.-]+$/)
  assert.ok(Number.isSafeInteger(line['sequence']))
  assert.ok([30, 40, 50].includes(Number(line['level'])))
  if ('code' in line) assert.match(String(line['code']), /^ERR_[A-Z_]+$/)
  for (const [name, value] of Object.entries(line)) {
    assert.match(name, /^[A-Za-z][A-Za-z0-9_.-]*$/)
    const flat = Array.isArray(value) ? value : [value]
    for (const entry of flat) assert.ok(entry === null || ['string', 'number', 'boolean'].includes(typeof entry), name)
  }
}

test('every code of the catalogue makes a line of the schema, under the name of what went wrong', () => {
  const { clock, recorder, lines } = recorderOf()
  for (const code of CODES) {
    recorder.record(denied(code, PEER_FACTS))
    clock.advanceMs(1000)
  }
  assert.deepEqual(
    lines().map((line) => line['code']),
    [...CODES],
  )
  for (const line of lines()) assertSchema(line)
  const names = new Map(lines().map((line) => [line['code'], line['msg']]))
  assert.equal(names.get('ERR_PEER_UNREADABLE'), 'client_cert_extraction_failed')
  assert.equal(names.get('ERR_PEER_REVOKED'), 'invalid_client_cert')
  assert.equal(names.get('ERR_TOKEN_SIGNATURE'), 'invalid_token')
  assert.equal(names.get('ERR_FORBIDDEN'), 'access_denied')
  assert.equal(names.get('ERR_QUOTA_EXCEEDED'), 'limit_breach')
  assert.equal(names.get('ERR_GUARD_FAULT'), 'guard_unavailable')
  assert.equal(names.get('ERR_TARGET_NOT_CANONICAL'), 'invalid_request')
  for (const code of CODES) assert.equal(names.get(code) === 'guard_unavailable', catalogueEntry(code).status === 503, code)
})

test('every other kind of event is a line under its own name, at the level of its severity', () => {
  const { recorder, lines } = recorderOf({ allowed: 'all' })
  const kinds = [
    'request.allowed',
    'peer.first-seen',
    'trust.reloaded',
    'trust.reload-failed',
    'credential.reloaded',
    'credential.reload-failed',
    'credential.expiring',
    'connection.ended',
    'limit.degraded',
    'limit.restored',
    'guard.configured',
    'guard.misused',
  ] as const satisfies readonly EventKind[]
  for (const kind of kinds) recorder.record({ kind, severity: kind.endsWith('failed') ? 'error' : 'info', message: 'text', facts: {} })
  assert.deepEqual(
    lines().map((line) => line['msg']),
    [...kinds],
  )
  for (const line of lines()) {
    assertSchema(line)
    assert.equal(line['level'], String(line['msg']).endsWith('failed') ? 50 : 30)
  }
})

test('lines are numbered without a gap', () => {
  const { recorder, lines } = recorderOf()
  for (let index = 0; index < 10; index++) recorder.record(denied('ERR_FORBIDDEN', { remoteAddress: `192.0.2.${index}` }))
  assert.deepEqual(
    lines().map((line) => line['sequence']),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  )
})

test('null records nothing and wants nothing', async () => {
  const recorder = createRecorder(null, { clock: createTestClock() })
  assert.equal(recorder.wants('request.denied'), false)
  assert.equal(recorder.record(denied('ERR_FORBIDDEN')), true)
  await recorder.close()
})

test('a finished recorder is taken as it is', () => {
  const own = createRecorder(null, { clock: createTestClock() })
  assert.equal(createRecorder(own, { clock: createTestClock() }), own)
})

test('allowed requests are wanted never, always or every n-th time, and everything else always', () => {
  const wanted = (options: AuditOptions): number => {
    const recorder = createRecorder({ ...options, logger: createCapture().logger }, { clock: createTestClock() })
    assert.equal(recorder.wants('request.denied'), true)
    assert.equal(recorder.wants('guard.configured'), true)
    return Array.from({ length: 1000 }, () => recorder.wants('request.allowed')).filter(Boolean).length
  }
  assert.equal(wanted({}), 0)
  assert.equal(wanted({ allowed: 'none' }), 0)
  assert.equal(wanted({ allowed: 'all' }), 1000)
  assert.equal(wanted({ allowed: { oneIn: 1 } }), 1000)
  assert.equal(wanted({ allowed: { oneIn: 100 } }), 10)
})

test('allowed requests that are wanted are all written, however many', () => {
  const { recorder, texts } = recorderOf({ allowed: 'all' })
  for (let index = 0; index < 1000; index++)
    recorder.record({ kind: 'request.allowed', severity: 'info', message: 'allowed', facts: { remoteAddress: '192.0.2.1' } })
  assert.equal(texts.length, 1000)
})

test('a logger that throws breaks nothing: with continue the event is counted and told later', () => {
  const capture = createCapture()
  let isBroken = true
  const warn = (facts: object, message: string): void => (isBroken ? assert.fail('disk full') : capture.logger.warn(facts, message))
  const recorder = createRecorder({ logger: { info: warn, warn, error: warn } }, { clock: createTestClock() })
  for (let index = 0; index < 3; index++) assert.equal(recorder.record(denied('ERR_FORBIDDEN')), true)
  isBroken = false
  recorder.record(denied('ERR_FORBIDDEN'))
  recorder.record(denied('ERR_FORBIDDEN'))
  assert.deepEqual(
    capture.lines().map((line) => [line['sequence'], line['dropped']]),
    [
      [4, 3],
      [5, undefined],
    ],
  )
})

test('a logger that throws breaks nothing: with refuse the event is reported lost', () => {
  const broken = (): void => assert.fail('disk full')
  const recorder = createRecorder(
    { logger: { info: broken, warn: broken, error: broken }, whenUnavailable: 'refuse' },
    { clock: createTestClock() },
  )
  assert.equal(recorder.record({ kind: 'request.allowed', severity: 'info', message: 'allowed', facts: {} }), false)
  assert.equal(recorder.record(denied('ERR_FORBIDDEN')), false)
})

test("the application's logger is not closed, and two recorders know nothing of each other", async () => {
  const capture = createCapture()
  const [one, other] = [
    createRecorder({ logger: capture.logger }, { clock: createTestClock() }),
    createRecorder({ logger: capture.logger }, { clock: createTestClock() }),
  ]
  one.record(denied('ERR_FORBIDDEN'))
  await one.close()
  other.record(denied('ERR_FORBIDDEN'))
  assert.deepEqual(
    capture.lines().map((line) => line['sequence']),
    [1, 1],
  )
})

for (const [claim, options, option] of [
  ['an unknown option', { loger: null }, 'audit.loger'],
  ['a logger that is none', { logger: {} }, 'audit.logger'],
  ['console as a word', { logger: 'console' }, 'audit.logger'],
  ['true for allowed', { allowed: true }, 'audit.allowed'],
  ['one in nothing', { allowed: { oneIn: 0 } }, 'audit.allowed.oneIn'],
  ['one in a half', { allowed: { oneIn: 0.5 } }, 'audit.allowed.oneIn'],
  ['an unknown way out', { whenUnavailable: 'ignore' }, 'audit.whenUnavailable'],
  ['a number', 5, 'audit'],
] as const) {
  test(`refuses ${claim}`, () =>
    assert.throws(() => createRecorder(options as AuditOptions, { clock: createTestClock() }), { name: 'MisuseError', option }))
}
