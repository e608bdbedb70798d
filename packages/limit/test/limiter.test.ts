import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Inbound, Principal, Quotas } from '@countersign/core'
import { createLimiter, type LimitOptions } from '@countersign/limit'
import { ANONYMOUS, connectionFrom, createTestSurroundings, inboundFor, inboundOn, principalOf, workload } from './surroundings.js'

const ADDRESS = '192.0.2.1'

/** A limiter without a remote store, and a way to ask it. */
function limiterOf(options: LimitOptions | undefined) {
  const surroundings = createTestSurroundings()
  const limiter = createLimiter(options, surroundings)
  function ask(principal: Principal = workload('/a'), inbound: Inbound = inboundOn(connectionFrom(ADDRESS)), path = '/'): Quotas {
    const quotas = limiter.take(principal, inbound, path)
    assert.ok(!(quotas instanceof Promise))
    return quotas
  }
  /** How many of `count` requests pass. */
  function passing(count: number, ...asked: Parameters<typeof ask>): number {
    return Array.from({ length: count }, () => ask(...asked)).filter(({ refusal }) => refusal === null).length
  }
  return { ...surroundings, limiter, ask, passing }
}

/** One named policy, and no quota by caller. */
const only = (policy: Omit<NonNullable<LimitOptions['policies']>[number], 'name' | 'quota' | 'windowSeconds'>): LimitOptions => ({
  perCaller: null,
  policies: [{ name: 'p', quota: 5, windowSeconds: 60, ...policy }],
})

test('by default a caller has 100 requests a second and a burst of 200', () => {
  const { clock, ask, passing, limiter } = limiterOf(undefined)
  assert.equal(passing(300), 200)
  clock.advanceMs(1000)
  assert.equal(passing(300), 100)
  assert.equal(ask(workload('/b')).refusal, null)
  assert.equal(limiter.toString(), '100/s a caller, burst 200')
})

test('every answer tells what is left and when the whole burst is there again', () => {
  const { ask } = limiterOf(undefined)
  assert.deepEqual(ask().headers, { RateLimit: '"caller";r=199;t=1', 'RateLimit-Policy': '"caller";q=100;w=1' })
  for (let index = 0; index < 149; index++) ask()
  assert.deepEqual(ask().headers, { RateLimit: '"caller";r=49;t=2', 'RateLimit-Policy': '"caller";q=100;w=1' })
})

test('a refusal tells when to come again, no earlier than its t, and waiting so long succeeds', () => {
  const { clock, ask, passing, counts } = limiterOf({ perCaller: { quota: 2, windowSeconds: 5 } })
  assert.equal(passing(2), 2)
  const { refusal, headers } = ask()
  assert.equal(refusal?.code, 'ERR_QUOTA_EXCEEDED')
  assert.deepEqual(refusal?.facts, { policies: ['caller'], retryAfterSeconds: 3 })
  assert.deepEqual(headers, { RateLimit: '"caller";r=0;t=3', 'RateLimit-Policy': '"caller";q=2;w=5', 'Retry-After': '3' })
  clock.advanceMs(2499)
  assert.equal(ask().headers['Retry-After'], '1')
  clock.advanceMs(501)
  assert.equal(ask().refusal, null)
  assert.equal(counts.get('rate_limit_exceeded_total policy caller'), 2)
})

test('several policies are listed together, and those that refuse are named alone', () => {
  const { ask } = limiterOf({
    perCaller: { quota: 10, windowSeconds: 1 },
    policies: [
      { name: 'domain', partitionBy: 'trust-domain', quota: 3, windowSeconds: 60 },
      { name: 'all', partitionBy: 'everyone', quota: 1000, windowSeconds: 3600 },
    ],
  })
  assert.deepEqual(ask().headers, {
    RateLimit: '"caller";r=9;t=1, "domain";r=2;t=20, "all";r=999;t=4',
    'RateLimit-Policy': '"caller";q=10;w=1, "domain";q=3;w=60, "all";q=1000;w=3600',
  })
  ask()
  ask()
  const { refusal, headers } = ask()
  assert.deepEqual(refusal?.facts['policies'], ['domain'])
  assert.equal(headers['RateLimit'], '"domain";r=0;t=20')
  assert.equal(headers['Retry-After'], '20')
  assert.equal(ask(workload('/a', 'other')).headers['RateLimit'], '"caller";r=9;t=1, "domain";r=2;t=20, "all";r=996;t=15')
})

test('what one policy refuses is charged to no other', () => {
  const { clock, ask, passing } = limiterOf({
    perCaller: { quota: 3, windowSeconds: 3600 },
    policies: [{ name: 'all', partitionBy: 'everyone', quota: 1, windowSeconds: 1 }],
  })
  assert.equal(passing(50), 1)
  clock.advanceMs(1000)
  assert.match(ask().headers['RateLimit'] ?? '', /^"caller";r=1;/)
})

test('Retry-After is that of the policy that takes longest, whichever comes last', () => {
  const slowFirst: LimitOptions = {
    perCaller: { quota: 1, windowSeconds: 100 },
    policies: [{ name: 'fast', partitionBy: 'everyone', quota: 1, windowSeconds: 10 }],
  }
  const other = limiterOf(slowFirst)
  assert.equal(other.passing(2), 1)
  assert.equal(other.ask().headers['Retry-After'], '100')

  const { ask, passing, clock } = limiterOf({
    perCaller: { quota: 1, windowSeconds: 10 },
    policies: [{ name: 'slow', partitionBy: 'everyone', quota: 1, windowSeconds: 100 }],
  })
  assert.equal(passing(2), 1)
  assert.deepEqual(ask().refusal?.facts, { policies: ['caller', 'slow'], retryAfterSeconds: 100 })
  clock.advanceMs(100_000)
  assert.equal(ask().refusal, null)
})

test('callers are told apart by kind, authority and value together', () => {
  const callers = [
    principalOf('spiffe', 'd', 'spiffe://d/a'),
    principalOf('uri', '', 'spiffe://d/a'),
    principalOf('subject', 'https://one.example', 'alice'),
    principalOf('subject', 'https://other.example', 'alice'),
    principalOf('dns', '', 'alice'),
    principalOf('cn', '', 'alice'),
    principalOf('subject', 'https://one.examplea', 'lice'),
    principalOf('cn', '1:a', 'b'),
    principalOf('cn', '', '1:ab'),
  ]
  const { passing } = limiterOf({ perCaller: { quota: 1, windowSeconds: 60 } })
  for (const caller of callers) assert.equal(passing(2, caller), 1, JSON.stringify(caller.caller))
})

test('the same caller has one budget over all of its connections', () => {
  const { passing } = limiterOf({ perCaller: { quota: 3, windowSeconds: 60 } })
  let passed = 0
  for (let index = 0; index < 10; index++) passed += passing(1, workload('/a'), inboundOn(connectionFrom(`192.0.2.${index}`)))
  assert.equal(passed, 3)
})

test('callers that take turns on one connection have budgets of their own', () => {
  const inbound = inboundOn(connectionFrom(ADDRESS))
  const { passing } = limiterOf({ perCaller: { quota: 2, windowSeconds: 60 } })
  const [one, other] = [workload('/a'), workload('/b')]
  assert.equal(passing(1, one, inbound) + passing(1, other, inbound) + passing(2, one, inbound) + passing(2, other, inbound), 4)
})

test('names too long to be kept are still told apart', () => {
  const { passing } = limiterOf({ perCaller: { quota: 1, windowSeconds: 60 } })
  const long = 'x'.repeat(2000)
  assert.equal(passing(2, workload(`/${long}/a`)), 1)
  assert.equal(passing(2, workload(`/${long}/b`)), 1)
})

test('anonymous callers count by their address, IPv6 by its /64, and all Unix sockets together', () => {
  const { passing } = limiterOf({ perCaller: { quota: 1, windowSeconds: 60 } })
  const from = (address: string | null, transport?: 'unix'): number => passing(1, ANONYMOUS, inboundOn(connectionFrom(address, transport)))
  assert.equal(from('192.0.2.1') + from('::ffff:192.0.2.1') + from('::ffff:c000:201') + from('192.0.2.1'), 1)
  assert.equal(from('192.0.2.2'), 1)
  assert.equal(from('2001:db8::1') + from('2001:db8::ffff'), 1)
  assert.equal(from('2001:db8:0:1::1'), 1)
  assert.equal(from(null, 'unix') + from(null, 'unix'), 1)
  assert.equal(from(null) + from('nonsense'), 1)
})

test('no header of the caller gives it another budget', () => {
  const { passing } = limiterOf({ perCaller: { quota: 5, windowSeconds: 60 } })
  let passed = 0
  for (let index = 0; index < 1000; index++) {
    const headers = { 'x-forwarded-for': `198.51.100.${index % 256}`, 'client-id': String(index), forwarded: `for=${index}` }
    passed += passing(1, ANONYMOUS, inboundOn(connectionFrom(ADDRESS), 'GET', '/', headers))
  }
  assert.equal(passed, 5)
})

test('a hundred thousand verified names keep no more keys than the bound, and win no more than it holds', () => {
  const { counts, passing } = limiterOf({ perCaller: { quota: 1, windowSeconds: 3600 }, maxKeys: 1000 })
  let passed = 0
  for (let index = 0; index < 100_000; index++) passed += passing(1, workload(`/${index}`))
  assert.equal(passed, 1000 + 64)
  assert.equal(counts.get('rate_limit_current limit_type caller'), 1000)
})

test('partitionBy trust-domain counts a trust domain, or the subjects of an issuer, together', () => {
  const { passing } = limiterOf(only({ partitionBy: 'trust-domain' }))
  assert.equal(passing(4, workload('/a')) + passing(4, workload('/b')), 5)
  assert.equal(passing(4, workload('/a', 'e')), 4)
  assert.equal(
    passing(4, principalOf('subject', 'https://i.example', 'a')) + passing(4, principalOf('subject', 'https://i.example', 'b')),
    5,
  )
  assert.equal(passing(4, principalOf('subject', 'd', 'a')), 4)
  assert.equal(passing(4, principalOf('dns', '', 'a.example')), 4)
})

test('anonymous callers behind one connection of a proxy count by the address that it says of each', () => {
  const { passing } = limiterOf(only({ partitionBy: 'caller' }))
  const proxy = connectionFrom('10.0.0.1')
  const [one, other] = [inboundFor('203.0.113.9', proxy), inboundFor('203.0.113.10', proxy)]
  for (let index = 0; index < 5; index++) assert.deepEqual([passing(1, ANONYMOUS, one), passing(1, ANONYMOUS, other)], [1, 1])
  assert.deepEqual([passing(1, ANONYMOUS, one), passing(1, ANONYMOUS, other), passing(1, ANONYMOUS, inboundOn(proxy))], [0, 0, 1])
})

test('partitionBy address counts by the address that a proxy says, for the same caller too', () => {
  const { passing } = limiterOf(only({ partitionBy: 'address' }))
  const [proxy, caller] = [connectionFrom('10.0.0.1'), workload('/a')]
  assert.equal(passing(6, caller, inboundFor('203.0.113.9', proxy)), 5)
  assert.equal(passing(6, caller, inboundFor('203.0.113.10', proxy)), 5)
  assert.equal(passing(1, workload('/b'), inboundFor('::ffff:203.0.113.9', connectionFrom('10.0.0.2'))), 0)
})

test('partitionBy address counts whoever calls from there', () => {
  const { passing } = limiterOf(only({ partitionBy: 'address' }))
  assert.equal(passing(4, workload('/a')) + passing(4, workload('/b')) + passing(4, ANONYMOUS), 5)
  assert.equal(passing(4, workload('/a'), inboundOn(connectionFrom('192.0.2.2'))), 4)
})

test('partitionBy everyone counts everyone', () => {
  const { passing } = limiterOf(only({ partitionBy: 'everyone' }))
  assert.equal(passing(4, workload('/a')) + passing(4, ANONYMOUS, inboundOn(connectionFrom('::1'))), 5)
})

test('partitionBy route counts each method and path', () => {
  const { passing } = limiterOf(only({ partitionBy: 'route' }))
  const on = (method: string, path: string): number => passing(4, workload('/a'), inboundOn(connectionFrom(ADDRESS), method), path)
  assert.equal(on('GET', '/a') + on('GET', '/a'), 5)
  assert.equal(on('PUT', '/a'), 4)
  assert.equal(on('GET', '/b'), 4)
  assert.equal(on('GET', `/${'x'.repeat(5000)}`), 4)
})

test('partitionBy a claim counts its values, and whoever has none together', () => {
  const { passing } = limiterOf(only({ partitionBy: { claim: 'tenant' } }))
  const withClaims = (claims: Record<string, unknown> | null): number => passing(4, principalOf('subject', 'i', 'a', claims))
  assert.equal(withClaims({ tenant: 'a' }) + withClaims({ tenant: 'a' }), 5)
  assert.equal(withClaims({ tenant: 'b' }), 4)
  assert.equal(withClaims({ tenant: 1 }), 4)
  assert.equal(withClaims({ tenant: '1' }), 4)
  assert.equal(withClaims(null) + withClaims({}) + withClaims({ tenant: ['a'] }) + withClaims({ tenant: { x: 1 } }), 5)
})

test('a claim of the name of an inherited property is no claim', () => {
  const { passing } = limiterOf(only({ partitionBy: { claim: 'constructor' } }))
  assert.equal(passing(4, principalOf('subject', 'i', 'a', {})) + passing(4, principalOf('subject', 'i', 'b', null)), 5)
})

test('a claim that the token inherits is no claim of the token', () => {
  const { passing } = limiterOf(only({ partitionBy: { claim: 'tenant' } }))
  const heir = (tenant: string): Principal => principalOf('subject', 'i', 'a', Object.create({ tenant }))
  assert.equal(passing(4, heir('a')) + passing(4, heir('b')), 5)
})

test('a cost is charged as it is, and one above the burst is refused without a time to come again', () => {
  const { ask, passing } = limiterOf(only({ partitionBy: 'everyone', cost: ({ target }) => Number(target.slice(1)) }))
  const costing = (units: number): Quotas => ask(workload('/a'), inboundOn(connectionFrom(ADDRESS), 'GET', `/${units}`))
  assert.equal(costing(3).headers['RateLimit'], '"p";r=2;t=36')
  assert.deepEqual(costing(3).refusal?.facts, { policies: ['p'], retryAfterSeconds: 12 })
  assert.equal(costing(3).headers['RateLimit'], '"p";r=2;t=12')
  const never = costing(6)
  assert.deepEqual(never.refusal?.facts, { policies: ['p'], costAboveBurst: true })
  assert.deepEqual(never.headers, { RateLimit: '"p";r=2', 'RateLimit-Policy': '"p";q=5;w=60' })
  assert.equal(passing(100, workload('/a'), inboundOn(connectionFrom(ADDRESS), 'GET', '/0')), 100)
})

for (const [what, cost] of [
  ['-1', () => -1],
  ['a fraction', () => 0.5],
  ['NaN', () => Number.NaN],
  ['Infinity', () => Number.POSITIVE_INFINITY],
  ['a text', () => '1'],
  ['nothing', () => undefined],
  ['a promise', async () => 1],
  ['a throw', () => assert.fail('broken')],
] as const) {
  test(`a cost that is ${what} refuses the request, and charges nothing`, () => {
    const policy = {
      name: 'p',
      partitionBy: 'everyone',
      cost: (inbound: Inbound) => (inbound.target === '/broken' ? (cost() as number) : 1),
    } as const
    const { ask } = limiterOf({ perCaller: { quota: 5, windowSeconds: 60 }, policies: [{ ...policy, quota: 5, windowSeconds: 60 }] })
    const broken = ask(undefined, inboundOn(connectionFrom(ADDRESS), 'GET', '/broken'))
    assert.equal(broken.refusal?.code, 'ERR_LIMITER_UNAVAILABLE')
    assert.deepEqual(broken.headers, {})
    assert.equal(ask().headers['RateLimit'], '"caller";r=4;t=12, "p";r=4;t=12')
  })
}

test('only counts the requests that it names, in whatever spelling a router takes for the same path', () => {
  const { ask } = limiterOf(
    only({
      partitionBy: 'everyone',
      only: { callers: [{ trustDomain: 'd' }, 'Batch.Example'], methods: ['GET', 'POST'], paths: ['/login', { under: '/api' }] },
    }),
  )
  const counted = (principal: Principal, method: string, path: string): boolean =>
    ask(principal, inboundOn(connectionFrom(ADDRESS), method), path).headers['RateLimit'] !== undefined
  assert.equal(counted(workload('/a', 'e'), 'GET', '/login'), false)
  assert.equal(counted(workload('/a'), 'PUT', '/login'), false)
  assert.equal(counted(workload('/a'), 'GET', '/other'), false)
  assert.equal(counted(workload('/a'), 'GET', '/api'), false)
  assert.equal(counted(ANONYMOUS, 'GET', '/login'), false)
  assert.equal(counted(principalOf('subject', 'i', 'Batch.Example'), 'GET', '/login'), false)
  for (const path of ['/login', '/LOGIN/', '/%6Cogin', '/api/x']) assert.equal(counted(workload('/a'), 'HEAD', path), true, path)
  assert.equal(counted(principalOf('cn', '', 'batch.example'), 'POST', '/login'), false)
  assert.equal(counted(principalOf('cn', '', 'Batch.Example'), 'POST', '/login'), true)
  assert.equal(counted(principalOf('dns', '', 'batch.example'), 'POST', '/login'), true)
})

test('a policy that does not count a request is not promised for it', () => {
  const { ask } = limiterOf({
    perCaller: { quota: 5, windowSeconds: 60 },
    policies: [{ name: 'login', quota: 1, windowSeconds: 60, partitionBy: 'address', only: { paths: '/login' } }],
  })
  assert.equal(ask(undefined, undefined, '/x').headers['RateLimit-Policy'], '"caller";q=5;w=60')
  assert.equal(ask(undefined, undefined, '/login').headers['RateLimit-Policy'], '"caller";q=5;w=60, "login";q=1;w=60')
  assert.deepEqual(ask(undefined, undefined, '/login').refusal?.facts['policies'], ['login'])
})

test('without a quota nothing is counted and nothing is told', () => {
  for (const options of [null, { perCaller: null }] as const) {
    const limiter = createLimiter(options, createTestSurroundings())
    assert.deepEqual(limiter.take(workload('/a'), inboundOn(connectionFrom(ADDRESS)), '/'), { refusal: null, headers: {} })
    assert.equal(limiter.toString(), 'no quota')
  }
})

test('a finished limiter is taken as it is', () => {
  const own = createLimiter(null, createTestSurroundings())
  assert.equal(createLimiter(own, createTestSurroundings()), own)
})

test('two limiters in one process know nothing of each other, on one connection too', () => {
  const inbound = inboundOn(connectionFrom(ADDRESS))
  const [one, other] = [
    limiterOf({ perCaller: { quota: 1, windowSeconds: 60 } }),
    limiterOf({ perCaller: { quota: 1, windowSeconds: 60 } }),
  ]
  const caller = workload('/a')
  assert.deepEqual([one.passing(2, caller, inbound), other.passing(2, caller, inbound)], [1, 1])
})

test('a meter that throws does not decide who gets in', () => {
  const surroundings = createTestSurroundings()
  const broken = { add: () => assert.fail('sink'), record: () => assert.fail('sink') }
  const limiter = createLimiter(
    { perCaller: { quota: 1, windowSeconds: 60 } },
    { ...surroundings, meter: { createCounter: () => broken, createGauge: () => broken, createHistogram: () => broken } },
  )
  const codes = Array.from({ length: 2000 }, () => limiter.take(workload('/a'), inboundOn(connectionFrom(ADDRESS)), '/')).map((quotas) =>
    quotas instanceof Promise ? 'promise' : quotas.refusal?.code,
  )
  assert.deepEqual([...new Set(codes)], [undefined, 'ERR_QUOTA_EXCEEDED'])
})
