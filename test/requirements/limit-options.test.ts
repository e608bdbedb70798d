import type { GuardOptions } from '@countersign/guard'
import { createLimiter, createMemoryQuotaStore, type LimitOptions, type Quota, type QuotaPolicy } from '@countersign/limit'
import { createTestClock, createTestMeter } from '@countersign/testing'
import { type Effect, type RowsOf, testOptions } from './options.js'
import { type Call, createStage, eventsOf, oneConnection, serve } from './stage.js'

const stage = createStage()
const { mesh, orders, shipping } = stage
const HOUR = 3600
const down = { take: () => Promise.reject(new Error('no store')) }

/** What the calls of a service with these quotas were told, in order. */
async function told(
  t: Parameters<Effect>[0],
  limit: LimitOptions,
  calls: readonly Call[],
  more: Partial<GuardOptions> = {},
): Promise<string[]> {
  const { call } = await serve(t, stage, { limit, ...more })
  const said: string[] = []
  for (const one of calls) said.push((await call(one)).said)
  return said
}

const BOTH: readonly Call[] = [{ as: orders }, { as: orders }]
const LET_IN = [orders.id, orders.id]
const ONCE = [orders.id, 'ERR_QUOTA_EXCEEDED']

function differ(
  one: LimitOptions,
  other: LimitOptions,
  calls = BOTH,
  seen: readonly string[] = ONCE,
  seenOtherwise: readonly string[] = LET_IN,
): Effect {
  return async (t) => [
    [await told(t, one, calls), seen],
    [await told(t, other, calls), seenOtherwise],
  ]
}

const rows: RowsOf<LimitOptions> = {
  perCaller: {
    refused: [5, 'x', [], {}, { quota: 1 }, { quota: 0, windowSeconds: 1 }, { quota: Number.NaN, windowSeconds: 1 }],
    effect: differ({ perCaller: { quota: 1, windowSeconds: HOUR } }, { perCaller: null }),
  },
  perAddress: {
    refused: [5, 'x', [], {}, { quota: -1, windowSeconds: 1 }, { quota: 1, windowSeconds: 0.5 }],
    async effect(t) {
      const calls = [1, 2].map(() => ({ as: mesh.workload('/late', { validFrom: new Date(mesh.clock.nowMs() - 7_200_000) }) }))
      return [
        [await told(t, { perAddress: { quota: 1, windowSeconds: HOUR } }, calls), ['ERR_PEER_EXPIRED', 'ERR_ATTEMPTS_EXCEEDED']],
        [await told(t, { perAddress: null }, calls), ['ERR_PEER_EXPIRED', 'ERR_PEER_EXPIRED']],
      ]
    },
  },
  policies: {
    refused: [5, {}, [], [5], [{}], [{ name: 'p', quota: 1, windowSeconds: 1, partitionBy: 'ip' }]],
    effect: differ({ policies: [{ name: 'p', quota: 1, windowSeconds: HOUR, partitionBy: 'everyone' }] }, {}),
  },
  store: {
    refused: [5, {}, [], { take: 1 }, null],
    async effect(t) {
      const shared = createMemoryQuotaStore()
      const quota = { perCaller: { quota: 1, windowSeconds: HOUR } }
      const two = async (limits: readonly LimitOptions[]): Promise<string[]> =>
        (await Promise.all(limits.map((limit) => told(t, limit, [{ as: orders }])))).flat().toSorted()
      return [
        [await two([1, 2].map(() => ({ ...quota, store: shared }))), ['ERR_QUOTA_EXCEEDED', orders.id]],
        [await two([quota, quota]), LET_IN],
      ]
    },
  },
  maxKeys: {
    refused: [0, -1, 1.5, Number.NaN, '5', {}],
    async effect(t) {
      // 200 paths, one request an hour each: beyond the bound they share 64 buckets.
      const passed = async (maxKeys: number): Promise<boolean> => {
        const policies = [{ name: 'p', quota: 1, windowSeconds: HOUR, partitionBy: 'route' }] as const
        const { call, port } = await serve(t, stage, { limit: { perCaller: null, policies, maxKeys } })
        const agent = oneConnection(t, mesh, port, orders)
        let letIn = 0
        for (let index = 0; index < 200; index++) if ((await call({ agent, path: `/${index}` })).status === 200) letIn++
        return letIn === 200
      }
      return [
        [await passed(1), false],
        [await passed(1000), true],
      ]
    },
  },
  whenUnavailable: {
    refused: [5, '', 'allow', {}, true],
    async effect(t) {
      const quota = { perCaller: { quota: 1, windowSeconds: HOUR }, store: down }
      return [
        [await told(t, { ...quota, whenUnavailable: 'refuse' }, BOTH), ['ERR_UNAVAILABLE', 'ERR_UNAVAILABLE']],
        [
          [
            await told(t, { ...quota, whenUnavailable: 'limit-locally' }, BOTH),
            await told(t, { ...quota, whenUnavailable: 'dangerously-allow' }, BOTH),
          ],
          [ONCE, LET_IN],
        ],
      ]
    },
  },
}

const surroundings = () => ({
  clock: createTestClock(),
  fetch: globalThis.fetch,
  recorder: eventsOf(),
  meter: createTestMeter(),
})
const create = (options: unknown): unknown => createLimiter(options as LimitOptions, surroundings())

testOptions('limit', rows, (field, value) => create({ [field]: value }))

const quota = { quota: 1, windowSeconds: HOUR }
const quotaRows: RowsOf<Quota> = {
  quota: {
    refused: [undefined, 0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5'],
    effect: differ({ perCaller: quota }, { perCaller: { ...quota, quota: 2 } }),
  },
  windowSeconds: {
    refused: [undefined, 0, -1, 0.5, Number.NaN, '5'],
    async effect(t) {
      const wait = async (windowSeconds: number): Promise<unknown> => {
        const { call } = await serve(t, stage, { limit: { perCaller: { quota: 1, windowSeconds } } })
        await call({ as: orders })
        return (await call({ as: orders })).headers['retry-after']
      }
      return [
        [await wait(60), '60'],
        [await wait(HOUR), '3600'],
      ]
    },
  },
  burst: {
    refused: [0, -1, 1.5, Number.NaN, '5'],
    effect: differ({ perCaller: { ...quota, burst: 1 } }, { perCaller: { ...quota, burst: 2 } }),
  },
}
testOptions('limit.perCaller', quotaRows, (field, value) => create({ perCaller: { ...quota, [field]: value } }))

const policy = { name: 'p', quota: 1, windowSeconds: HOUR, partitionBy: 'caller' } as const
const only = (more: Partial<QuotaPolicy>): LimitOptions => ({ perCaller: null, policies: [{ ...policy, ...more }] })
const TWO_CALLERS: readonly Call[] = [{ as: orders }, { as: shipping }]

const policyRows: RowsOf<QuotaPolicy> = {
  quota: { refused: [undefined, 0, Number.NaN], effect: differ(only({}), only({ quota: 2 })) },
  windowSeconds: {
    refused: [undefined, 0, Number.NaN],
    async effect(t) {
      const sent = async (windowSeconds: number): Promise<unknown> =>
        (await (await serve(t, stage, { limit: only({ windowSeconds }) })).call({ as: orders })).headers['ratelimit-policy']
      return [
        [await sent(60), '"p";q=1;w=60'],
        [await sent(HOUR), '"p";q=1;w=3600'],
      ]
    },
  },
  burst: { refused: [0, Number.NaN], effect: differ(only({}), only({ burst: 2 })) },
  name: {
    refused: [undefined, 5, '', 'a"b', 'é', '1st'],
    async effect(t) {
      const sent = async (name: string): Promise<unknown> =>
        (await (await serve(t, stage, { limit: only({ name }) })).call({ as: orders })).headers['ratelimit']
      return [
        [await sent('one'), '"one";r=0;t=3600'],
        [await sent('two'), '"two";r=0;t=3600'],
      ]
    },
  },
  partitionBy: {
    refused: [undefined, 5, 'ip', {}, { claim: '' }, { header: 'x' }, null],
    effect: differ(only({ partitionBy: 'everyone' }), only({ partitionBy: 'caller' }), TWO_CALLERS, ONCE, [orders.id, shipping.id]),
  },
  cost: { refused: [5, 'x', {}], effect: differ(only({ quota: 2, cost: () => 2 }), only({ quota: 2, cost: () => 1 })) },
  only: { refused: [5, 'x', {}, { hosts: 'a' }], effect: differ(only({}), only({ only: { methods: 'POST' } })) },
}
testOptions('limit.policies[0]', policyRows, (field, value) => create({ policies: [{ ...policy, [field]: value }] }))

const onlyRows: RowsOf<NonNullable<QuotaPolicy['only']>> = {
  callers: {
    refused: [5, '', '*', [], {}],
    effect: differ(only({ only: { callers: orders.id } }), only({ only: { callers: shipping.id } })),
  },
  methods: {
    refused: [5, 'get', []],
    effect: differ(only({ only: { methods: 'GET' } }), only({ only: { methods: 'POST' } })),
  },
  paths: {
    refused: [5, 'a', '/a/*', [], { under: '/' }],
    effect: differ(only({ only: { paths: '/' } }), only({ only: { paths: '/elsewhere' } })),
  },
}
testOptions('limit.policies[0].only', onlyRows, (field, value) =>
  create({ policies: [{ ...policy, only: { methods: 'GET', [field]: value } }] }),
)
