import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { countersign, type GuardOptions } from '@countersign/express'
import {
  createTestLogger,
  createTestMesh,
  createTestMeter,
  fakeTlsSocket,
  type InjectOptions,
  inject,
  startJwksServer,
  workloadFrom,
} from '@countersign/testing'
import express from 'express'

function setUp(extra: Partial<GuardOptions> = {}) {
  const mesh = createTestMesh('prod.example')
  const [meter, logger] = [createTestMeter(), createTestLogger()]
  const guard = countersign({
    mtls: { trust: mesh.trust },
    jwt: mesh.jwt({ audience: 'billing' }),
    authorize: 'any-authenticated',
    audit: { logger },
    meter,
    runtime: { clock: mesh.clock },
    ...extra,
  })
  const app = express()
    .use(guard)
    .get('/', (req, res) => {
      res.send(req.principal?.id)
    })
  const codeOf = async (request: InjectOptions) => (await inject(app, request)).problem?.code
  return { mesh, meter, logger, app, codeOf, guard: guard.guard, orders: mesh.workload('/orders') }
}

test('a guard takes the certificates and the bound tokens of a mesh', async () => {
  const { mesh, app, orders } = setUp()
  const response = await inject(app, { peer: orders, token: mesh.token({ audience: 'billing', boundTo: orders }) })
  assert.deepEqual([response.status, response.text], [200, orders.id])
})

for (const algorithm of ['RS256', 'PS256', 'Ed25519'] as const) {
  test(`a guard takes tokens that a mesh signs with ${algorithm}`, async () => {
    const mesh = createTestMesh('prod.example', { algorithm })
    const { app } = setUp({ mtls: { trust: mesh.trust }, jwt: mesh.jwt({ audience: 'billing' }), runtime: { clock: mesh.clock } })
    const peer = mesh.workload('/orders')
    assert.equal((await inject(app, { peer, token: mesh.token({ audience: 'billing', boundTo: peer }) })).text, peer.id)
  })
}

test('a guard refuses what is wrong with a certificate, by its code', async () => {
  const { mesh, codeOf, orders } = setUp({ jwt: null })
  const now = mesh.clock.nowMs()
  const issued = (request: Parameters<typeof mesh.authority.issue>[0]) =>
    workloadFrom(orders.id, mesh.authority.issue({ spiffeId: orders.id, ...request }))
  assert.equal(await codeOf({ peer: orders }), undefined)
  assert.equal(await codeOf({ peer: mesh.workload('/orders', { intermediate: true }) }), undefined)
  assert.equal(await codeOf({ peer: mesh.workload('/orders', { key: 'rsa' }) }), undefined)
  assert.equal(await codeOf({ peer: null }), 'ERR_PEER_MISSING')
  assert.equal(await codeOf({ peer: createTestMesh('prod.example').workload('/orders') }), 'ERR_PEER_UNTRUSTED')
  assert.equal(await codeOf({ peer: mesh.workload('/orders', { validFrom: new Date(now + 3_600_000) }) }), 'ERR_PEER_NOT_YET_VALID')
  assert.equal(await codeOf({ peer: issued({ extendedKeyUsage: ['serverAuth'] }) }), 'ERR_PEER_PURPOSE')
  assert.equal(await codeOf({ peer: issued({ isCa: true }) }), 'ERR_PEER_IS_CA')
  assert.equal(await codeOf({ peer: issued({ key: 'rsa', rsaBits: 1024, dangerouslyWeak: true }) }), 'ERR_PEER_WEAK_KEY')
  assert.equal(await codeOf({ socket: fakeTlsSocket({ peer: 'unreadable' }) }), 'ERR_PEER_UNREADABLE')
  assert.equal(await codeOf({ socket: fakeTlsSocket({ encrypted: false }) }), 'ERR_PEER_UNENCRYPTED')
})

test('a guard refuses what is wrong with a token, by its code', async () => {
  const { mesh, codeOf, orders } = setUp()
  const request = { audience: 'billing', boundTo: orders }
  assert.equal(await codeOf({ peer: orders }), 'ERR_TOKEN_MISSING')
  assert.equal(await codeOf({ peer: orders, token: mesh.token({ ...request, audience: 'shipping' }) }), 'ERR_TOKEN_AUDIENCE')
  assert.equal(await codeOf({ peer: orders, token: mesh.token({ ...request, boundTo: mesh.workload('/other') }) }), 'ERR_TOKEN_BINDING')
  assert.equal(await codeOf({ peer: orders, token: mesh.token({ audience: 'billing' }) }), 'ERR_TOKEN_UNBOUND')
  assert.equal(await codeOf({ peer: orders, token: createTestMesh('prod.example').token(request) }), 'ERR_TOKEN_KEY_UNKNOWN')
  const token = mesh.token({ ...request, expiresInSeconds: 60 })
  assert.equal(await codeOf({ peer: orders, token }), undefined)
  mesh.clock.advanceSeconds(120)
  assert.equal(await codeOf({ peer: orders, token }), 'ERR_TOKEN_EXPIRED')
})

test('a guard takes the keys of a JWKS server', async (t) => {
  const mesh = createTestMesh('prod.example')
  const server = await startJwksServer(mesh.signer)
  t.after(() => server.close())
  const guard = countersign({
    mtls: { trust: mesh.trust },
    jwt: { ...mesh.jwt({ audience: 'billing' }), keys: { jwksUri: server.uri } },
    authorize: 'any-authenticated',
    audit: null,
    runtime: { clock: mesh.clock },
  })
  t.after(() => guard.guard.close())
  const app = express()
    .use(guard)
    .get('/', (req, res) => {
      res.send(req.principal?.id)
    })
  const peer = mesh.workload('/orders')
  const request = { peer, token: mesh.token({ audience: 'billing', boundTo: peer }) }
  assert.equal((await inject(app, request)).status, 200)
  assert.equal((await inject(app, request)).status, 200)
  assert.equal(server.requests, 1)
})

test('the meter and the logger see a refusal, and the logger sees no token', async () => {
  const { mesh, meter, logger, codeOf, orders } = setUp()
  const token = mesh.token({ audience: 'shipping', boundTo: orders })
  assert.equal(await codeOf({ peer: orders, token }), 'ERR_TOKEN_AUDIENCE')
  assert.equal(meter.total('service_auth_failed_total', { failure_reason: 'ERR_TOKEN_AUDIENCE' }), 1)
  assert.ok(logger.lines.some(({ level, facts }) => level === 'warn' && facts['code'] === 'ERR_TOKEN_AUDIENCE'))
  for (const part of token.split('.')) assert.equal(logger.toString().includes(part), false)
})

test('a guard refuses a workload that is revoked while its connection is open', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-testing-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const crl = join(folder, 'mesh.crl')
  const [mesh, logger] = [createTestMesh('prod.example'), createTestLogger()]
  mesh.writeCrl(crl)
  const { guard, codeOf } = setUp({
    jwt: null,
    mtls: { trust: mesh.trust, revocation: { crl: { files: [crl] } }, reloadIntervalMs: 10 },
    audit: { logger },
    runtime: { clock: mesh.clock },
  })
  t.after(() => guard.close())
  const workload = mesh.workload('/orders', { intermediate: true })
  const orders = fakeTlsSocket({ peer: workload })
  const billing = fakeTlsSocket({ peer: mesh.workload('/billing', { intermediate: true }) })
  assert.equal(await codeOf({ socket: orders }), undefined)
  assert.equal(await codeOf({ socket: billing }), undefined)
  mesh.revoke(workload)
  mesh.writeCrl(crl)
  await logger.waitFor(({ facts }) => facts['kind'] === 'trust.reloaded')
  assert.equal(await codeOf({ socket: orders }), 'ERR_PEER_REVOKED')
  assert.equal(await codeOf({ socket: billing }), undefined)
})

test('a guard of an in-memory mesh refuses a revoked workload on its next request, days later too', async (t) => {
  const mesh = createTestMesh('prod.example')
  const { guard, codeOf } = setUp({
    jwt: null,
    mtls: { trust: mesh.trust, revocation: { crl: mesh.crls } },
    audit: null,
    runtime: { clock: mesh.clock },
  })
  t.after(() => guard.close())
  const workload = mesh.workload('/orders', { intermediate: true, validSeconds: 30 * 86_400 })
  const orders = fakeTlsSocket({ peer: workload })
  const billing = fakeTlsSocket({ peer: mesh.workload('/billing', { validSeconds: 30 * 86_400 }) })
  assert.equal(await codeOf({ socket: orders }), undefined)
  mesh.revoke(workload)
  assert.equal(await codeOf({ socket: orders }), 'ERR_PEER_REVOKED')
  mesh.clock.advanceSeconds(5 * 86_400)
  assert.equal(await codeOf({ socket: orders }), 'ERR_PEER_REVOKED')
  assert.equal(await codeOf({ socket: billing }), undefined)
})
