import type { GuardOptions } from '@countersign/guard'
import { createTestMesh, startJwksServer } from '@countersign/testing'
import { createTokenVerifier, type JwtOptions, type RemoteKeys, type RevocationOptions } from '@countersign/token'
import { type Effect, type RowsOf, testOptions } from './options.js'
import { createStage, eventsOf, serve } from './stage.js'

const stage = createStage()
const { mesh, orders } = stage
const audience = 'billing'
const accepted = { ...mesh.jwt({ audience }), binding: 'if-bound' } as const
const other = createTestMesh('other.example', { clock: mesh.clock })
const token = mesh.token({ audience })
const boundToKey = mesh.signer.signExactly({
  iss: accepted.issuer,
  sub: 'spiffe://prod.example/test',
  aud: audience,
  exp: Math.floor(mesh.clock.nowMs() / 1000) + 600,
  cnf: { jkt: 'A'.repeat(43) },
})
const CALLER = 'spiffe://prod.example/test'
const jwks = mesh.signer.jwks()

function withTokens(jwt: Partial<JwtOptions>): Partial<GuardOptions> {
  return { mtls: null, jwt: { ...accepted, ...jwt } as JwtOptions }
}

function told(one: Partial<JwtOptions>, expected: string, otherwise: Partial<JwtOptions>, expectedOtherwise: string, sent = token): Effect {
  return async (t) => {
    const said = async (jwt: Partial<JwtOptions>): Promise<string> =>
      (await (await serve(t, stage, withTokens(jwt))).call({ token: sent })).said
    return [
      [await said(one), expected],
      [await said(otherwise), expectedOtherwise],
    ]
  }
}

const rows: RowsOf<JwtOptions> = {
  issuer: {
    refused: [undefined, 5, '', {}],
    effect: told({}, CALLER, { issuer: 'https://else.example' }, 'ERR_TOKEN_ISSUER'),
  },
  audience: {
    refused: [undefined, 5, '', [], [''], [5], {}],
    effect: told({ audience: null }, CALLER, { audience: 'orders' }, 'ERR_TOKEN_AUDIENCE'),
  },
  keys: {
    refused: [undefined, 5, 'https://issuer.example/jwks', [], {}, { jwks: [] }, { file: '/nowhere.json' }, { secret: 'x' }],
    effect: told({}, CALLER, { keys: { jwks: other.signer.jwks().keys } }, 'ERR_TOKEN_KEY_UNKNOWN'),
  },
  algorithms: {
    refused: [5, 'ES256', [], ['none'], ['HS256'], ['es256'], [5]],
    effect: told({ algorithms: ['ES256'] }, CALLER, { algorithms: ['RS256', 'PS256'] }, 'ERR_TOKEN_ALGORITHM'),
  },
  type: {
    refused: [5, '', 'id+jwt', {}],
    effect: told({ type: 'at+jwt' }, CALLER, { type: 'JWT' }, 'ERR_TOKEN_TYPE'),
  },
  requiredClaims: {
    refused: [5, 'tier', [], [''], [5]],
    effect: told({ requiredClaims: ['jti'] }, CALLER, { requiredClaims: ['tier'] }, 'ERR_TOKEN_CLAIM_MISSING'),
  },
  subjects: {
    refused: [5, CALLER, [], ['*'], [5], [{}]],
    effect: told({ subjects: [{ trustDomain: 'prod.example' }] }, CALLER, { subjects: ['alice'] }, 'ERR_TOKEN_SUBJECT'),
  },
  binding: {
    refused: [5, '', 'none', true, {}, 'dpop', 'sender-constrained'],
    async effect(t) {
      const said = async (binding: 'mtls' | 'if-bound'): Promise<string> =>
        (
          await (
            await serve(t, stage, { jwt: { ...accepted, binding } })
          ).call({ as: orders, token: mesh.token({ audience, subject: orders.id }) })
        ).said
      return [
        [await said('if-bound'), orders.id],
        [await said('mtls'), 'ERR_TOKEN_UNBOUND'],
      ]
    },
  },
  dpop: {
    refused: [5, 'x', [], {}, true, { origins: [] }, { origins: 'billing.example' }, { origins: 'https://billing.example/path' }],
    async effect(t) {
      const said = async (dpop: NonNullable<JwtOptions['dpop']> | null): Promise<string> =>
        (await (await serve(t, stage, withTokens({ dpop }))).call({ headers: { Authorization: `DPoP ${boundToKey}` } })).said
      return [
        [await said({ origins: 'https://billing.example' }), 'ERR_PROOF_MISSING'],
        [await said(null), 'ERR_TOKEN_SCHEME'],
      ]
    },
  },
  proof: {
    refused: [5, 'x', [], {}, { origins: [] }, { origins: 'https://billing.example' }],
    async effect(t) {
      const wit = mesh.signer.signExactly({ sub: orders.id }, { typ: 'wit+jwt' })
      const workloads = { issuer: 'spiffe://prod.example', audience: null, type: 'wit+jwt', keys: accepted.keys }
      const said = async (more: object): Promise<string> =>
        (await (await serve(t, stage, { mtls: null, jwt: more as JwtOptions })).call({ headers: { 'Workload-Identity-Token': wit } })).said
      return [
        [await said({ ...workloads, proof: { origins: 'https://billing.example' } }), 'ERR_PROOF_MISSING'],
        [await said(accepted), 'ERR_TOKEN_MISSING'],
      ]
    },
  },
  revocation: {
    refused: [5, 'x', [], {}, { list: {} }, { list: { has: true, ageMs: 0 } }],
    effect: told({ revocation: null }, CALLER, { revocation: { list: { ageMs: 0, has: () => true } } }, 'ERR_TOKEN_REVOKED'),
  },
  whenKeysUnavailable: {
    refused: [5, '', 'allow', {}, { staleSeconds: 0 }, { staleSeconds: Number.NaN }],
    async effect(t) {
      const said = async (whenKeysUnavailable: NonNullable<JwtOptions['whenKeysUnavailable']>): Promise<string> => {
        await using server = await startJwksServer(mesh.signer)
        let lateMs = 0
        const runtime = { clock: { nowMs: () => mesh.clock.nowMs() + lateMs } }
        const { call } = await serve(t, stage, { ...withTokens({ keys: { jwksUri: server.uri }, whenKeysUnavailable }), runtime })
        await call({ token })
        server.mode = 'unavailable'
        lateMs = 700_000
        return (await call({ token })).said
      }
      return [
        [await said({ staleSeconds: 600 }), CALLER],
        [await said('refuse'), 'ERR_UNAVAILABLE'],
      ]
    },
  },
  maxBytes: {
    refused: [0, 255, 65_537, 300.5, Number.NaN, '8192'],
    effect: told({ maxBytes: 8192 }, CALLER, { maxBytes: 256 }, 'ERR_TOKEN_TOO_LARGE'),
  },
  clockSkewSeconds: {
    refused: [-1, 61, 0.5, Number.NaN, '30'],
    async effect(t) {
      const ended = mesh.token({ audience, claims: { note: 'ends' }, expiresInSeconds: 60 })
      const said = async (clockSkewSeconds: number): Promise<string> => {
        const runtime = { clock: { nowMs: () => mesh.clock.nowMs() + 70_000 } }
        return (await (await serve(t, stage, { ...withTokens({ clockSkewSeconds }), runtime })).call({ token: ended })).said
      }
      return [
        [await said(30), CALLER],
        [await said(0), 'ERR_TOKEN_EXPIRED'],
      ]
    },
  },
  maxAgeSeconds: {
    refused: [0, -1, 0.5, Number.POSITIVE_INFINITY, '60'],
    async effect(t) {
      const said = async (maxAgeSeconds: number): Promise<string> => {
        const runtime = { clock: { nowMs: () => mesh.clock.nowMs() + 600_000 } }
        return (await (await serve(t, stage, { ...withTokens({ maxAgeSeconds }), runtime })).call({ token })).said
      }
      return [
        [await said(900), CALLER],
        [await said(300), 'ERR_TOKEN_EXPIRED'],
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
const create = (jwt: unknown): unknown => createTokenVerifier(jwt as JwtOptions, surroundings)

testOptions('jwt', rows, (field, value) => create({ ...accepted, [field]: value }))

const jwksUri = 'https://issuer.example/jwks'
type AllKeys = Required<RemoteKeys> & {
  readonly discover: true | 'openid-configuration'
  readonly file: string
  readonly jwks: readonly object[]
}
/** Has the metadata of RFC 8414, and none of OpenID Connect. */
const discovered: typeof globalThis.fetch = async (input) => {
  const url = String(input)
  if (url === jwksUri) return Response.json(jwks)
  return url === new URL('/.well-known/oauth-authorization-server', accepted.issuer).href
    ? Response.json({ issuer: accepted.issuer, jwks_uri: jwksUri, token_endpoint: jwksUri })
    : new Response(null, { status: 404 })
}
const keyRows: RowsOf<AllKeys> = {
  discover: {
    refused: [undefined, false, 5, '', 'metadata'],
    async effect(t) {
      const said = async (discover: AllKeys['discover']): Promise<string> => {
        const runtime = { clock: mesh.clock, fetch: discovered }
        return (await (await serve(t, stage, { ...withTokens({ keys: { discover } }), runtime })).call({ token })).said
      }
      return [
        [await said(true), CALLER],
        [await said('openid-configuration'), 'ERR_UNAVAILABLE'],
      ]
    },
  },
  jwksUri: {
    refused: [undefined, 5, '', '/jwks', 'http://issuer.example/jwks', 'file:///jwks', 'https://user:secret@issuer.example/jwks'],
    async effect(t) {
      await using own = await startJwksServer(mesh.signer)
      await using foreign = await startJwksServer(other.signer)
      return await told({ keys: { jwksUri: own.uri } }, CALLER, { keys: { jwksUri: foreign.uri } }, 'ERR_TOKEN_KEY_UNKNOWN')(t)
    },
  },
  timeoutMs: {
    refused: [0, 99, 30_001, 100.5, Number.NaN, '5000'],
    async effect(t) {
      // Both issuers are silent: one caller is told so while the other one waits on.
      const silent: typeof globalThis.fetch = (_uri, init) =>
        new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(new Error('aborted'))))
      const alive = setInterval(() => {}, 1000)
      const begin = async (timeoutMs: number) => {
        const asked = { told: false, answer: Promise.resolve('') }
        const runtime = { clock: mesh.clock, fetch: silent }
        const { call } = await serve(t, stage, { ...withTokens({ keys: { jwksUri, timeoutMs } }), runtime })
        asked.answer = call({ token }).then(({ said }) => {
          asked.told = true
          return said
        })
        asked.answer.catch(() => {})
        return asked
      }
      const [short, long] = [await begin(100), await begin(30_000)]
      const said = await short.answer
      clearInterval(alive)
      return [
        [
          [short.told, said],
          [true, 'ERR_UNAVAILABLE'],
        ],
        [[long.told], [false]],
      ]
    },
  },
  maxAgeSeconds: {
    refused: [0, 59, 86_401, 60.5, Number.NaN, '600'],
    async effect(t) {
      const asked = async (maxAgeSeconds: number): Promise<number> => {
        await using server = await startJwksServer(mesh.signer)
        let lateMs = 0
        const runtime = { clock: { nowMs: () => mesh.clock.nowMs() + lateMs } }
        const { call } = await serve(t, stage, { ...withTokens({ keys: { jwksUri: server.uri, maxAgeSeconds } }), runtime })
        await call({ token })
        lateMs = 120_000
        await call({ token })
        return server.requests
      }
      return [
        [await asked(60), 2],
        [await asked(600), 1],
      ]
    },
  },
  file: {
    refused: [5, '', '/nowhere.json'],
    async effect(t) {
      const [own, foreign] = [
        stage.write('jwks.json', JSON.stringify(jwks)),
        stage.write('other.json', JSON.stringify(other.signer.jwks())),
      ]
      return told({ keys: { file: own } }, CALLER, { keys: { file: foreign } }, 'ERR_TOKEN_KEY_UNKNOWN')(t)
    },
  },
  jwks: {
    refused: [undefined, 5, [], ['secret'], [{ kty: 'oct', k: 'c2VjcmV0' }], jwks],
    effect: rows.keys.effect,
  },
}
const remote = new Set(['jwksUri', 'timeoutMs', 'maxAgeSeconds', 'zzzz'])
testOptions('jwt.keys', keyRows, (field, value) =>
  create({ ...accepted, keys: { ...(remote.has(field) ? { jwksUri } : {}), [field]: value } }),
)

const list = { ageMs: 100_000, has: () => false }
const revocationRows: RowsOf<RevocationOptions> = {
  list: {
    refused: [undefined, null, 5, {}, { has: true, ageMs: 0 }, { has: () => false }],
    effect: rows.revocation.effect,
  },
  whenUnavailable: {
    refused: [5, '', 'allow', {}, { staleSeconds: 0 }, { staleSeconds: Number.NaN }],
    effect: told(
      { revocation: { list, whenUnavailable: { staleSeconds: 300 } } },
      CALLER,
      { revocation: { list, whenUnavailable: 'refuse' } },
      'ERR_UNAVAILABLE',
    ),
  },
}
testOptions('jwt.revocation', revocationRows, (field, value) => create({ ...accepted, revocation: { list, [field]: value } }))
