import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import type { TlsOptions } from 'node:tls'
import { StateError } from '@countersign/core'
import { createDevAuthority, createSelfSigned } from '@countersign/issuer'
import { isOperationRefusal, type ServiceRegistration } from '@countersign/mesh'
import { createMemoryStateStore } from '@countersign/state'
import { createTestClock, createTestMesh, type Workload } from '@countersign/testing'
import { createApiKey } from '@countersign/token'
import { BILLING, breakable, LEDGER, ORDERS, PARTNER, peerOf, stage, thumbprintOf, tokenOf, until } from '../fixture.js'

const clock = createTestClock()
const pki = createTestMesh('test.example', { clock })
const orders = pki.workload('/orders', { validSeconds: 30 * 86_400 })
const billing = pki.workload('/billing', { dns: ['localhost'], ip: ['127.0.0.1'] })
const CA = { pem: pki.trustPem }
const folder = mkdtempSync(join(tmpdir(), 'countersign-register-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function registrationOf(workload: Workload, changes: Partial<ServiceRegistration> = {}): ServiceRegistration {
  return { id: workload.id, certificate: { pem: workload.chainPem }, key: { pem: workload.keyPem }, ca: CA, ...changes }
}

/** As the state keeps the record of a service. */
const recordKeyOf = (id: string): string => `service:${id.length}:${id}`
const codeOf = (answer: unknown): unknown => (isOperationRefusal(answer) ? answer.code : 'done')

test('a service is registered with its certificate, its key and the CA, and may call whom it may call', async () => {
  const { mesh, recorder, events } = await stage({ clock })
  const answer = await mesh.registerService(registrationOf(orders))
  assert.deepEqual(answer, { id: ORDERS, certificate: orders['x5t#S256'], expiresAtMs: clock.nowMs() + 30 * 86_400_000 })
  assert.equal(recorder.of('service.registered').length, 1)
  await until(() => events.some(({ topic }) => topic === 'auth.service.registered'))
  const options = mesh.clientOptions({ service: ORDERS, target: BILLING })
  assert.ok(!options.refused)
  assert.equal(options.rejectUnauthorized, true)
  assert.equal(options.minVersion, 'TLSv1.2')
  const again = mesh.clientOptions({ service: ORDERS, target: BILLING })
  assert.ok(!again.refused)
  assert.equal(again.secureContext, options.secureContext)
  assert.equal(codeOf(mesh.clientOptions({ service: ORDERS, target: LEDGER })), 'ERR_TARGET_FORBIDDEN')
  assert.equal(codeOf(mesh.clientOptions({ service: ORDERS, target: 'nobody.example' })), 'ERR_TARGET_UNKNOWN')
  assert.equal(codeOf(mesh.clientOptions({ service: BILLING, target: LEDGER })), 'ERR_SERVICE_UNKNOWN')
  await mesh.close()
})

const stranger = createDevAuthority({ name: 'Stranger', trustDomain: 'test.example', clock })
const selfSigned = createSelfSigned({ spiffeId: ORDERS }, { clock })
const other = pki.workload('/orders')
const BROKEN: [string, Partial<ServiceRegistration>, string][] = [
  ['what is no certificate', { certificate: { pem: 'nonsense' } }, 'ERR_PEER_UNREADABLE'],
  ['what is no key', { key: { pem: 'nonsense' } }, 'ERR_CREDENTIAL_UNREADABLE'],
  ['the key of another certificate', { key: { pem: other.keyPem } }, 'ERR_CREDENTIAL_UNREADABLE'],
  [
    'a certificate that has expired',
    credential(pki.workload('/orders', { validFrom: new Date(clock.nowMs() - 7_200_000) })),
    'ERR_PEER_EXPIRED',
  ],
  [
    'a certificate of the future',
    credential(pki.workload('/orders', { validFrom: new Date(clock.nowMs() + 7_200_000) })),
    'ERR_PEER_NOT_YET_VALID',
  ],
  ['a certificate of another CA', credential(stranger.issue({ spiffeId: ORDERS })), 'ERR_PEER_UNTRUSTED'],
  ['a self-signed certificate', credential(selfSigned), 'ERR_PEER_SELF_SIGNED'],
  [
    'a certificate for clients alone',
    credential(pki.authority.issue({ spiffeId: ORDERS, extendedKeyUsage: ['clientAuth'] })),
    'ERR_PEER_PURPOSE',
  ],
  ['the certificate of another service', credential(billing), 'ERR_PEER_NAME_NOT_PERMITTED'],
  ['no CA', { ca: { pem: 'nonsense' } }, 'ERR_PEER_UNTRUSTED'],
  ['a provider that fails', { key: () => Promise.reject(new Error('the vault is sealed')) }, 'ERR_CREDENTIAL_UNREADABLE'],
]

function credential({
  chainPem,
  certificatePem,
  keyPem,
}: {
  readonly chainPem?: string
  readonly certificatePem: string
  readonly keyPem: string
}) {
  return { certificate: { pem: chainPem ?? certificatePem }, key: { pem: keyPem } }
}

for (const [name, changes, code] of BROKEN) {
  test(`does not register a service with ${name}: nothing is stored`, async () => {
    const { store, state } = breakable(createMemoryStateStore({ clock }), () => new StateError('unreachable', 'down'))
    const { mesh, events } = await stage({ clock, store })
    const { commits } = state
    assert.equal(codeOf(await mesh.registerService(registrationOf(orders, changes))), code)
    assert.equal(state.commits, commits)
    assert.deepEqual(events, [])
    assert.equal(codeOf(mesh.clientOptions({ service: ORDERS, target: BILLING })), 'ERR_SERVICE_UNKNOWN')
    await mesh.close()
  })
}

test('reads files of the folder that is named, and none that lies outside, by dots or by a link', async () => {
  const inside = join(folder, 'inside')
  mkdirSync(join(inside, 'deep'), { recursive: true })
  writeFileSync(join(inside, 'orders.pem'), orders.chainPem)
  writeFileSync(join(inside, 'orders-key.pem'), orders.keyPem, { mode: 0o600 })
  writeFileSync(join(inside, 'deep', 'ca.pem'), pki.trustPem)
  writeFileSync(join(folder, 'outside-key.pem'), orders.keyPem, { mode: 0o600 })
  symlinkSync(join(folder, 'outside-key.pem'), join(inside, 'link.pem'))
  symlinkSync(folder, join(inside, 'up'))
  symlinkSync(join(inside, 'orders-key.pem'), join(inside, 'within.pem'))
  writeFileSync(join(`${inside}-sibling.pem`), orders.keyPem, { mode: 0o600 })
  const { mesh } = await stage({ clock })
  const files = (key: string) => ({
    id: ORDERS,
    certificate: { file: 'orders.pem' },
    key: { file: key },
    ca: { file: join(inside, 'deep', 'ca.pem') },
    credentialsDir: inside,
  })
  for (const key of ['orders-key.pem', join(inside, 'orders-key.pem'), 'within.pem', './deep/../orders-key.pem'])
    assert.equal(codeOf(await mesh.registerService(files(key))), 'done', key)
  for (const key of [
    '../outside-key.pem',
    'deep/../../outside-key.pem',
    join(folder, 'outside-key.pem'),
    'link.pem',
    'up/outside-key.pem',
    `${inside}-sibling.pem`,
    '/etc/passwd',
    '.',
    'nothing.pem',
  ]) {
    const answer = await mesh.registerService(files(key))
    assert.ok(answer.refused, key)
    assert.equal(answer.code, 'ERR_CREDENTIAL_UNREADABLE', key)
    assert.equal(answer.facts['reason'], key === 'nothing.pem' ? 'unreadable' : 'outside', key)
  }
  chmodSync(join(inside, 'orders-key.pem'), 0o644)
  const answer = await mesh.registerService(files('orders-key.pem'))
  assert.equal(answer.refused && answer.code, 'ERR_CREDENTIAL_UNREADABLE')
  await mesh.close()
})

for (const [step, changes] of [
  ['the certificate cannot be had', { certificate: () => Promise.reject(new Error('down')) }],
  ['the key cannot be had', { key: () => Promise.reject(new Error('down')) }],
  ['the CA cannot be had', { ca: () => Promise.reject(new Error('down')) }],
  ['the certificate is not good', credential(selfSigned)],
  ['the store is down', 'store'],
  ['others are always quicker', 'conflict'],
] as const) {
  test(`what was registered before stays whole where ${step}`, async () => {
    const memory = createMemoryStateStore({ clock })
    let fault: 'store' | 'conflict' | null = null
    const { mesh } = await stage({
      clock,
      store: {
        ...memory,
        async commit(change) {
          if (fault === 'store') throw new StateError('unreachable', 'down')
          return fault === null && memory.commit(change)
        },
      },
    })
    await mesh.registerService(registrationOf(orders))
    const before = mesh.clientOptions({ service: ORDERS, target: BILLING })
    const key = `service:${ORDERS.length}:${ORDERS}`
    const [record] = await memory.read([key])
    fault = typeof changes === 'string' ? changes : null
    const renewed = pki.workload('/orders')
    assert.notEqual(codeOf(await mesh.registerService(registrationOf(renewed, typeof changes === 'string' ? {} : changes))), 'done')
    fault = null
    assert.deepEqual((await memory.read([key]))[0], record)
    const now = mesh.clientOptions({ service: ORDERS, target: BILLING })
    assert.ok(!before.refused && !now.refused)
    assert.equal(now.secureContext, before.secureContext)
    await mesh.close()
  })
}

test('sinks that throw do not keep a service from being registered, whole', async () => {
  const broken = (): never => {
    throw new Error('broken')
  }
  const instrument = { add: broken, record: broken }
  const { mesh } = await stage({
    clock,
    audit: { wants: () => true, record: broken, close: async () => {} },
    meter: { createCounter: () => instrument, createGauge: () => instrument, createHistogram: () => instrument },
  })
  assert.equal(codeOf(await mesh.registerService(registrationOf(orders))), 'done')
  assert.equal(codeOf(await mesh.deregisterService(ORDERS)), 'done')
  await mesh.close()
})

test('a service that is deregistered is gone: its credentials, its tokens, its certificate, its API key, and one in the gauge', async () => {
  const { mesh, meter, events } = await stage({ clock })
  const { record } = createApiKey({ owner: ORDERS, hashKey: randomBytes(32), clock })
  await mesh.registerService(registrationOf(orders, { apiKey: record }))
  assert.deepEqual(await mesh.apiKeys.find(record.id), record)
  const peer = peerOf(ORDERS, { thumbprint: orders['x5t#S256'] })
  const issued = await mesh.authenticateService({ service: ORDERS, peer, audience: BILLING })
  assert.ok(issued.status === 'AUTHENTICATED')
  await tokenOf(mesh, PARTNER, ORDERS)
  await mesh.sync()
  assert.equal(codeOf(await mesh.deregisterService(ORDERS)), 'done')
  assert.deepEqual(meter.values('auth_active_services').slice(-2), [2, 1])
  assert.equal((await mesh.validateServiceToken(issued.accessToken, { audience: BILLING, peer })).status, 'REVOKED')
  assert.equal(codeOf(mesh.clientOptions({ service: ORDERS, target: BILLING })), 'ERR_SERVICE_UNKNOWN')
  assert.equal(await mesh.apiKeys.find(record.id), null)
  assert.ok(mesh.revocations.has('token', record.id, 0))
  assert.ok(mesh.revocations.has('certificate', orders['x5t#S256'], 0))
  assert.equal(await mesh.status(ORDERS), 'REVOKED')
  for (const again of [peer, peerOf(ORDERS)]) {
    const answer = await mesh.authenticateService({ service: ORDERS, peer: again, audience: BILLING })
    assert.ok(answer.status !== 'AUTHENTICATED')
    assert.equal(answer.code, 'ERR_SERVICE_REVOKED')
  }
  await until(() => events.some(({ topic }) => topic === 'auth.service.deregistered'))
  await mesh.close()
})

test('a service comes back with another certificate, unless it was deregistered for good', async () => {
  const { mesh } = await stage({ clock })
  const renewed = pki.workload('/orders')
  await mesh.registerService(registrationOf(orders))
  await mesh.deregisterService(ORDERS)
  assert.equal(codeOf(await mesh.registerService(registrationOf(orders))), 'ERR_SERVICE_REVOKED')
  assert.equal(codeOf(await mesh.registerService(registrationOf(renewed))), 'done')
  const peer = peerOf(ORDERS, { thumbprint: renewed['x5t#S256'] })
  const issued = await mesh.authenticateService({ service: ORDERS, peer, audience: BILLING })
  assert.ok(issued.status === 'AUTHENTICATED')
  assert.equal((await mesh.validateServiceToken(issued.accessToken, { audience: BILLING, peer })).status, 'AUTHENTICATED')
  await mesh.deregisterService(ORDERS, { forGood: true, reason: 'key-compromise' })
  assert.equal(codeOf(await mesh.registerService(registrationOf(pki.workload('/orders')))), 'ERR_SERVICE_REVOKED')
  await mesh.close()
})

test('a service that was deregistered does not come back by itself: not with time, and not with the loss of its record', async () => {
  const { mesh, store, later } = await stage({ clock: createTestClock(clock.nowMs()) })
  const renewed = () => peerOf(ORDERS, { thumbprint: thumbprintOf(`renewed ${Math.random()}`) })
  const ask = async () => {
    const answer = await mesh.authenticateService({ service: ORDERS, peer: renewed(), audience: BILLING })
    return answer.status === 'AUTHENTICATED' ? 'got a token' : answer.code
  }
  assert.equal(codeOf(await mesh.deregisterService(ORDERS)), 'done')
  assert.equal(await ask(), 'ERR_SERVICE_REVOKED')
  await later(31 * 86_400)
  assert.equal(await ask(), 'ERR_SERVICE_REVOKED')
  await store.commit({ remove: [recordKeyOf(ORDERS)] })
  assert.deepEqual(await store.read([recordKeyOf(ORDERS)]), [null])
  assert.equal(await ask(), 'ERR_SERVICE_REVOKED')
  const anew = pki.workload('/orders', { validSeconds: 90 * 86_400 })
  assert.equal(codeOf(await mesh.registerService(registrationOf(anew))), 'done')
  assert.equal(await ask(), 'got a token')
  await mesh.close()
})

test('a certificate that runs out is told of once, 14 days before, and calls nobody once it has', async () => {
  const own = createTestClock(clock.nowMs())
  const { mesh, recorder } = await stage({ clock: own })
  await mesh.registerService(registrationOf(orders))
  const noticed = async (days: number) => {
    own.advanceSeconds(days * 86_400)
    await until(() => mesh.revocations.ageMs <= mesh.revocations.leaseMs)
    await mesh.sync()
    return recorder.of('credential.expiring').length
  }
  assert.equal(await noticed(15), 0)
  assert.equal(await noticed(1), 1)
  assert.equal(await noticed(1), 1)
  assert.deepEqual(recorder.of('credential.expiring')[0]?.facts['daysLeft'], 14)
  assert.ok(!mesh.clientOptions({ service: ORDERS, target: BILLING }).refused)
  await noticed(14)
  assert.equal(codeOf(mesh.clientOptions({ service: ORDERS, target: BILLING })), 'ERR_SERVICE_UNPROVEN')
  assert.equal(codeOf(await mesh.registerService(registrationOf(orders))), 'ERR_PEER_EXPIRED')
  await mesh.close()
})

test('refuses a service that there is not, and what is no registration', async () => {
  const { mesh } = await stage({ clock })
  const nobody = pki.workload('/nobody')
  assert.equal(codeOf(await mesh.registerService(registrationOf(nobody))), 'ERR_SERVICE_UNKNOWN')
  assert.equal(codeOf(await mesh.deregisterService(nobody.id)), 'ERR_SERVICE_UNKNOWN')
  const register = mesh.registerService as (request: unknown) => Promise<unknown>
  const good = registrationOf(orders)
  for (const [request, code] of [
    [{ ...good, id: '' }, 'ERR_OPTION_INVALID'],
    [{ ...good, key: undefined }, 'ERR_OPTION_MISSING'],
    [{ ...good, key: 'orders-key.pem' }, 'ERR_OPTION_INVALID'],
    [{ ...good, key: { file: 'a', pem: 'b' } }, 'ERR_OPTION_INVALID'],
    [{ ...good, apiKey: { secret: 'x' } }, 'ERR_OPTION_INVALID'],
    [{ ...good, credentialsDir: 5 }, 'ERR_OPTION_INVALID'],
    [{ ...good, password: 'x' }, 'ERR_OPTION_UNKNOWN'],
  ] as const)
    await assert.rejects(register(request), { code })
  await mesh.close()
})

interface Server {
  readonly port: number
}

async function serve(t: TestContext, options: TlsOptions): Promise<Server> {
  const server = createServer({ requestCert: true, ca: pki.trustPem, ...options }, (_, res) => res.end('answered'))
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { port: (server.address() as AddressInfo).port }
}

for (const [name, options, said] of [
  ['the target itself', tlsOf(billing), 'answered'],
  ['another service', tlsOf(pki.workload('/shipping', { dns: ['localhost'] })), 'ERR_PEER_NAME_NOT_PERMITTED'],
  ['a self-signed certificate', tlsOf(createSelfSigned({ spiffeId: BILLING }, { clock })), /SELF_SIGNED/],
  ['a certificate of another CA', tlsOf(stranger.issue({ spiffeId: BILLING })), /UNABLE_TO|UNABLE_TO_VERIFY|SELF_SIGNED/],
  ['a certificate for clients alone', tlsOf(pki.authority.issue({ spiffeId: BILLING, extendedKeyUsage: ['clientAuth'] })), /PURPOSE/],
  [
    'TLS 1.1',
    { ...tlsOf(billing), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as TlsOptions,
    /PROTOCOL|EPROTO|VERSION|ECONNRESET/,
  ],
] as const) {
  test(`a registered service that calls meets ${name}: ${String(said)}`, async (t) => {
    const { mesh } = await stage({ clock })
    await mesh.registerService(registrationOf(orders))
    const { port } = await serve(t, options)
    const client = mesh.clientOptions({ service: ORDERS, target: BILLING })
    assert.ok(!client.refused)
    const answer = await call(port, client)
    if (typeof said === 'string') assert.equal(answer, said)
    else assert.match(answer, said)
    await mesh.close()
  })
}

test('a server whose certificate was revoked is refused on the next connection', async (t) => {
  const { mesh } = await stage({ clock })
  await mesh.registerService(registrationOf(orders))
  const { port } = await serve(t, tlsOf(billing))
  const client = mesh.clientOptions({ service: ORDERS, target: BILLING })
  assert.ok(!client.refused)
  const agent = new Agent({ ...client })
  t.after(() => agent.destroy())
  assert.equal(await call(port, { ...client, agent }), 'answered')
  await mesh.revoke({ certificate: billing['x5t#S256'] }, { reason: 'key-compromise' })
  assert.equal(await call(port, { ...client, agent }), 'ERR_PEER_REVOKED')
  await mesh.close()
})

function tlsOf({
  chainPem,
  certificatePem,
  keyPem,
}: {
  readonly chainPem?: string
  readonly certificatePem: string
  readonly keyPem: string
}): TlsOptions {
  return { cert: chainPem ?? certificatePem, key: keyPem }
}

/** What the server answered, or the code of what went wrong. */
async function call(port: number, options: object): Promise<string> {
  const sent = request({ host: '127.0.0.1', servername: 'localhost', port, agent: false, ...options })
  sent.end()
  return new Promise((resolve) => {
    sent.on('error', (error) => resolve('code' in error ? String(error.code) : error.message))
    sent.on('response', async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve(text)
    })
  })
}

test('a registration that comes before the list knows of the end of the one before is another one', async () => {
  const memory = createMemoryStateStore({ clock })
  const { pull } = memory.revocations
  let isBehind = false
  const revocations: typeof memory.revocations = {
    ...memory.revocations,
    onAppend: () => () => {},
    async pull(after, limit) {
      const page = await pull(after, limit)
      return isBehind && after !== null ? { ...page, position: after, entries: [], more: false } : page
    },
  }
  const { mesh } = await stage({ clock, store: memory })
  const late = await stage({ clock, store: { ...memory, revocations } })
  await mesh.registerService(registrationOf(orders))
  isBehind = true
  assert.equal(codeOf(await mesh.deregisterService(ORDERS)), 'done')
  assert.equal(codeOf(await late.mesh.registerService(registrationOf(other))), 'done')
  isBehind = false
  clock.advanceSeconds(2)
  const proven = { service: ORDERS, peer: peerOf(ORDERS, { thumbprint: other['x5t#S256'] }), audience: BILLING }
  for (const one of [mesh, late.mesh]) {
    await until(() => one.revocations.ageMs <= one.revocations.leaseMs)
    assert.equal((await one.authenticateService(proven)).status, 'AUTHENTICATED')
  }
  await mesh.close()
  await late.mesh.close()
})

test('a service with the longest id that there is can be deregistered', async () => {
  const longest = `spiffe://test.example/${'a'.repeat(2026)}`
  assert.equal(longest.length, 2048)
  const { mesh } = await stage({ services: { [longest]: { mayCall: [] } } })
  assert.equal(codeOf(await mesh.deregisterService(longest)), 'done')
  assert.equal(await mesh.status(longest), 'REVOKED')
  const refused = await mesh.authenticateService({ service: longest, peer: peerOf(longest), audience: longest })
  assert.equal(refused.status, 'REVOKED')
  await mesh.close()
})
