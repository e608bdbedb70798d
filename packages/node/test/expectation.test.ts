import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { request } from 'node:https'
import { test } from 'node:test'
import { countersign, protectServer, secureHttp2Server, secureServer } from '@countersign/node'
import { createTestRecorder } from '@countersign/testing'
import { listen } from '@countersign-internal/fixture'
import { answerFrom, callPlain, callStream, clientTls, createBench, guardFor, openSession } from './fixture.js'

const bench = createBench()
const { mesh, cert, key, orders } = bench

/** Asks for leave to send a body, and sends it only if that is given. */
async function upload(
  port: number,
  as: typeof orders | null,
): Promise<{ continued: boolean; text: string; code: string | null; connection: string | undefined }> {
  const req = request({
    ...clientTls(mesh, as),
    port,
    method: 'POST',
    headers: { host: 'localhost', expect: '100-continue' },
    agent: false,
  })
  let continued = false
  req.on('continue', () => {
    continued = true
    req.end('the body')
  })
  req.flushHeaders()
  const [response] = (await once(req, 'response')) as [IncomingMessage]
  const chunks: Uint8Array[] = []
  for await (const chunk of response) chunks.push(chunk)
  const { text, code, headers } = answerFrom(response.statusCode ?? 0, response.headers, Buffer.concat(chunks).toString())
  req.destroy()
  return { continued, text, code, connection: headers.connection }
}

test('never tells a refused caller to send its body, and decides an allowed one once', async (t) => {
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder })
  const listener = countersign(guard, async (req: IncomingMessage, res) => {
    let body = ''
    for await (const chunk of req) body += String(chunk)
    res.end(`${guard.principal(req).id} sent ${body}`)
  })
  const port = await listen(t, secureServer({ cert, key, guard }, listener))
  const refused = await upload(port, null)
  assert.deepEqual(refused, { ...refused, continued: false, code: 'ERR_PEER_MISSING', connection: 'close' })
  const allowed = await upload(port, orders)
  assert.deepEqual([allowed.continued, allowed.text], [true, `${orders.id} sent the body`])
  assert.equal(recorder.of('request.allowed').length, 1)
  assert.equal(recorder.of('request.denied').length, 1)
})

test('decides in front of a checkContinue handler of the service', async (t) => {
  const guard = guardFor(t, bench)
  const server = secureServer({ cert, key, guard }, () => {})
  let asked = 0
  server.on('checkContinue', (req, res) => {
    asked++
    assert.equal(guard.principal(req).id, orders.id)
    res.end('no need')
  })
  const port = await listen(t, server)
  assert.equal((await upload(port, null)).code, 'ERR_PEER_MISSING')
  assert.equal(asked, 0)
  assert.deepEqual(await upload(port, orders), { continued: false, text: 'no need', code: null, connection: 'close' })
  assert.equal(asked, 1)
})

test('decides in front of a checkExpectation handler of the service', async (t) => {
  const guard = guardFor(t, bench)
  const server: Server = protectServer(createServer(), guard)
  let asked = 0
  server.on('checkExpectation', () => asked++)
  const port = await listen(t, server)
  const answer = await callPlain({ port, host: '127.0.0.1', headers: { expect: 'miracles' } })
  assert.equal(answer.code, 'ERR_PEER_UNENCRYPTED')
  assert.equal(asked, 0)
})

test('does the same on HTTP/2', async (t) => {
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { audit: recorder })
  const port = await listen(
    t,
    secureHttp2Server({ cert, key, guard }, (req, res) => res.end(guard.principal(req).id)),
  )
  const refused = (await openSession(t, mesh, port, null)).request({ ':method': 'POST', expect: '100-continue' })
  refused.on('continue', () => assert.fail('a refused caller was told to send its body'))
  const [answered] = await once(refused, 'response')
  assert.equal(answered[':status'], 403)
  const session = await openSession(t, mesh, port, orders)
  const allowed = session.request({ ':method': 'POST', expect: '100-continue' })
  await once(allowed, 'continue')
  allowed.end('the body')
  assert.equal((await once(allowed, 'response'))[0][':status'], 200)
  assert.equal(recorder.of('request.allowed').length, 1)
  assert.equal((await callStream(session)).text, orders.id)
})
