import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import type { Decision } from '@countersign/core'
import { createGuard, type Guard, type GuardOptions } from '@countersign/guard'
import { createTestClock, createTestLogger, createTestMeter, fakeInbound } from '@countersign/testing'
import { withField } from './changed-options.js'
import { effectsOf, KEEP, type Probe } from './effects.js'
import { forwardedFields } from './forwarded.js'
import { type MemoryRecorder, memoryRecorder } from './memory-recorder.js'
import { type PresetName, presetsOf } from './presets.js'
import { ISSUER } from './tokens.js'
import { createWorld } from './world.js'

const world = createWorld()
after(() => world.close())
const presets: Readonly<Record<PresetName, GuardOptions>> = presetsOf(world)
const effects = effectsOf(world)

/** Serves the issuer's keys and where they are, and nothing anywhere else. */
const fetch: typeof globalThis.fetch = async (input) => documents.get(String(input))?.() ?? new Response(null, { status: 404 })

const documents: ReadonlyMap<string, () => Response> = new Map([
  ['https://issuer.example/jwks', () => Response.json({ keys: world.tokens.jwks })],
  [
    `${ISSUER}/.well-known/oauth-authorization-server`,
    () => Response.json({ issuer: ISSUER, jwks_uri: 'https://issuer.example/jwks', token_endpoint: `${ISSUER}/token` }),
  ],
])

for (const { field, on = 'certificate-and-token', values, probes, is } of effects) {
  test(`${field} has an effect: ${is[0]} with one value, ${is[1]} with another`, async () => {
    const met = []
    for (const value of values)
      met.push(await lastOf(value === KEEP ? presets[on] : withField(presets[on], field.split('.'), value), probes))
    assert.deepEqual(met, [...is])
  })
}

async function lastOf(options: GuardOptions, probes: readonly Probe[]): Promise<string> {
  const clock = createTestClock(world.clock.nowMs())
  const recorder = memoryRecorder()
  const guard = createGuard({ ...options, audit: recorder, runtime: { clock, fetch } })
  let last = 'nothing'
  for (const probe of probes) {
    clock.advanceSeconds(probe.afterSeconds ?? 0)
    last = await outcomeOf(guard, recorder, probe)
  }
  await guard.close()
  return last
}

async function outcomeOf(guard: Guard, recorder: MemoryRecorder, probe: Probe): Promise<string> {
  const decision = await decide(guard, probe)
  return decision.allowed ? 'granted' : String(recorder.events.at(-1)?.code)
}

async function decide(
  guard: Guard,
  { certificate, token, proof, session, forwarded, method = 'GET', target = '/', authority = 'localhost', serverName }: Probe,
): Promise<Decision> {
  const credential = certificate === undefined ? null : world.certificates.of(certificate)
  const fields = new Map(
    (proof === undefined ? [] : world.proofs.of(proof)).map(([name, value]): [string, string] => [name.toLowerCase(), value]),
  )
  if (token !== undefined) fields.set('authorization', `Bearer ${world.tokens.of(token)}`)
  const written = forwarded === undefined ? [] : forwardedFields(forwarded, world)
  const handed = session === undefined ? [] : await world.sessions.fields(session)
  for (const [name, value] of handed) fields.set(name.toLowerCase(), value)
  const inbound = fakeInbound({
    rawHeaders: [...written, ...handed].flat(),
    method,
    target,
    authority,
    header: (name) => fields.get(name) ?? null,
    ...(credential === null
      ? {}
      : { presented: { kind: 'certificate', leaf: credential.certificateDer, intermediates: world.certificates.sentWith(credential) } }),
  })
  Object.assign(inbound.connection, { serverName: serverName ?? null })
  return guard.decide(inbound)
}

const stranger: Probe = { certificate: 'self-signed' }
const orders: Probe = { certificate: 'orders' }

/** Fields that change what is said or written down, and not what is decided. */
const SAID: readonly {
  readonly field: string
  readonly on?: PresetName
  readonly values: readonly [unknown, unknown]
  see(guard: Guard): unknown
  readonly is: readonly [unknown, unknown]
}[] = [
  {
    field: 'exposeDetails',
    values: [false, true],
    see: async (guard) => 'detail' in (await denialOf(guard, { certificate: 'for-servers' })).problem,
    is: [false, true],
  },
  {
    field: 'problemTypeBase',
    values: ['https://a.example/', 'https://b.example/'],
    see: async (guard) => (await denialOf(guard, stranger)).problem.type.slice(0, 17),
    is: ['https://a.example', 'https://b.example'],
  },
  { field: 'closeOnDenial', values: [false, true], see: (guard) => guard.closeOnDenial, is: [false, true] },
  { field: 'asyncContext', values: [false, true], see: withinOf, is: ['ERR_OPTION_MISSING', 'spiffe://prod.example/orders'] },
  {
    field: 'limit.policies.0.name',
    on: 'quota-by-name',
    values: ['one', 'other'],
    see: async (guard) => (await decide(guard, { ...orders, method: 'POST' })).headers['RateLimit'],
    is: ['"one";r=0;t=10', '"other";r=0;t=10'],
  },
]

for (const { field, on = 'mtls', values, see, is } of SAID) {
  test(`${field} has an effect on what is said`, async () => {
    const seen = []
    for (const value of values) {
      const guard = createGuard({ ...withField(presets[on], field.split('.'), value), audit: null, runtime: { clock: world.clock } })
      seen.push(await see(guard))
      await guard.close()
    }
    assert.deepEqual(seen, [...is])
  })
}

async function denialOf(guard: Guard, probe: Probe) {
  const decision = await decide(guard, probe)
  return decision.allowed ? assert.fail('it was let through') : decision
}

async function withinOf(guard: Guard): Promise<unknown> {
  const decision = await decide(guard, orders)
  if (!decision.allowed) return assert.fail(decision.code)
  try {
    return guard.run(decision, () => guard.currentPrincipal()?.id)
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

test('audit has an effect: its logger gets what is refused, and with allowed what is let through', async () => {
  const lines: number[] = []
  for (const allowed of ['none', 'all'] as const) {
    const logger = createTestLogger()
    const guard = createGuard({ ...presets.mtls, audit: { logger, allowed }, runtime: { clock: world.clock } })
    await decide(guard, stranger)
    const before = logger.lines.length
    await decide(guard, orders)
    await decide(guard, orders)
    await guard.close()
    lines.push(logger.lines.slice(before).filter(({ facts }) => JSON.stringify(facts).includes('request.allowed')).length)
    assert.ok(before > 0, 'the refusal was written down')
  }
  assert.deepEqual(lines, [0, 2])
})

test('audit.whenUnavailable has an effect: what cannot be written down goes on, or does not', async () => {
  const broken = () => {
    throw new Error('disk full')
  }
  const met: boolean[] = []
  for (const whenUnavailable of ['continue', 'refuse'] as const) {
    const guard = createGuard({
      ...presets.mtls,
      audit: { logger: { info: broken, warn: broken, error: broken }, allowed: 'all', whenUnavailable },
      runtime: { clock: world.clock },
    })
    met.push((await decide(guard, orders)).allowed)
    await guard.close()
  }
  assert.deepEqual(met, [true, false])
})

test('meter has an effect: figures arrive there', async () => {
  const meter = createTestMeter()
  const guard = createGuard({ ...presets.mtls, meter, audit: null, runtime: { clock: world.clock } })
  await decide(guard, orders)
  await decide(guard, stranger)
  await guard.close()
  assert.equal(meter.total('service_auth_successful_total'), 1)
  assert.equal(meter.total('service_auth_failed_total'), 1)
})

test('runtime.clock has an effect: certificates expire by it', async () => {
  const met: boolean[] = []
  for (const days of [0, 3]) {
    const guard = createGuard({
      ...presets.mtls,
      audit: null,
      runtime: { clock: { nowMs: () => world.clock.nowMs() + days * 86_400_000 } },
    })
    met.push((await decide(guard, orders)).allowed)
    await guard.close()
  }
  assert.deepEqual(met, [true, false])
})

test('runtime.fetch has an effect: keys come from it', async () => {
  const met: boolean[] = []
  for (const answer of [fetch, async () => new Response(null, { status: 500 })]) {
    const guard = createGuard({ ...presets['keys-fetched'], audit: null, runtime: { clock: world.clock, fetch: answer } })
    met.push((await decide(guard, { ...orders, token: 'bound' })).allowed)
    await guard.close()
  }
  assert.deepEqual(met, [true, false])
})

/** Fields whose effect only time or load shows, and the tests that wait for it. */
const SHOWN_ELSEWHERE: Readonly<Record<string, readonly [file: string, test: string]>> = {
  'mtls.reloadIntervalMs': ['packages/x509/test/trust.test.ts', 'finds a changed file by itself'],
  'forwarded.from.unixSocket': [
    'packages/node/test/forwarded.test.ts',
    'lets a proxy on a Unix socket speak whose rights keep others out, and nobody on one that is open to all',
  ],
  'forwarded.from.dangerouslyAddress': [
    'packages/node/test/forwarded.test.ts',
    'takes an address for a proxy only where that is said to be dangerous',
  ],
  'forwarded.clientAddress': [
    'packages/node/test/forwarded.test.ts',
    'counts and writes down the address that the proxy tells, and nobody else’s',
  ],
  'mtls.trust.0.revocation': ['packages/x509/test/ocsp.test.ts', 'has a policy for each bundle'],
  'mtls.revocation.mode': [
    'packages/x509/test/ocsp.test.ts',
    'in prefer mode lets pass whom nobody can know of, and refuses where somebody should',
  ],
  'mtls.revocation.ocsp': [
    'packages/x509/test/ocsp.test.ts',
    'asks the responder once about a certificate that it has not seen, and no more on later connections',
  ],
  'mtls.revocation.timeoutMs': [
    'packages/x509/test/remote-crl.test.ts',
    'refuses whoever points to a list that does not come in time, and says so',
  ],
  'mtls.revocation.crl.urls': ['packages/x509/test/remote-crl.test.ts', 'fetches its lists at the start and is ready when they are there'],
  'mtls.revocation.crl.distributionPoints': [
    'packages/x509/test/remote-crl.test.ts',
    'fetches the list that a certificate points to, once, and lets its first caller wait',
  ],
  'mtls.revocation.crl.refreshSeconds': [
    'packages/x509/test/remote-crl.test.ts',
    'fetches a list again after as many seconds as it was told, and sooner if it ends sooner',
  ],
  'jwt.dpop.nonce.secret': [
    'packages/token/test/dpop/nonce.test.ts',
    'processes that share a secret take each other’s nonces, and others do not',
  ],
  'jwt.dpop.nonce.rotateSeconds': [
    'packages/token/test/dpop/nonce.test.ts',
    'takes the nonce before the last, and tells the new one with its answer',
  ],
  'jwt.whenKeysUnavailable': ['packages/token/test/remote-keys.test.ts', 'goes on with nothing stale where the options say refuse'],
  'jwt.keys.timeoutMs': ['packages/token/test/remote-keys.test.ts', 'gives up on a real server that trickles its answer'],
  'jwt.keys.maxAgeSeconds': [
    'packages/token/test/remote-keys.test.ts',
    'refuses a removed key after the next refresh, also for a token it recalls on an open connection',
  ],
  'limit.maxKeys': [
    'packages/limit/test/limiter.test.ts',
    'a hundred thousand verified names keep no more keys than the bound, and win no more than it holds',
  ],
}

test('tests that are said to show an effect elsewhere are there', () => {
  for (const [field, [file, name]] of Object.entries(SHOWN_ELSEWHERE)) {
    const text = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')
    assert.ok(text.includes(`test('${name}'`), `${field}: ${file} has no test "${name}"`)
  }
})

/** Objects among the options, each where it stands in a preset. */
const OBJECTS: readonly (readonly [path: string, preset: PresetName])[] = [
  ['', 'mtls'],
  ['mtls', 'mtls'],
  ['mtls.trust.0', 'mtls'],
  ['mtls.minimum', 'minimum-said'],
  ['mtls.revocation', 'revocation-list'],
  ['mtls.revocation.crl', 'revocation-list'],
  ['jwt', 'certificate-and-token'],
  ['jwt.keys', 'keys-fetched'],
  ['jwt.revocation', 'tokens-revocable'],
  ['jwt.dpop', 'dpop'],
  ['jwt.dpop.nonce', 'dpop-nonce'],
  ['jwt.proof', 'workloads'],
  ['authorize.0', 'one-rule'],
  ['routes.0', 'routes'],
  ['forwarded', 'behind-nginx'],
  ['forwarded.from', 'behind-nginx'],
  ['limit', 'quota'],
  ['limit.perCaller', 'quota'],
  ['limit.policies.0', 'quota-by-name'],
  ['limit.policies.0.only', 'quota-by-name'],
]

test('every field that the options know is shown to have an effect', () => {
  const shown = new Set([
    ...effects.map(({ field }) => field),
    ...SAID.map(({ field }) => field),
    ...Object.keys(SHOWN_ELSEWHERE),
    'audit',
    'meter',
    'runtime',
  ])
  const alike = (field: string): string => field.replace(/^(routes|authorize|mtls\.trust)\.\d/, '$1.0')
  const known = OBJECTS.flatMap(([path, preset]) => fieldsOf(path, presets[preset]))
  assert.ok(known.length > 60, `${known.length} fields`)
  const names = new Set([...shown].map(alike))
  assert.deepEqual(
    known.filter((field) => !names.has(field) && field !== 'mtls.trust.0.file'),
    [],
  )
})

/** The fields of an object, as the message for an unknown one lists them. */
function fieldsOf(path: string, options: GuardOptions): string[] {
  const wrong = withField(options, [...(path === '' ? [] : path.split('.')), 'zzzz'], 1)
  let message = ''
  try {
    createGuard(wrong)
  } catch (error) {
    message = String(error)
  }
  const listed = /it takes ([\w, ]+)/.exec(message)?.[1] ?? assert.fail(`${path}: ${message}`)
  return listed.split(', ').map((key) => (path === '' ? key.trim() : `${path}.${key.trim()}`))
}
