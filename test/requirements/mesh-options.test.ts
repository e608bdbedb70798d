import { type SecurityEvent, StateError, type StateStore } from '@countersign/core'
import { createKeyRing } from '@countersign/issuer'
import {
  type AuthMesh,
  type AuthMeshOptions,
  createAuthMesh,
  type PropagationOptions,
  type RetryPolicies,
  type SessionOptions,
  type TokenLifetimes,
} from '@countersign/mesh'
import { createMemoryStateStore } from '@countersign/state'
import { createTestClock, createTestMesh, createTestMeter } from '@countersign/testing'
import { decodeToken } from '@countersign/token'
import { insideOf } from '../mesh/inside.js'
import { type Effect, type Observed, type RowsOf, testOptions } from './options.js'

const pki = createTestMesh('prod.example')
const orders = pki.workload('/orders').id
const billing = pki.workload('/billing').id
const SERVICES = { [orders]: { mayCall: [billing] }, [billing]: { mayCall: [orders] } }
const ISSUER = 'https://mesh.example'

/** A mesh that is closed after the test. */
async function meshOf(t: Parameters<Effect>[0], changes: Partial<AuthMeshOptions> = {}): Promise<AuthMesh> {
  const mesh = createAuthMesh({ issuer: ISSUER, services: SERVICES, keys: { algorithm: 'ES256' }, audit: null, ...changes })
  t.after(() => mesh.close())
  await mesh.ready()
  return mesh
}

function peerOf(id: string) {
  const thumbprint = Buffer.alloc(32, id).toString('base64url')
  return {
    id,
    identity: { kind: 'spiffe', authority: 'prod.example', value: id },
    spiffeId: id,
    provenance: 'connection',
    certificate: { 'x5t#S256': thumbprint, validTo: new Date('2100-01-01') },
    expiresAtMs: Number.POSITIVE_INFINITY,
  } as unknown as Parameters<AuthMesh['authenticateService']>[0]['peer'] & object
}

async function issue(mesh: AuthMesh, service = orders, audience = billing) {
  const issued = await mesh.authenticateService({ service, peer: peerOf(service), audience })
  return issued.status === 'AUTHENTICATED' ? issued : Promise.reject(new Error(issued.code))
}

/** What came of one experiment with one mesh and with another. */
function seen(
  experiment: (mesh: AuthMesh, t: Parameters<Effect>[0]) => Promise<unknown>,
  one: Partial<AuthMeshOptions>,
  expected: unknown,
  other: Partial<AuthMeshOptions>,
  expectedOtherwise: unknown,
): Effect {
  return async (t) => {
    const observe = async (options: Partial<AuthMeshOptions>, value: unknown): Promise<Observed> => [
      await experiment(await meshOf(t, options), t),
      value,
    ]
    return [await observe(one, expected), await observe(other, expectedOtherwise)]
  }
}

const outcome = async (mesh: AuthMesh): Promise<unknown> => {
  const issued = await mesh.authenticateService({ service: orders, peer: peerOf(orders), audience: billing })
  return issued.status === 'AUTHENTICATED' ? issued.status : issued.code
}

const clock = createTestClock()
const runtime = { clock, sleep: async () => {} }
const lifetime = async (mesh: AuthMesh): Promise<number> => {
  const { claims } = decodeToken((await issue(mesh)).accessToken)
  return Number(claims['exp']) - Number(claims['iat'])
}

/** A store that fails so often when it is read. */
function failing(times: number): StateStore & { readonly reads: () => number } {
  const memory = createMemoryStateStore({ clock })
  let left = times
  let reads = 0
  return {
    ...memory,
    reads: () => reads,
    async read(keys) {
      if (!keys.some((key) => key.startsWith('service:'))) return memory.read(keys)
      reads++
      if (left-- > 0) throw new StateError('unreachable', 'down')
      return memory.read(keys)
    },
  }
}

/** How a token is judged whose clock is so many seconds ahead. */
const ahead = (seconds: number) => async (mesh: AuthMesh) => {
  const now = Math.floor(clock.nowMs() / 1000)
  const claims = { iss: ISSUER, sub: orders, aud: billing, client_id: orders, jti: 'j', iat: now + seconds, exp: now + 600 }
  const cnf = { 'x5t#S256': Buffer.alloc(32, orders).toString('base64url') }
  const token = await insideOf(mesh).keys.sign('at+jwt', { ...claims, cnf })
  return (await mesh.validateServiceToken(token, { audience: billing, peer: peerOf(orders) })).status
}

const heard =
  (of: (write: (event: SecurityEvent) => void) => Partial<AuthMeshOptions>, act: (mesh: AuthMesh) => Promise<unknown>, kind: string) =>
  async (t: Parameters<Effect>[0]): Promise<boolean> => {
    const events: string[] = []
    const mesh = await meshOf(
      t,
      of((event) => void events.push(event.kind)),
    )
    await act(mesh)
    return events.includes(kind)
  }

const recording = (record: (event: SecurityEvent) => void) => ({
  wants: () => true,
  record: (event: SecurityEvent) => {
    record(event)
    return true
  },
  close: async () => {},
})

const rows: RowsOf<AuthMeshOptions> = {
  issuer: {
    refused: [
      undefined,
      null,
      5,
      '',
      'mesh',
      'http://mesh.example',
      'https://mesh.example/?a',
      'https://mesh.example/#a',
      'https://u@mesh.example',
    ],
    effect: seen(
      async (mesh) => decodeToken((await issue(mesh)).accessToken).claims['iss'],
      {},
      ISSUER,
      { issuer: 'https://other.example' },
      'https://other.example',
    ),
  },
  services: {
    refused: [
      undefined,
      null,
      5,
      [],
      {},
      { [orders]: {} },
      { [orders]: { mayCall: orders } },
      { [orders]: { mayCall: [billing] } },
      { 'Not a name': { mayCall: [] } },
      { 'spiffe://prod.example': { mayCall: [] } },
      { [orders]: { mayCall: [], scopes: ['a b'] } },
      { [orders]: { mayCall: [], role: 'admin' } },
    ],
    effect: seen(
      outcome,
      {},
      'AUTHENTICATED',
      { services: { [orders]: { mayCall: [] }, [billing]: { mayCall: [] } } },
      'ERR_TARGET_FORBIDDEN',
    ),
  },
  store: {
    refused: [null, 5, {}, { read: () => {} }],
    effect: async (t) => {
      const store = createMemoryStateStore({ clock })
      const [mine, yours] = [await meshOf(t, { store, runtime }), await meshOf(t, { store, runtime })]
      const alone = await meshOf(t, { runtime })
      await issue(mine)
      return [
        [await yours.status(orders), 'AUTHENTICATED'],
        [await alone.status(orders), 'UNAUTHORIZED'],
      ]
    },
  },
  keys: {
    refused: [null, 5, 'RS256', { algorithm: 'HS256' }, { algorithm: 'none' }, { clock }, createShortRing()],
    effect: seen(
      async (mesh) => decodeToken((await issue(mesh)).accessToken).header['alg'],
      { keys: {} },
      'RS256',
      { keys: { algorithm: 'ES256' } },
      'ES256',
    ),
  },
  token: {
    refused: [5, { expiresInSeconds: 0 }, { expiresInSeconds: 90_000 }, { lifetime: 5 }],
    effect: seen(lifetime, {}, 3600, { token: { expiresInSeconds: 60 } }, 60),
  },
  mtls: {
    refused: [5, true, 'none', 'off'],
    effect: seen(
      async (mesh) => {
        const owner = { kind: 'spiffe', authority: 'prod.example', value: orders } as const
        const apiKey = { id: 'k', owner, scopes: new Set<string>(), expiresAtMs: Number.POSITIVE_INFINITY }
        const issued = await mesh.authenticateService({ service: orders, peer: null, apiKey, audience: billing })
        return issued.status
      },
      { mtls: 'required' },
      'UNAUTHORIZED',
      { mtls: 'optional' },
      'AUTHENTICATED',
    ),
  },
  clockSkewSeconds: {
    refused: ['30', -1, 61, 1.5, Number.NaN],
    effect: seen(ahead(20), { clockSkewSeconds: 30, runtime }, 'AUTHENTICATED', { clockSkewSeconds: 10, runtime }, 'INVALID'),
  },
  whenStateUnavailable: {
    refused: [5, 'allow', {}, { staleSeconds: 0 }, { staleSeconds: 31 }, { staleSeconds: 5, forever: true }],
    effect: async (t) => {
      const judge = async (whenStateUnavailable: AuthMeshOptions['whenStateUnavailable']) => {
        const own = createTestClock()
        const memory = createMemoryStateStore({ clock: own })
        let isDown = false
        const pull: StateStore['revocations']['pull'] = (after, limit) =>
          isDown ? Promise.reject(new StateError('unreachable', 'down')) : memory.revocations.pull(after, limit)
        const mesh = await meshOf(t, {
          store: { ...memory, revocations: { ...memory.revocations, pull } },
          runtime: { clock: own },
          ...(whenStateUnavailable === undefined ? {} : { whenStateUnavailable }),
        })
        const { accessToken } = await issue(mesh)
        isDown = true
        own.advanceSeconds(10)
        return (await mesh.validateServiceToken(accessToken, { audience: billing, peer: peerOf(orders) })).status
      }
      return [
        [await judge(undefined), 'UNAUTHORIZED'],
        [await judge({ staleSeconds: 30 }), 'AUTHENTICATED'],
      ]
    },
  },
  syncSeconds: {
    refused: [0, 3601, '30'],
    effect: async (t) => {
      const looked = async (syncSeconds: number) => {
        const meter = createTestMeter()
        await meshOf(t, { syncSeconds, meter })
        await new Promise((resolve) => setTimeout(resolve, 1200))
        return meter.values('auth_active_services').length > 0
      }
      const [often, seldom] = await Promise.all([looked(1), looked(30)])
      return [
        [often, true],
        [seldom, false],
      ]
    },
  },
  propagation: {
    refused: [5, { expiresInSeconds: 0 }, { maxHops: 11 }, { hops: 1 }],
    effect: seen(propagated, {}, 300, { propagation: { expiresInSeconds: 60 } }, 60),
  },
  session: {
    refused: [5, { maxPerSubject: 0 }, { idle: 5 }],
    effect: seen(sessionSeconds, {}, 43_200, { session: { expiresInSeconds: 60 } }, 60),
  },
  retry: {
    refused: [5, { attempts: 0 }, { services: [] }, { tries: 3 }],
    effect: seen(
      outcome,
      { store: failing(2), runtime },
      'AUTHENTICATED',
      { store: failing(2), retry: { attempts: 2 }, runtime },
      'ERR_STATE_UNAVAILABLE',
    ),
  },
  maxClockDriftSeconds: {
    refused: [0, 61, '5'],
    effect: async (t) => [
      [await heard((record) => ({ audit: recording(record), runtime }), ahead(10), 'clock.drifted')(t), true],
      [await heard((record) => ({ audit: recording(record), runtime, maxClockDriftSeconds: 20 }), ahead(10), 'clock.drifted')(t), false],
    ],
  },
  events: {
    refused: [5, 'topic', {}, []],
    effect: async (t) => {
      const store = createMemoryStateStore()
      const silent = await meshOf(t, { store })
      await issue(silent)
      const left = (await store.outbox.take(1, 1000)).length
      const delivered = await new Promise<string>((resolve, reject) => {
        // Nothing of a mesh keeps a process alive.
        setTimeout(() => reject(new Error('no event')), 2000)
        meshOf(t, { store, events: ({ topic }) => resolve(topic) })
          .then(issue)
          .catch(reject)
      })
      return [
        [left, 0],
        [delivered, 'auth.service.authenticated'],
      ]
    },
  },
  audit: {
    refused: [5, 'stdout', { log: true }, { logger: 5 }],
    effect: async (t) => [
      [await heard((record) => ({ audit: recording(record) }), issue, 'token.issued')(t), true],
      [await heard(() => ({ audit: null }), issue, 'token.issued')(t), false],
    ],
  },
  meter: {
    refused: [5, {}, true],
    effect: async (t) => {
      const meter = createTestMeter()
      await issue(await meshOf(t, { meter }))
      const counted = meter.total('service_authentications')
      meter.clear()
      await issue(await meshOf(t))
      return [
        [counted, 1],
        [meter.total('service_authentications'), 0],
      ]
    },
  },
  runtime: {
    refused: [5, { clock: 5 }, { sleep: 5 }, { randomBytes: 'x' }, { timers: {} }],
    effect: async (t) => {
      const own = createTestClock(1_000_000_000_000)
      const iat = async (mesh: AuthMesh) => decodeToken((await issue(mesh)).accessToken).claims['iat']
      return [
        [await iat(await meshOf(t, { runtime: { clock: own } })), 1_000_000_000],
        [Number(await iat(await meshOf(t))) > 1_700_000_000, true],
      ]
    },
  },
}

async function handedOn(mesh: AuthMesh) {
  await issue(mesh)
  await issue(mesh, billing, orders)
  const session = await mesh.sessions.create({ subject: 'alice' })
  if (session.refused) throw new Error(session.code)
  return mesh.propagateSession({ session: session.id, from: orders, to: billing })
}

async function propagated(mesh: AuthMesh): Promise<unknown> {
  const handed = await handedOn(mesh)
  if (handed.refused) return handed.code
  const { claims } = decodeToken(handed.token)
  return Number(claims['exp']) - Number(claims['iat'])
}

async function hops(mesh: AuthMesh): Promise<unknown> {
  let handed = await handedOn(mesh)
  let [from, to] = [orders, billing]
  for (let count = 1; ; count++) {
    if (handed.refused) return handed.code === 'ERR_SESSION_HOPS' ? count - 1 : handed.code
    const session = await mesh.acceptPropagatedSession(handed.token, { service: to, caller: peerOf(from) })
    if ('refused' in session) return session.code
    ;[from, to] = [to, from]
    handed = await mesh.propagateSession({ session, from, to })
  }
}

async function sessionSeconds(mesh: AuthMesh): Promise<unknown> {
  const session = await mesh.sessions.create({ subject: 'alice' })
  return session.refused ? session.code : (session.expiresAtMs - session.createdAtMs) / 1000
}

async function howMany(mesh: AuthMesh): Promise<number> {
  for (let count = 0; ; count++) if ((await mesh.sessions.create({ subject: 'alice' })).refused) return count
}

async function failures(mesh: AuthMesh): Promise<number> {
  const session = await mesh.sessions.create({ subject: 'alice' })
  if (session.refused) throw new Error(session.code)
  for (let count = 1; ; count++) if ((await mesh.sessions.fail(session.id)) === 'LOCKED') return count
}

async function lockSeconds(mesh: AuthMesh): Promise<unknown> {
  const session = await mesh.sessions.create({ subject: 'alice' })
  if (session.refused) throw new Error(session.code)
  await mesh.sessions.lock(session.id)
  const locked = await mesh.sessions.get(session.id)
  return locked === null || 'refused' in locked ? null : Math.round(((locked.lockedUntilMs ?? 0) - locked.createdAtMs) / 1000)
}

/** A ring that forgets its keys before its tokens have run out. */
function createShortRing() {
  return createKeyRing({ algorithm: 'ES256', maxTokenSeconds: 60 })
}

const create = (field: string, value: unknown) => {
  const mesh = createAuthMesh({
    issuer: ISSUER,
    services: SERVICES,
    keys: { algorithm: 'ES256' },
    audit: null,
    [field]: value,
  } as AuthMeshOptions)
  void mesh.close()
}
testOptions('', rows, create, 'createAuthMesh')

const tokenRows: RowsOf<TokenLifetimes> = {
  expiresInSeconds: { refused: [0, 86_401, '60'], effect: seen(lifetime, {}, 3600, { token: { expiresInSeconds: 61 } }, 61) },
  maxExpiresInSeconds: {
    refused: [0, 86_401, '60'],
    effect: seen(
      (mesh) =>
        mesh.authenticateService({ service: orders, peer: peerOf(orders), audience: billing, expiresInSeconds: 7200 }).then(
          ({ status }) => status,
          ({ code }) => code,
        ),
      { token: { maxExpiresInSeconds: 7200 } },
      'AUTHENTICATED',
      {},
      'ERR_OPTION_INVALID',
    ),
  },
}
testOptions('token', tokenRows, (field, value) => create('token', { [field]: value }), 'createAuthMesh: token')

const propagationRows: RowsOf<PropagationOptions> = {
  expiresInSeconds: { refused: [0, 3601, '60'], effect: seen(propagated, {}, 300, { propagation: { expiresInSeconds: 30 } }, 30) },
  maxHops: { refused: [0, 11, '4'], effect: seen(hops, {}, 4, { propagation: { maxHops: 2 } }, 2) },
}
testOptions('propagation', propagationRows, (field, value) => create('propagation', { [field]: value }), 'createAuthMesh: propagation')

const sessionRows: RowsOf<SessionOptions> = {
  expiresInSeconds: {
    refused: [59, 2_592_001, '60'],
    effect: seen(sessionSeconds, {}, 43_200, { session: { expiresInSeconds: 90 } }, 90),
  },
  maxPerSubject: { refused: [0, 101, '5'], effect: seen(howMany, {}, 5, { session: { maxPerSubject: 2 } }, 2) },
  whenTooMany: {
    refused: [5, 'allow'],
    effect: seen(
      async (mesh) => {
        for (let count = 0; count < 2; count++) await mesh.sessions.create({ subject: 'alice' })
        return ((await mesh.sessions.create({ subject: 'alice' })).refused ?? false) as boolean
      },
      { session: { maxPerSubject: 2 } },
      true,
      { session: { maxPerSubject: 2, whenTooMany: 'end-oldest' } },
      false,
    ),
  },
  maxFailures: { refused: [0, 101, '3'], effect: seen(failures, {}, 3, { session: { maxFailures: 5 } }, 5) },
  lockSeconds: {
    refused: [0, 86_401, '900'],
    effect: seen(lockSeconds, { runtime }, 900, { session: { lockSeconds: 60 }, runtime }, 60),
  },
}
testOptions('session', sessionRows, (field, value) => create('session', { [field]: value }), 'createAuthMesh: session')

/** The pauses of an operation whose store is down, in milliseconds. */
function pausesOf(
  retry: RetryPolicies,
  operations = 1,
): Effect extends (...args: infer Args) => unknown ? (t: Args[0]) => Promise<string> : never {
  return async (t) => {
    const own = createTestClock()
    const store = failing(Number.POSITIVE_INFINITY)
    const pauses: number[] = []
    const mesh = await meshOf(t, {
      store,
      retry,
      runtime: {
        clock: own,
        random: () => 0.999_999,
        sleep: async (ms) => {
          pauses.push(Math.round(ms))
          own.setMs(own.nowMs() + ms)
        },
      },
    })
    for (let turn = 0; turn < operations; turn++) {
      await outcome(mesh)
      own.advanceSeconds(5)
    }
    return `${pauses.join(' ')} in ${store.reads()}`
  }
}

function pauses(one: RetryPolicies, expected: string, other: RetryPolicies, expectedOtherwise: string, operations = 1): Effect {
  return async (t) => [
    [await pausesOf(one, operations)(t), expected],
    [await pausesOf(other, operations)(t), expectedOtherwise],
  ]
}

const retryRows: RowsOf<RetryPolicies> = {
  attempts: { refused: [0, 11, '3'], effect: pauses({}, '5000 10000 in 3', { attempts: 2 }, '5000 in 2') },
  delaySeconds: { refused: [-1, 61, '5'], effect: pauses({}, '5000 10000 in 3', { delaySeconds: 1 }, '1000 2000 in 3') },
  factor: { refused: [0, 11, '2'], effect: pauses({}, '5000 10000 in 3', { factor: 1 }, '5000 5000 in 3') },
  maxDelaySeconds: { refused: [-1, 301, '30'], effect: pauses({}, '5000 10000 in 3', { maxDelaySeconds: 6 }, '5000 6000 in 3') },
  deadlineSeconds: { refused: [0, 601, '30'], effect: pauses({}, '5000 10000 in 3', { deadlineSeconds: 10 }, '5000 in 2') },
  breakerFailures: {
    refused: [0, 1001, '5'],
    effect: pauses({ attempts: 1 }, ' in 4', { attempts: 1, breakerFailures: 2, breakerSeconds: 60 }, ' in 2', 4),
  },
  breakerSeconds: {
    refused: [0, 601, '10'],
    effect: pauses(
      { attempts: 1, breakerFailures: 1, breakerSeconds: 60 },
      ' in 1',
      { attempts: 1, breakerFailures: 1, breakerSeconds: 5 },
      ' in 4',
      4,
    ),
  },
  services: {
    refused: [5, [], { [orders]: { attempts: 0 } }, { [orders]: { breakerFailures: 1 } }],
    effect: pauses({}, '5000 10000 in 3', { services: { [orders]: { attempts: 2, delaySeconds: 1 } } }, '1000 in 2'),
  },
}
testOptions('retry', retryRows, (field, value) => create('retry', { [field]: value }), 'createAuthMesh: retry')
