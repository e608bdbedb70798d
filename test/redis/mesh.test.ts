import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { isRefusal, type Peer, type StateEvent } from '@countersign/core'
import { type AuthMesh, createAuthMesh } from '@countersign/mesh'
import { createTestMesh, createTestRecorder, type Workload } from '@countersign/testing'
import { parseCertificate } from '@countersign/x509'
import { type RedisServer, startRedis } from './redis-server.js'
import { type CLIENT_KINDS, eventually, newName, storeOn } from './stores.js'

const pki = createTestMesh('prod.example')
const orders = pki.workload('/orders')
const billing = pki.workload('/billing')
const SERVICES = { [orders.id]: { mayCall: [billing.id] }, [billing.id]: { mayCall: [orders.id] } }

function peerOf({ id, certificateDer }: Workload): Peer {
  return {
    id,
    identity: { kind: 'spiffe', authority: 'prod.example', value: id },
    spiffeId: id,
    provenance: 'connection',
    certificate: parseCertificate(certificateDer),
    expiresAtMs: Number.POSITIVE_INFINITY,
  }
}

interface Meshes {
  readonly server: RedisServer
  readonly meshes: readonly [AuthMesh, AuthMesh, AuthMesh]
  readonly events: readonly StateEvent[]
}

/** Three processes of a mesh, as far as a store can tell, each with a client, a key and a list of its own. */
async function three(t: TestContext): Promise<Meshes> {
  const server = await startRedis()
  t.after(() => server.stop())
  const name = newName()
  const events: StateEvent[] = []
  const start = async (kind: (typeof CLIENT_KINDS)[number] = 'node-redis'): Promise<AuthMesh> => {
    const store = storeOn(server, { kind, name, whenEmpty: 'new' })
    const mesh = createAuthMesh({
      issuer: 'https://mesh.prod.example',
      services: SERVICES,
      store,
      keys: { algorithm: 'ES256' },
      events: (event) => void events.push(event),
      audit: createTestRecorder(),
    })
    t.after(() => mesh.close())
    await mesh.ready()
    return mesh
  }
  return { server, meshes: [await start('node-redis'), await start('ioredis'), await start('node-redis')], events }
}

async function authenticate(mesh: AuthMesh): Promise<{ readonly token: string; readonly jti: string }> {
  const issued = await mesh.authenticateService({ service: orders.id, peer: peerOf(orders), audience: billing.id })
  assert.equal(issued.status, 'AUTHENTICATED')
  return { token: issued.accessToken, jti: issued.tokenId }
}

async function statusIn(mesh: AuthMesh, token: string): Promise<string> {
  return (await mesh.validateServiceToken(token, { audience: billing.id, peer: peerOf(orders) })).status
}

test('a token that one process has issued is good in the second, and refused in all of them once the third has revoked it', async (t) => {
  const { meshes } = await three(t)
  const [issuing, validating, revoking] = meshes
  const { token, jti } = await authenticate(issuing)
  await eventually(
    () => statusIn(validating, token),
    (status) => status === 'AUTHENTICATED',
  )
  await revoking.revoke({ token: jti }, { reason: 'key-compromise' })
  for (const mesh of meshes)
    await eventually(
      () => statusIn(mesh, token),
      (status) => status === 'REVOKED',
      1_000,
    )
})

test('of a hundred redemptions of one handed session in two processes one is accepted', async (t) => {
  const { meshes } = await three(t)
  const [handing, accepting, third] = meshes
  for (const [self, other] of [
    [orders, billing],
    [billing, orders],
  ] as const)
    assert.equal((await handing.authenticateService({ service: self.id, peer: peerOf(self), audience: other.id })).status, 'AUTHENTICATED')
  const session = await handing.sessions.create({ subject: 'alice', scopes: ['invoices:read'], device: 'd1', location: 'DE' })
  assert.ok('id' in session)
  await eventually(
    async () => {
      const handed = await handing.propagateSession({ session: session.id, from: orders.id, to: billing.id })
      assert.ok('token' in handed)
      const redeemed = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          (i % 2 === 0 ? accepting : third).acceptPropagatedSession(handed.token, { service: billing.id, caller: peerOf(orders) }),
        ),
      )
      const accepted = redeemed.filter((one) => !isRefusal(one)).length
      assert.ok(accepted <= 1)
      return accepted
    },
    (accepted) => accepted === 1,
  )
})

test('a flush of the store undoes no revocation, and what was issued before is good again once the store is rebuilt', async (t) => {
  const { server, meshes } = await three(t)
  const [issuing, validating, revoking] = meshes
  const [good, bad] = [await authenticate(issuing), await authenticate(issuing)]
  await revoking.revoke({ token: bad.jti }, { reason: 'key-compromise' })
  await eventually(
    () => statusIn(validating, good.token),
    (status) => status === 'AUTHENTICATED',
  )
  await server.command('FLUSHALL')
  const seen = new Set<string>()
  await eventually(
    async () => {
      seen.add(await statusIn(validating, bad.token))
      return statusIn(validating, good.token)
    },
    (status) => status === 'UNAUTHORIZED',
  )
  await eventually(
    async () => {
      seen.add(await statusIn(validating, bad.token))
      return statusIn(validating, good.token)
    },
    (status) => status === 'AUTHENTICATED',
    30_000,
  )
  assert.equal(seen.has('AUTHENTICATED'), false)
  assert.equal(await statusIn(validating, bad.token), 'REVOKED')
})

test('events tell of tokens by their ids alone', async (t) => {
  const { meshes, events } = await three(t)
  const { token, jti } = await authenticate(meshes[0])
  await meshes[2].revoke({ token: jti }, { reason: 'key-compromise' })
  await eventually(
    () => events.map(({ topic }) => topic),
    (topics) => topics.includes('auth.service.authenticated') && topics.includes('auth.token.revoked'),
  )
  const text = JSON.stringify(events)
  assert.ok(text.includes(jti))
  for (const part of token.split('.')) assert.equal(text.includes(part), false)
})
