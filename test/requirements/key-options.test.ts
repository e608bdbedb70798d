import { randomBytes } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { isRefusal } from '@countersign/core'
import type { GuardOptions } from '@countersign/guard'
import { fakeInbound } from '@countersign/testing'
import { type ApiKeyLockOptions, type ApiKeyOptions, createApiKey, createApiKeyVerifier } from '@countersign/token'
import { type Effect, type RowsOf, testOptions } from './options.js'
import { createStage, eventsOf, serve } from './stage.js'

const stage = createStage()
const { mesh, orders } = stage
const hashKey = randomBytes(32)
const issued = createApiKey({ owner: orders.id, hashKey, clock: mesh.clock })
const other = createApiKey({ owner: orders.id, hashKey, clock: mesh.clock })
const batch = createApiKey({ owner: 'batch', hashKey, clock: mesh.clock })
const accepted: ApiKeyOptions = { keys: [issued.record, batch.record], hashKey, owners: [orders.id, 'batch'] }
const weak = stage.write('weak.bin', 'changeme-changeme-or-be-sorry-later')
chmodSync(weak, 0o600)

function withKeys(apiKeys: Partial<ApiKeyOptions>): Partial<GuardOptions> {
  return { mtls: null, apiKeys: { ...accepted, ...apiKeys } }
}

function told(one: Partial<ApiKeyOptions>, expected: string, otherwise: Partial<ApiKeyOptions>, expectedOtherwise: string): Effect {
  return async (t) => {
    const said = async (apiKeys: Partial<ApiKeyOptions>): Promise<string> =>
      (await (await serve(t, stage, withKeys(apiKeys))).call({ headers: { 'x-api-key': issued.text } })).said
    return [
      [await said(one), expected],
      [await said(otherwise), expectedOtherwise],
    ]
  }
}

const rows: RowsOf<ApiKeyOptions> = {
  keys: {
    refused: [
      undefined,
      5,
      'keys.json',
      [],
      {},
      [{}],
      { file: '/nowhere.json' },
      { file: 5 },
      { find: () => null },
      [issued.record, issued.record],
    ],
    effect: told({}, orders.id, { keys: [other.record] }, 'ERR_API_KEY_INVALID'),
  },
  hashKey: {
    refused: [
      undefined,
      null,
      5,
      'x'.repeat(64),
      new Uint8Array(32),
      randomBytes(31),
      { file: '/nowhere' },
      { file: weak },
      { file: 5 },
      {},
    ],
    effect: told({}, orders.id, { hashKey: randomBytes(32) }, 'ERR_API_KEY_INVALID'),
  },
  owners: {
    refused: [5, orders.id, [], ['*'], [5], [{}]],
    effect: told({ owners: [{ trustDomain: 'prod.example' }] }, orders.id, { owners: ['batch'] }, 'ERR_API_KEY_INVALID'),
  },
  issuer: {
    refused: [5, '', {}],
    async effect(t) {
      const authorize = [{ callers: { issuer: 'keys.example', subject: 'batch' } }]
      const said = async (issuer: string): Promise<string> =>
        (await (await serve(t, stage, { ...withKeys({ issuer }), authorize })).call({ headers: { 'x-api-key': batch.text } })).said
      return [
        [await said('keys.example'), 'batch'],
        [await said('other.example'), 'ERR_FORBIDDEN'],
      ]
    },
  },
  header: {
    refused: [5, '', 'x key', 'Authorization', 'cookie', 'host', {}],
    effect: told({ header: 'X-API-Key' }, orders.id, { header: 'x-service-key' }, 'ERR_API_KEY_MISSING'),
  },
  revocation: {
    refused: [5, 'x', [], {}, { list: {} }, { list: { has: true, ageMs: 0 } }],
    effect: told({ revocation: null }, orders.id, { revocation: { list: { ageMs: 0, has: () => true } } }, 'ERR_API_KEY_REVOKED'),
  },
  lock: {
    refused: [5, true, [], 'x', { failures: 0 }, { tries: 5 }],
    async effect(t) {
      const said = async (lock: ApiKeyLockOptions | null): Promise<string> => {
        const { call } = await serve(t, stage, withKeys({ lock }))
        await call({ headers: { 'x-api-key': other.text } })
        return (await call({ headers: { 'x-api-key': other.text } })).said
      }
      return [
        [await said(null), 'ERR_API_KEY_INVALID'],
        [await said({ failures: 1 }), 'ERR_API_KEY_LOCKED'],
      ]
    },
  },
  noticeSeconds: {
    refused: [-1, 0.5, 91 * 86_400, Number.NaN, '5'],
    async effect(t) {
      const told = async (noticeSeconds: number): Promise<number> => {
        const audit = eventsOf()
        const { call } = await serve(t, stage, { ...withKeys({ noticeSeconds }), audit })
        await call({ headers: { 'x-api-key': issued.text } })
        return audit.events.filter(({ kind }) => kind === 'credential.expiring').length
      }
      return [
        [await told(14 * 86_400), 0],
        [await told(90 * 86_400), 1],
      ]
    },
  },
}

const ignored = { add() {}, record() {} }
const surroundings = {
  clock: mesh.clock,
  fetch: globalThis.fetch,
  recorder: eventsOf(),
  meter: { createCounter: () => ignored, createHistogram: () => ignored, createGauge: () => ignored },
}
/** Seconds after which one failure and another no longer lock, and after which a lock has ended. */
function lockedAfter(lock: ApiKeyLockOptions, waits: readonly number[]): (t: Parameters<Effect>[0]) => Promise<string> {
  return async (t) => {
    let lateMs = 0
    const runtime = { clock: { nowMs: () => mesh.clock.nowMs() + lateMs } }
    const { call } = await serve(t, stage, { ...withKeys({ lock }), runtime })
    let said = ''
    for (const seconds of waits) {
      lateMs += 1000 * seconds
      said = (await call({ headers: { 'x-api-key': other.text } })).said
    }
    return said
  }
}

function locks(one: ApiKeyLockOptions, otherwise: ApiKeyLockOptions, waits: readonly number[]): Effect {
  return async (t) => [
    [await lockedAfter(one, waits)(t), 'ERR_API_KEY_INVALID'],
    [await lockedAfter(otherwise, waits)(t), 'ERR_API_KEY_LOCKED'],
  ]
}

const lockRows: RowsOf<ApiKeyLockOptions> = {
  failures: { refused: [0, -1, 101, 1.5, '5'], effect: locks({ failures: 3 }, { failures: 2 }, [0, 0, 0]) },
  windowSeconds: {
    refused: [0, 86_401, 0.5, '300'],
    effect: locks({ failures: 2, windowSeconds: 10 }, { failures: 2, windowSeconds: 60 }, [0, 30, 0]),
  },
  lockSeconds: {
    refused: [0, 86_401, 0.5, '300'],
    effect: locks({ failures: 1, lockSeconds: 10 }, { failures: 1, lockSeconds: 60 }, [0, 30]),
  },
  maxEntries: {
    refused: [0, 99, 1_000_001, 0.5, '300'],
    async effect() {
      // Of 200 addresses each tries a key of its own: beyond the bound they share a count.
      const last = async (maxEntries: number): Promise<string> => {
        const verifier = createApiKeyVerifier({ ...accepted, lock: { maxEntries } }, surroundings)
        let code = ''
        for (let host = 0; host < 200; host++) {
          const { text } = createApiKey({ owner: orders.id, hashKey })
          const request = fakeInbound({ header: (name) => (name === 'x-api-key' ? text : null) })
          const found = await verifier.verify({ ...request, clientAddress: `10.1.0.${host}` })
          code = isRefusal(found) ? found.code : 'granted'
        }
        return code
      }
      return [
        [await last(1000), 'ERR_API_KEY_UNKNOWN'],
        [await last(100), 'ERR_API_KEY_LOCKED'],
      ]
    },
  },
}

const create = (apiKeys: unknown): unknown => createApiKeyVerifier(apiKeys as ApiKeyOptions, surroundings)

testOptions('apiKeys', rows, (field, value) => create({ ...accepted, [field]: value }))
testOptions('apiKeys.lock', lockRows, (field, value) => create({ ...accepted, lock: { [field]: value } }))
