import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLimiter, type LimitOptions } from '@countersign/limit'
import { createTestSurroundings } from './surroundings.js'

const POLICY = { name: 'p', quota: 1, windowSeconds: 1, partitionBy: 'everyone' } as const

const CASES: readonly [claim: string, options: unknown, code: string, option: string][] = [
  ['an unknown option', { percaller: null }, 'ERR_OPTION_UNKNOWN', 'limit.percaller'],
  ['a number', 5, 'ERR_OPTION_INVALID', 'limit'],
  ['a quota without a window', { perCaller: { quota: 1 } }, 'ERR_OPTION_INVALID', 'limit.perCaller.windowSeconds'],
  ['a quota of nothing', { perCaller: { quota: 0, windowSeconds: 1 } }, 'ERR_OPTION_INVALID', 'limit.perCaller.quota'],
  ['a quota that is NaN', { perAddress: { quota: Number.NaN, windowSeconds: 1 } }, 'ERR_OPTION_INVALID', 'limit.perAddress.quota'],
  ['a window of a fraction', { perCaller: { quota: 1, windowSeconds: 0.5 } }, 'ERR_OPTION_INVALID', 'limit.perCaller.windowSeconds'],
  ['a burst of nothing', { perCaller: { quota: 1, windowSeconds: 1, burst: 0 } }, 'ERR_OPTION_INVALID', 'limit.perCaller.burst'],
  ['a quota finer than the clock', { perCaller: { quota: 1_000_000, windowSeconds: 1 } }, 'ERR_OPTION_INVALID', 'limit.perCaller.quota'],
  [
    'a burst that takes more than a century',
    { perCaller: { quota: 1, windowSeconds: 86_400, burst: 1_000_000_000 } },
    'ERR_OPTION_INVALID',
    'limit.perCaller.burst',
  ],
  ['an empty list of policies', { policies: [] }, 'ERR_OPTION_INVALID', 'limit.policies'],
  ['a policy without a name', { policies: [{ ...POLICY, name: '' }] }, 'ERR_OPTION_INVALID', 'limit.policies[0].name'],
  [
    'a name that would break out of its field',
    { policies: [{ ...POLICY, name: 'a";q=1' }] },
    'ERR_OPTION_INVALID',
    'limit.policies[0].name',
  ],
  ['a name outside ASCII', { policies: [{ ...POLICY, name: 'é' }] }, 'ERR_OPTION_INVALID', 'limit.policies[0].name'],
  ['a name twice', { policies: [POLICY, POLICY] }, 'ERR_OPTION_CONTRADICTION', 'limit.policies'],
  ['the name of perCaller', { policies: [{ ...POLICY, name: 'caller' }] }, 'ERR_OPTION_CONTRADICTION', 'limit.policies'],
  [
    'a policy without a partition',
    { policies: [{ name: 'p', quota: 1, windowSeconds: 1 }] },
    'ERR_OPTION_INVALID',
    'limit.policies[0].partitionBy',
  ],
  ['an unknown partition', { policies: [{ ...POLICY, partitionBy: 'ip' }] }, 'ERR_OPTION_INVALID', 'limit.policies[0].partitionBy'],
  [
    'a claim without a name',
    { policies: [{ ...POLICY, partitionBy: { claim: '' } }] },
    'ERR_OPTION_INVALID',
    'limit.policies[0].partitionBy.claim',
  ],
  ['a cost that is no function', { policies: [{ ...POLICY, cost: 2 }] }, 'ERR_OPTION_INVALID', 'limit.policies[0].cost'],
  ['only without a part', { policies: [{ ...POLICY, only: {} }] }, 'ERR_RULE_VACUOUS', 'limit.policies[0].only'],
  ['only with an empty list', { policies: [{ ...POLICY, only: { methods: [] } }] }, 'ERR_RULE_VACUOUS', 'limit.policies[0].only.methods'],
  [
    'only with a lower-case method',
    { policies: [{ ...POLICY, only: { methods: 'get' } }] },
    'ERR_OPTION_INVALID',
    'limit.policies[0].only.methods',
  ],
  [
    'only with a pattern',
    { policies: [{ ...POLICY, only: { paths: ['/a/*'] } }] },
    'ERR_OPTION_INVALID',
    'limit.policies[0].only.paths[0]',
  ],
  [
    'only with everything below the root',
    { policies: [{ ...POLICY, only: { paths: { under: '/' } } }] },
    'ERR_OPTION_INVALID',
    'limit.policies[0].only.paths.under',
  ],
  [
    'only with a wildcard caller',
    { policies: [{ ...POLICY, only: { callers: '*' } }] },
    'ERR_OPTION_INVALID',
    'limit.policies[0].only.callers',
  ],
  [
    'more policies than a request can be asked for',
    { policies: Array.from({ length: 16 }, (_, index) => ({ ...POLICY, name: `p${index}` })) },
    'ERR_OPTION_INVALID',
    'limit.policies',
  ],
  ['a store that is none', { store: {} }, 'ERR_OPTION_INVALID', 'limit.store'],
  ['a bound of nothing', { maxKeys: 0 }, 'ERR_OPTION_INVALID', 'limit.maxKeys'],
  ['an unknown way out', { whenUnavailable: 'allow' }, 'ERR_OPTION_INVALID', 'limit.whenUnavailable'],
]

for (const [claim, options, code, option] of CASES) {
  test(`refuses ${claim}`, () =>
    assert.throws(() => createLimiter(options as LimitOptions, createTestSurroundings()), { name: 'MisuseError', code, option }))
}

test('the options are neither kept nor changed', () => {
  const options = { perCaller: { quota: 1, windowSeconds: 1 }, policies: [{ ...POLICY }] }
  const before = structuredClone(options)
  const limiter = createLimiter(options, createTestSurroundings())
  assert.deepEqual(options, before)
  options.perCaller.quota = 1000
  assert.equal(limiter.toString(), '1/s a caller, p 1/s')
})
