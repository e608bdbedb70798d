import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { type MisuseCode, MisuseError } from '@countersign/core'
import { createRedisStateStore, createRedisStreamSink, type RedisStateStoreOptions } from '@countersign/redis'
import { fakeIoredis, fakeNodeRedis } from './fake-clients.js'

const good: RedisStateStoreOptions = { client: fakeNodeRedis(), name: 'prod', macKey: randomBytes(32) }

function misuse(code: MisuseCode, option: string): (error: unknown) => boolean {
  return (error) => error instanceof MisuseError && error.code === code && error.option === option
}

const wrong: readonly (readonly [key: string, values: readonly unknown[], code?: MisuseCode])[] = [
  ['client', [undefined, null, {}, 'redis://localhost', { sendCommand() {} }, { duplicate() {}, on() {} }]],
  ['name', ['', 'a b', 'a:b', '{a}', 'é', 'x'.repeat(65), 7]],
  ['macKey', [undefined, null], 'ERR_OPTION_MISSING'],
  ['macKey', [randomBytes(31), 'x'.repeat(32), Buffer.from('changeme-changeme-changeme-changeme')]],
  ['whenEmpty', ['full', true, 'NEW']],
  ['timeoutMs', [0, -1, 0.5, '200', 60_001]],
  ['connectTimeoutMs', [0, 60_001]],
  ['settleMs', [-1, Number.POSITIVE_INFINITY]],
  ['maxEvents', [0]],
  ['maxRememberedClaims', [-1]],
  ['clock', [{}, { nowMs: 1 }]],
  ['dangerouslyPlaintext', ['yes', 1]],
  ['dangerouslyAllowEviction', ['yes', 1]],
]

for (const [key, values, code = 'ERR_OPTION_INVALID'] of wrong)
  test(`refuses a wrong ${key} (${code})`, () => {
    for (const value of values) {
      const options = { ...good, [key]: value } as RedisStateStoreOptions
      assert.throws(() => createRedisStateStore(options), misuse(code, key), String(value))
    }
  })

test('refuses an option that it does not know', () => {
  assert.throws(() => createRedisStateStore({ ...good, ttl: 1 } as RedisStateStoreOptions), misuse('ERR_OPTION_UNKNOWN', 'ttl'))
})

test('takes a client of either package, opens no connection and changes no option', async () => {
  for (const client of [fakeNodeRedis(), fakeIoredis()]) {
    const options = Object.freeze({ ...good, client })
    await createRedisStateStore(options).close()
    assert.equal(client.duplicates, 0)
  }
})

test('a sink refuses a wrong option', () => {
  const sink = { client: fakeNodeRedis(), stream: 'events' }
  for (const [changes, option] of [
    [{ stream: '' }, 'stream'],
    [{ maxLength: 0 }, 'maxLength'],
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ client: fakeNodeRedis({ socket: { host: 'redis.prod.example' } }) }, 'client'],
  ] as const)
    assert.throws(() => createRedisStreamSink({ ...sink, ...changes }), misuse('ERR_OPTION_INVALID', option))
  assert.throws(() => createRedisStreamSink({ ...sink, trim: true } as never), misuse('ERR_OPTION_UNKNOWN', 'trim'))
})
