import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestMesh, type JwksServer, startJwksServer } from '@countersign/testing'

const { signer } = createTestMesh()

test('serves the keys as they are now and counts who asks', async (t) => {
  const server = await start(t)
  assert.deepEqual(await (await fetch(server.uri)).json(), signer.jwks())
  signer.rotate()
  assert.deepEqual(await (await fetch(server.uri)).json(), signer.jwks())
  assert.equal(server.requests, 2)
})

test('fails in each way that it is told to', async (t) => {
  const server = await start(t)
  const answer = async (mode: JwksServer['mode']) => {
    server.mode = mode
    const response = await fetch(server.uri, { redirect: 'manual' })
    return [response.status, await response.text()] as const
  }
  assert.equal((await answer('unavailable'))[0], 503)
  assert.equal((await answer('redirect'))[0], 302)
  assert.deepEqual(await answer('malformed'), [200, '<html>'])
  assert.deepEqual(await answer('no-keys'), [200, '{"keys":{}}'])
  assert.ok((await answer('oversize'))[1].length > 8_000_000)
  await assert.rejects(answer('disconnect'))
  assert.equal((await answer('ok'))[0], 200)
})

test('holds answers back until the mode changes', async (t) => {
  const server = await start(t)
  server.mode = 'slow'
  const abandoned = new AbortController()
  const given = fetch(server.uri, { signal: abandoned.signal })
  const kept = fetch(server.uri)
  while (server.requests < 2) await new Promise((resolve) => setImmediate(resolve))
  abandoned.abort()
  await assert.rejects(given)
  server.mode = 'ok'
  assert.equal((await kept).status, 200)
})

test('closes with connections open, and closes twice', async () => {
  const server = await startJwksServer(signer)
  server.mode = 'slow'
  const held = assert.rejects(fetch(server.uri))
  while (server.requests === 0) await new Promise((resolve) => setImmediate(resolve))
  await server.close()
  await held
  await server.close()
})

async function start(t: { after(work: () => Promise<void>): void }): Promise<JwksServer> {
  const server = await startJwksServer(signer)
  t.after(() => server.close())
  return server
}
