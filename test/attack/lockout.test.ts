import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { Agent } from 'node:https'
import { test } from 'node:test'
import type { Inbound, TrustBundle } from '@countersign/core'
import { createGuard } from '@countersign/guard'
import { createDevAuthority, createSelfSigned } from '@countersign/issuer'
import { createMemoryQuotaStore } from '@countersign/limit'
import { createTestClock, createTestMesh, createTestMeter, fakeInbound } from '@countersign/testing'
import { createPeerVerifier } from '@countersign/x509'
import { createArena, send, serve } from './harness.js'

const HOUR_MS = 3_600_000

test('strangers who fail do not keep a proven caller of their address from connecting again', async (t) => {
  const arena = createArena(t)
  const orders = arena.mesh.workload('/orders')
  const guard = createGuard({ mtls: { trust: arena.mesh.trust }, jwt: null, authorize: [orders.id], audit: null })
  const port = await serve(t, arena, guard)
  assert.equal((await send(port, { credential: orders })).status, 200)
  const stranger = createSelfSigned({ spiffeId: orders.id })
  for (let failure = 0; failure < 25; failure++) await send(port, { credential: stranger })
  assert.equal((await send(port, { credential: stranger })).status, 429)
  assert.equal((await send(port, { credential: orders })).status, 200)
})

test('requests that were under way when their token expired do not keep its holder from coming with the next one', async (t) => {
  const arena = createArena(t)
  const { mesh } = arena
  const orders = mesh.workload('/orders')
  const guard = createGuard({
    mtls: { trust: mesh.trust },
    jwt: mesh.jwt({ audience: 'billing' }),
    authorize: [orders.id],
    audit: null,
    runtime: { clock: mesh.clock },
  })
  const port = await serve(t, arena, guard)
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const sendWith = (token: string) => send(port, { credential: orders, agent, headers: { authorization: `Bearer ${token}` } })
  const old = mesh.token({ audience: 'billing', boundTo: orders, expiresInSeconds: 60 })
  assert.equal((await sendWith(old)).status, 200)
  mesh.clock.advanceSeconds(100)
  for (let late = 0; late < 30; late++) await sendWith(old)
  assert.equal((await sendWith(mesh.token({ audience: 'billing', boundTo: orders }))).status, 200)
})

test('a clock that is set right again locks nobody out whose certificate it took for expired', async (t) => {
  const arena = createArena(t)
  const { mesh } = arena
  const orders = mesh.workload('/orders')
  const guard = createGuard({
    mtls: { trust: mesh.trust },
    jwt: null,
    authorize: [orders.id],
    limit: null,
    audit: null,
    runtime: { clock: mesh.clock },
  })
  const port = await serve(t, arena, guard)
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  assert.equal((await send(port, { credential: orders, agent })).status, 200)
  mesh.clock.advanceSeconds(86_400)
  assert.equal((await send(port, { credential: orders, agent })).code, 'ERR_PEER_EXPIRED')
  mesh.clock.advanceSeconds(-86_400)
  assert.equal((await send(port, { credential: orders, agent })).status, 200)
  assert.equal((await send(port, { credential: orders })).status, 200)
})

test('a clock that is set back by an hour does not stop quotas and failure budgets for an hour', async (t) => {
  const store = createMemoryQuotaStore()
  const take = (nowMs: number) => store.take([{ key: 'orders', intervalMs: 10, burst: 200, cost: 1 }], nowMs)[0]?.allowed
  assert.equal(take(2 * HOUR_MS), true)
  take(HOUR_MS)
  assert.equal(take(HOUR_MS + 3000), true)

  const arena = createArena(t)
  const { mesh } = arena
  const guard = createGuard({
    mtls: { trust: mesh.trust },
    jwt: null,
    authorize: 'any-authenticated',
    audit: null,
    runtime: { clock: mesh.clock },
  })
  const port = await serve(t, arena, guard)
  await send(port, { credential: createSelfSigned({ spiffeId: 'spiffe://prod.example/evil' }) })
  mesh.clock.advanceSeconds(-3600)
  await send(port, { credential: mesh.workload('/orders') })
  mesh.clock.advanceSeconds(120)
  assert.equal((await send(port, { credential: mesh.workload('/orders') })).status, 200)
})

test('what one connection of a leaf cannot prove any more does not keep another out that brings a better chain', async () => {
  const before = createDevAuthority({ name: 'Root of before', trustDomain: 'prod.example' })
  const after = createDevAuthority({ name: 'Root of after', trustDomain: 'prod.example' })
  const issuing = before.issueAuthority({ name: 'Issuing' })
  const crossSigned = after.issueAuthority({ name: 'Issuing', key: createPrivateKey(issuing.keyPem) })
  const leaf = issuing.issue({ spiffeId: 'spiffe://prod.example/orders' })
  let bundle: TrustBundle = { trustDomain: 'prod.example', anchors: [before.certificateDer] }
  const trust = { epoch: 1, get: () => bundle }
  const verifier = createPeerVerifier({ trust }, surroundings())
  const old = inboundOf(leaf.certificateDer, [issuing.certificateDer])
  assert.ok(isPeer(await verifier.verify(old)))
  bundle = { trustDomain: 'prod.example', anchors: [after.certificateDer] }
  trust.epoch = 2
  assert.ok(!isPeer(await verifier.verify(old)))
  assert.ok(isPeer(await verifier.verify(inboundOf(leaf.certificateDer, [crossSigned.certificateDer]))))
})

test('a bundle of another trust domain vouches for nobody of ours, whoever has been verified before', async () => {
  const [ours, theirs] = [createTestMesh('prod.example'), createTestMesh('partner.example')]
  const trust = { epoch: 1, get: (domain: string) => ours.trust.get(domain) ?? theirs.trust.get(domain) }
  const verifier = createPeerVerifier({ trust }, surroundings())
  const orders = ours.workload('/orders', { intermediate: true })
  assert.ok(isPeer(await verifier.verify(inboundOf(orders.certificateDer, orders.chainDer.slice(1)))))
  const forged = theirs.authority.issueAuthority({ name: 'Intermediate of prod.example' }).issue({ spiffeId: orders.id })
  assert.ok(!isPeer(await verifier.verify(inboundOf(forged.certificateDer, [...forged.chainDer.slice(1), ...orders.chainDer.slice(1)]))))
})

function surroundings() {
  const recorder = { wants: () => false, record: () => true, close: async () => {} }
  return { clock: createTestClock(), recorder, meter: createTestMeter(), fetch }
}

function isPeer(finding: object | null): boolean {
  return finding !== null && !('refused' in finding)
}

function inboundOf(leaf: Uint8Array, intermediates: readonly Uint8Array[]): Inbound {
  return fakeInbound({ presented: { kind: 'certificate', leaf, intermediates } })
}
