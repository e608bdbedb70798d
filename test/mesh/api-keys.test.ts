import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { countersign, createGuard } from '@countersign/express'
import { createAuthMesh } from '@countersign/mesh'
import { createMemoryStateStore } from '@countersign/state'
import { createTestRecorder } from '@countersign/testing'
import { createApiKey } from '@countersign/token'
import express from 'express'

const hashKey = randomBytes(32)
const BATCH = 'batch'

/** A process whose guard takes API keys that the mesh can revoke, as docs/guides/api-keys.md has it. */
async function start(
  t: TestContext,
  store: ReturnType<typeof createMemoryStateStore>,
  records: readonly ReturnType<typeof createApiKey>[],
) {
  const mesh = createAuthMesh({
    issuer: 'https://mesh.prod.example',
    services: { 'spiffe://prod.example/ledger': { mayCall: [] } },
    store,
    keys: { algorithm: 'ES256' },
    audit: null,
  })
  await mesh.ready()
  const recorder = createTestRecorder()
  const guard = createGuard({
    mtls: null,
    jwt: null,
    apiKeys: { keys: records.map(({ record }) => record), hashKey, revocation: { list: mesh.revocations } },
    authorize: [{ callers: { issuer: 'api-keys', subject: BATCH } }],
    audit: recorder,
  })
  const app = express()
  app.use(countersign(guard))
  app.get('/', (_, res) => void res.json({}))
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  async function stop(): Promise<void> {
    agent.destroy()
    server.close()
    await Promise.all([guard.close(), mesh.close()])
  }
  t.after(stop)
  return {
    mesh,
    recorder,
    stop,
    async call(key: string) {
      const { port } = server.address() as AddressInfo
      const sent = request({ port, host: '127.0.0.1', agent, headers: { 'x-api-key': key } })
      sent.end()
      const [res] = await once(sent, 'response')
      let text = ''
      for await (const chunk of res) text += chunk
      return { status: res.statusCode, code: JSON.parse(text).code, localPort: sent.socket?.localPort }
    },
  }
}

test('a key that the mesh revokes ends on its open connection, in each process, and after a restart', async (t) => {
  const store = createMemoryStateStore()
  const [key, other] = [createApiKey({ owner: BATCH, hashKey }), createApiKey({ owner: BATCH, hashKey })]
  const [one, two] = [await start(t, store, [key, other]), await start(t, store, [key, other])]
  const first = await one.call(key.text)
  assert.deepEqual([first.status, (await two.call(key.text)).status], [200, 200])

  assert.deepEqual(await one.mesh.revoke({ key: key.record.id }, { reason: 'credential-leak' }), { kind: 'key', isStored: true })
  const then = await one.call(key.text)
  assert.deepEqual([then.status, then.code, then.localPort], [401, 'ERR_API_KEY_REVOKED', first.localPort])
  assert.equal((await one.call(other.text)).status, 200)
  const [denial] = one.recorder.of('request.denied')
  assert.deepEqual([denial?.facts['apiKeyId'], denial?.facts['owner']], [key.record.id, BATCH])
  await two.mesh.ready()
  assert.equal((await two.call(key.text)).code, 'ERR_API_KEY_REVOKED')

  await Promise.all([one.stop(), two.stop()])
  const anew = await start(t, store, [key, other])
  assert.deepEqual([(await anew.call(key.text)).code, (await anew.call(other.text)).status], ['ERR_API_KEY_REVOKED', 200])
})
