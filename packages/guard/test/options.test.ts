import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGuard, type GuardOptions } from '@countersign/guard'
import { inbound, keyVerifier, peer, peerVerifier, tokenVerifier } from './fixture.js'

const base = { mtls: peerVerifier({ recall: null }), jwt: null, authorize: 'any-authenticated', audit: null } as const

for (const [name, options, option, code] of [
  ['an unknown option', { rateLimit: 5 }, 'rateLimit', 'ERR_OPTION_UNKNOWN'],
  ['mtls left out', { mtls: undefined }, 'mtls', 'ERR_OPTION_MISSING'],
  ['jwt left out', { jwt: undefined }, 'jwt', 'ERR_OPTION_MISSING'],
  ['authorize left out', { authorize: undefined }, 'authorize', 'ERR_OPTION_MISSING'],
  ['authorize that says neither nobody nor everybody', { authorize: null }, 'authorize', 'ERR_OPTION_INVALID'],
  ['an empty list of rules', { authorize: [] }, 'authorize', 'ERR_RULE_VACUOUS'],
  ['no evidence at all', { mtls: null }, 'mtls', 'ERR_OPTION_CONTRADICTION'],
  [
    'tokens that cannot be bound',
    { mtls: null, jwt: { issuer: 'https://i.example', audience: 'a', keys: { jwks: [] } } },
    'jwt.binding',
    'ERR_OPTION_CONTRADICTION',
  ],
  ['keys that are no options', { apiKeys: 'keys.json' }, 'apiKeys', 'ERR_OPTION_INVALID'],
  ['a requirement of keys where none are looked at', { require: [['api-key']] }, 'require[0]', 'ERR_OPTION_CONTRADICTION'],
  ['a lone word for a kind', { require: 'api-key' }, 'require', 'ERR_OPTION_INVALID'],
  [
    'claims where only keys are looked at',
    { apiKeys: keyVerifier({}), authorize: [{ claims: { tier: 'gold' } }] },
    'authorize[0].claims',
    'ERR_OPTION_CONTRADICTION',
  ],
  ['an unknown requirement', { require: 'some' }, 'require', 'ERR_OPTION_INVALID'],
  ['a requirement of nothing', { require: [[]] }, 'require[0]', 'ERR_OPTION_INVALID'],
  ['a requirement of what is not configured', { require: [['jwt']] }, 'require[0]', 'ERR_OPTION_CONTRADICTION'],
  ['optional evidence where every anonymous caller is refused', { require: 'optional' }, 'authorize', 'ERR_OPTION_CONTRADICTION'],
  [
    'an exemption of more than one path',
    { routes: [{ path: { under: '/health' }, require: 'none' }] },
    'routes[0].path',
    'ERR_OPTION_CONTRADICTION',
  ],
  ['a route that changes nothing', { routes: [{ path: '/health' }] }, 'routes[0]', 'ERR_RULE_VACUOUS'],
  ['a route with a wildcard', { routes: [{ path: '/health*', require: 'none' }] }, 'routes[0].path', 'ERR_OPTION_INVALID'],
  [
    'a route with a lower-case method',
    { routes: [{ path: '/health', methods: ['get'], require: 'none' }] },
    'routes[0].methods[0]',
    'ERR_OPTION_INVALID',
  ],
  ['an authority that is neither', { authority: 'mine' }, 'authority', 'ERR_OPTION_INVALID'],
  ['a truthy switch', { exposeDetails: 'no' }, 'exposeDetails', 'ERR_OPTION_INVALID'],
  ['a truthy closing', { closeOnDenial: 1 }, 'closeOnDenial', 'ERR_OPTION_INVALID'],
  ['an empty problem type', { problemTypeBase: '' }, 'problemTypeBase', 'ERR_OPTION_INVALID'],
  ['an unknown seam', { runtime: { time: 1 } }, 'runtime.time', 'ERR_OPTION_UNKNOWN'],
  ['a negative quota', { limit: { perCaller: { quota: -1, windowSeconds: 1 } } }, 'limit.perCaller.quota', 'ERR_OPTION_INVALID'],
] as const) {
  test(`refuses ${name}, and names the option`, () => {
    assert.throws(() => createGuard({ ...base, ...options } as unknown as GuardOptions & typeof base), {
      name: 'MisuseError',
      option,
      code,
    })
  })
}

for (const [name, options, option, code, message] of [
  [
    'a scope where no token is looked at',
    { authorize: ['spiffe://prod.example/orders', { scopes: ['invoices:read'] }] },
    'authorize[1].scopes',
    'ERR_OPTION_CONTRADICTION',
    /jwt is null: configure jwt, or leave the key out/,
  ],
  [
    'claims where no token is looked at',
    { authorize: [{ claims: { team: 'pay' } }] },
    'authorize[0].claims',
    'ERR_OPTION_CONTRADICTION',
    /jwt is null/,
  ],
  ['no options', undefined, '', 'ERR_OPTION_INVALID', /createGuard takes options: \{ mtls: \{ trust: 'ca\.pem' \}, jwt: null, authorize: /],
  [
    'a request',
    { headers: {}, method: 'GET', url: '/' },
    '',
    'ERR_OPTION_INVALID',
    /write app\.use\(countersign\(guard\)\), not app\.use\(countersign\)/,
  ],
  ['the context of a request', { req: {} }, '', 'ERR_OPTION_INVALID', /write app\.use\(countersign\(guard\)\)/],
  ['a guard among options', { guard: {} }, 'guard', 'ERR_OPTION_UNKNOWN', /pass the guard itself: countersign\(guard\)/],
  ['a word for the audit', { audit: 'all' }, 'audit', 'ERR_OPTION_INVALID', /write \{ allowed: 'all' \}/],
  ['one kind of evidence without its lists', { require: 'mtls' }, 'require', 'ERR_OPTION_INVALID', /write \[\['mtls'\]\]/],
  ['a route that is a path', { routes: ['/health'] }, 'routes[0]', 'ERR_OPTION_INVALID', /write \{ path: '\/health', require: 'none' \}/],
  [
    'a route with a regular expression',
    { routes: [{ path: /^\/health/, require: 'none' }] },
    'routes[0].path',
    'ERR_OPTION_INVALID',
    /a regular expression is not taken: write \{ under: '\/…' \}/,
  ],
] as const) {
  test(`refuses ${name}, and says how to mend it`, () => {
    const given = options === undefined ? undefined : { ...base, ...(options as object) }
    assert.throws(() => Reflect.apply(createGuard, undefined, [given]), { name: 'MisuseError', option, code, message })
  })
}

test('never changes the object it is given', () => {
  const options = { ...base, routes: [{ path: '/health', require: 'none' }], limit: { perCaller: { quota: 1, windowSeconds: 1 } } } as const
  const before = JSON.stringify(options)
  createGuard(options)
  assert.equal(JSON.stringify(options), before)
})

test('a change to the object afterwards changes nothing', async () => {
  const routes = [{ path: '/health', require: 'none' as const }]
  const guard = createGuard({ ...base, routes })
  routes.push({ path: '/admin', require: 'none' })
  assert.equal((await guard.decide(inbound({ target: '/health' }))).allowed, true)
  assert.equal((await guard.decide(inbound({ target: '/admin' }))).allowed, false)
})

for (const target of [
  '/health/',
  '/Health',
  '/%68ealth',
  '/health/../admin',
  '//health',
  '/health%2F',
  '/healthz',
  '/health/x',
  '/health%00',
]) {
  test(`the exemption of /health does not reach ${target}`, async () => {
    const guard = createGuard({ ...base, routes: [{ path: '/health', require: 'none' }] })
    assert.equal((await guard.decide(inbound({ target }))).allowed, false)
  })
}

test('an exemption holds for its methods alone', async () => {
  for (const methods of ['GET', ['GET']] as const) {
    const guard = createGuard({ ...base, routes: [{ path: '/health', methods, require: 'none' }] })
    assert.equal((await guard.decide(inbound({ target: '/health?verbose' }))).allowed, true)
    assert.equal((await guard.decide(inbound({ target: '/health', method: 'POST' }))).allowed, false)
  }
})

test('a route may demand more than the guard does', async () => {
  const guard = createGuard({
    ...base,
    mtls: peerVerifier({ recall: peer() }),
    jwt: tokenVerifier({ recall: null }),
    require: 'any',
    routes: [{ path: { under: '/admin' }, require: 'all' }],
  })
  assert.equal((await guard.decide(inbound({ target: '/invoices' }))).allowed, true)
  const refused = await guard.decide(inbound({ target: '/admin/users' }))
  assert.ok(!refused.allowed)
  assert.equal(refused.code, 'ERR_TOKEN_MISSING')
  assert.match(refused.headers['WWW-Authenticate'] ?? '', /^Bearer realm="[^"]+"$/)
})

test('says of every kind of evidence in words which is enough', () => {
  const all = { ...base, jwt: tokenVerifier({}), apiKeys: keyVerifier({}), authorize: 'anyone' }
  for (const [require, words] of [
    ['all', 'requires a certificate, a token and an API key'],
    ['any', 'requires a certificate or a token or an API key'],
    ['optional', 'requires no evidence'],
    [[['mtls', 'jwt'], ['jwt'], ['api-key']], 'requires a certificate and a token, or a token, or an API key'],
  ] as const)
    assert.equal(
      createGuard({ ...all, require } as unknown as GuardOptions & typeof base)
        .toString()
        .split(' · ')[0],
      words,
    )
})

test('says in one line what is enforced', () => {
  const words = createGuard(base).toString()
  assert.match(words, /^requires a certificate · certificates: test peers · tokens not looked at · /)
})
