import { randomBytes } from 'node:crypto'
import { createGuard, type GuardOptions, type RouteOptions } from '@countersign/guard'
import { createAuthMesh } from '@countersign/mesh'
import { createTestLogger, createTestMeter } from '@countersign/testing'
import { createApiKey } from '@countersign/token'
import { type Effect, type RowsOf, testOptions } from './options.js'
import { type Call, createStage, serve } from './stage.js'

const stage = createStage()
const { mesh, orders, shipping } = stage
const authMesh = createAuthMesh({ issuer: 'https://mesh.example', services: { [shipping.id]: { mayCall: [] } }, audit: null })
const jwt = mesh.jwt({ audience: 'billing', binding: 'if-bound' })
const hashKey = randomBytes(32)
const issued = createApiKey({ owner: orders.id, hashKey, clock: mesh.clock })
const CERTIFICATE: Call = { as: orders }

/** What one call is told by a service with these options. */
function told(
  one: Partial<GuardOptions>,
  expected: string,
  other: Partial<GuardOptions>,
  expectedOtherwise: string,
  call = CERTIFICATE,
): Effect {
  return async (t) => {
    const said = async (options: Partial<GuardOptions>): Promise<string> => (await (await serve(t, stage, options)).call(call)).said
    return [
      [await said(one), expected],
      [await said(other), expectedOtherwise],
    ]
  }
}

const guardRows: RowsOf<GuardOptions> = {
  mtls: {
    refused: [undefined, 5, 'ca.pem', true, [], {}],
    effect: told({ mtls: { trust: mesh.trust }, jwt, require: 'any' }, orders.id, { mtls: null, jwt, require: 'any' }, 'ERR_TOKEN_MISSING'),
  },
  jwt: {
    refused: [undefined, 5, 'https://issuer.example', true, [], {}, [null]],
    effect: told({ jwt: null }, orders.id, { jwt }, 'ERR_TOKEN_MISSING'),
  },
  apiKeys: {
    refused: [5, 'keys.json', true, [], {}, { keys: [issued.record] }],
    effect: told({ apiKeys: { keys: [issued.record], hashKey, owners: [orders.id] } }, 'ERR_API_KEY_MISSING', { apiKeys: null }, orders.id),
  },
  authorize: {
    refused: [undefined, null, 5, true, [], '', 'all', {}, [5], [{}], ['*'], ['spiffe://prod.example/*'], [{ callers: [] }]],
    effect: told({ authorize: [orders.id] }, orders.id, { authorize: [shipping.id] }, 'ERR_FORBIDDEN'),
  },
  require: {
    refused: [5, '', 'some', [], [[]], [['password']], [['jwt']], {}],
    effect: told({ jwt, require: 'any' }, orders.id, { jwt, require: 'all' }, 'ERR_TOKEN_MISSING'),
  },
  routes: {
    refused: [5, 'x', {}, [], [5], [null], [{}], [{ path: '/a', require: 'some' }], [{ path: '/a', require: 'none', method: 'GET' }]],
    effect: told({ routes: [{ path: '/health', require: 'none' }] }, 'anonymous', {}, 'ERR_PEER_MISSING', { path: '/health' }),
  },
  authority: {
    refused: [5, true, '', 'mine'],
    effect: told({ authority: 'any' }, orders.id, { authority: 'as-server-name' }, 'ERR_MISDIRECTED', {
      as: orders,
      headers: { host: 'other.example' },
    }),
  },
  forwarded: {
    refused: [
      5,
      'nginx',
      true,
      [],
      {},
      { format: 'nginx' },
      { format: 'squid', from: { peer: orders.id } },
      { format: 'nginx', from: orders.id },
      { format: 'nginx', from: {} },
      { format: 'nginx', from: { unixSocket: false } },
      { format: 'nginx', from: { dangerouslyAddress: '0.0.0.0/0' } },
      { format: 'nginx', from: { peer: orders.id, unixSocket: true } },
      { format: 'nginx', from: { peer: orders.id }, hops: 0 },
      { format: 'nginx', from: { peer: orders.id }, fields: { cert: 'x' } },
      { format: 'nginx', from: { peer: orders.id }, fields: { certificate: 'x y' } },
      { format: 'nginx', from: { peer: orders.id }, fields: { certificate: 'x_a', verify: 'x-a' } },
      { format: 'nginx', from: { peer: orders.id }, clientAddress: 'x-real-ip' },
      { format: 'linkerd', from: { peer: orders.id } },
      { format: 'linkerd', from: { peer: orders.id }, subjects: [{ dnsUnder: '.local' }] },
    ],
    effect: told({}, orders.id, { forwarded: { format: 'rfc9440', from: { peer: orders.id } } }, 'ERR_PEER_MISSING'),
  },
  session: {
    refused: [5, true, 'mesh', [], {}, { kind: 'jwt' }, { kind: 'session' }],
    effect: told({}, orders.id, { session: authMesh.sessionVerifier({ service: shipping.id }) }, 'ERR_SESSION_INVALID', {
      as: orders,
      headers: { 'propagated-session': 'nonsense' },
    }),
  },
  limit: {
    refused: [5, 'x', true, [], { perSecond: 5 }],
    async effect(t) {
      const second = async (options: Partial<GuardOptions>): Promise<string> => {
        const { call } = await serve(t, stage, options)
        await call(CERTIFICATE)
        return (await call(CERTIFICATE)).said
      }
      return [
        [await second({ limit: { perCaller: { quota: 1, windowSeconds: 60 } } }), 'ERR_QUOTA_EXCEEDED'],
        [await second({ limit: null }), orders.id],
      ]
    },
  },
  audit: {
    refused: [5, 'stdout', true, [], { loger: null }],
    async effect(t) {
      const logger = createTestLogger()
      const lines = async (audit: GuardOptions['audit']): Promise<number> => {
        logger.clear()
        await (await serve(t, stage, { audit: audit ?? null })).call()
        return logger.lines.filter(({ facts }) => 'code' in facts && facts['code'] === 'ERR_PEER_MISSING').length
      }
      return [
        [await lines({ logger }), 1],
        [await lines(null), 0],
      ]
    },
  },
  meter: {
    refused: [5, 'x', {}, [], { createCounter: () => ({}) }],
    async effect(t) {
      const meter = createTestMeter()
      const isMetered = async (options: Partial<GuardOptions>): Promise<boolean> => {
        meter.clear()
        await (await serve(t, stage, options)).call()
        return meter.total('service_auth_failed_total', { failure_reason: 'ERR_PEER_MISSING' }) === 1
      }
      return [
        [await isMetered({ meter }), true],
        [await isMetered({ meter: null }), false],
      ]
    },
  },
  asyncContext: {
    refused: [0, 'yes', {}],
    async effect(t) {
      const known = async (asyncContext: boolean): Promise<string> => {
        const { call } = await serve(t, stage, { asyncContext }, {}, (guard) => {
          try {
            return guard.currentPrincipal()?.id ?? 'nobody'
          } catch (error) {
            return error instanceof TypeError && 'code' in error ? String(error.code) : 'thrown'
          }
        })
        return (await call(CERTIFICATE)).said
      }
      return [
        [await known(true), orders.id],
        [await known(false), 'ERR_OPTION_MISSING'],
      ]
    },
  },
  exposeDetails: {
    refused: [0, 'no', {}],
    async effect(t) {
      const expired = { as: mesh.workload('/late', { validFrom: new Date(mesh.clock.nowMs() - 7_200_000), validSeconds: 3600 }) }
      const members = async (exposeDetails: boolean): Promise<string[]> =>
        Object.keys(JSON.parse((await (await serve(t, stage, { exposeDetails })).call(expired)).text))
      return [
        [await members(true), ['type', 'title', 'status', 'code', 'detail']],
        [await members(false), ['type', 'title', 'status', 'code']],
      ]
    },
  },
  closeOnDenial: {
    refused: [0, 'no', {}],
    async effect(t) {
      const connection = async (closeOnDenial: boolean): Promise<unknown> =>
        (await (await serve(t, stage, { closeOnDenial })).call({ headers: { connection: 'keep-alive' } })).headers.connection
      return [
        [await connection(true), 'close'],
        [await connection(false), 'keep-alive'],
      ]
    },
  },
  problemTypeBase: {
    refused: [5, '', {}],
    async effect(t) {
      const type = async (options: Partial<GuardOptions>): Promise<unknown> =>
        JSON.parse((await (await serve(t, stage, options)).call()).text).type.startsWith('https://errors.example/')
      return [
        [await type({ problemTypeBase: 'https://errors.example/' }), true],
        [await type({}), false],
      ]
    },
  },
  runtime: {
    refused: [5, 'x', [], null, { clock: 5 }, { clock: {} }, { fetch: 'x' }, { time: 1 }],
    effect: told({}, orders.id, { runtime: { clock: { nowMs: () => mesh.clock.nowMs() + 86_400_000 } } }, 'ERR_PEER_EXPIRED'),
  },
}

testOptions(
  '',
  guardRows,
  (field, value) =>
    createGuard({ mtls: { trust: mesh.trust }, jwt: null, authorize: 'any-authenticated', audit: null, [field]: value } as GuardOptions),
  'createGuard',
)

const health = { path: '/health', require: 'none' } as const
const routeRows: RowsOf<RouteOptions> = {
  path: {
    refused: [undefined, 5, '', 'health', '/health*', '/a/../b', '/a//b', '/a?b', { under: '/health' }, {}],
    effect: told({ routes: [health] }, 'anonymous', { routes: [{ ...health, path: '/Health' }] }, 'ERR_PEER_MISSING', { path: '/health' }),
  },
  methods: {
    refused: [undefined, 5, 'get', '', [], ['get'], [''], [5]],
    effect: told(
      { routes: [{ ...health, methods: ['GET', 'POST'] }] },
      'anonymous',
      { routes: [{ ...health, methods: ['GET'] }] },
      'ERR_PEER_MISSING',
      { path: '/health', method: 'POST' },
    ),
  },
  require: {
    refused: [5, '', 'nobody', [], [[]], [['jwt']]],
    effect: told(
      { jwt, require: 'any', routes: [{ path: '/admin', require: 'all' }] },
      'ERR_TOKEN_MISSING',
      { jwt, require: 'any', routes: [{ path: '/admin', require: 'any' }] },
      orders.id,
      { as: orders, path: '/admin' },
    ),
  },
  encodedSlashes: {
    refused: [0, 'yes', {}],
    effect: told(
      { routes: [{ path: { under: '/projects' }, encodedSlashes: true }] },
      orders.id,
      { routes: [{ path: { under: '/projects' }, encodedSlashes: false }] },
      'ERR_TARGET_NOT_CANONICAL',
      { as: orders, path: '/projects/a%2Fb' },
    ),
  },
}

testOptions('routes[0]', routeRows, (field, value) =>
  createGuard({
    mtls: { trust: mesh.trust },
    jwt: null,
    authorize: 'any-authenticated',
    audit: null,
    routes: [{ ...health, [field]: value } as RouteOptions],
  }),
)
