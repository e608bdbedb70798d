import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants, createSecureServer } from 'node:http2'
import { test } from 'node:test'
import { countersign } from '@countersign/node'
import { listen } from '@countersign-internal/fixture'
import { limitSessions } from '../dist/session-limit.js'
import { callStream, createBench, guardFor, openSession } from './fixture.js'

const bench = createBench()
const { mesh, billing } = bench
const QUIET = { report: () => assert.fail('nothing to report') }

test('closes a session without open streams once it was idle, and leaves one with an open stream alone', async (t) => {
  const server = createSecureServer({ cert: billing.chainPem, key: billing.keyPem }, (req, res) => {
    if (req.url !== '/stays-open') res.end()
    else res.write('open')
  })
  limitSessions(server, QUIET, { idleTimeoutMs: 100, stallIntervalMs: 60_000 })
  const port = await listen(t, server)
  const [idle, busy] = [await openSession(t, mesh, port, null), await openSession(t, mesh, port, null)]
  await callStream(idle)
  const stream = busy.request({ ':path': '/stays-open' })
  await once(stream, 'data')
  await once(idle, 'close')
  // The busy session timed out as the idle one did.
  await once(await openSession(t, mesh, port, null), 'close')
  assert.equal(busy.closed, false)
})

test('does not mind streams that end well, however many', async (t) => {
  const server = createSecureServer({ cert: billing.chainPem, key: billing.keyPem }, (_req, res) => res.end())
  limitSessions(server, QUIET)
  const session = await openSession(t, mesh, await listen(t, server), null)
  for (let batch = 0; batch < 30; batch++) await Promise.all(Array.from({ length: 50 }, () => callStream(session)))
  assert.equal(session.destroyed, false)
})

test('drops a denial that its client does not read, and no answer of the service, however slowly it is read', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const guard = guardFor(t, bench, { routes: [{ path: '/public', require: 'none' }] })
  const server = createSecureServer(
    { cert: billing.chainPem, key: billing.keyPem, ca: mesh.trustPem, requestCert: true, rejectUnauthorized: false },
    countersign(guard, (_req, res) => res.end('x'.repeat(1000))),
  )
  limitSessions(server, guard, { idleTimeoutMs: 60_000, stallIntervalMs: 1000 })
  const session = await openSession(t, mesh, await listen(t, server), null, { settings: { initialWindowSize: 100 } })
  const [denied, slow] = [session.request({ ':path': '/' }), session.request({ ':path': '/public' })]
  for (const stream of [denied, slow]) stream.on('error', () => {}).pause()
  assert.deepEqual(
    (await Promise.all([once(denied, 'response'), once(slow, 'response')])).map(([headers]) => headers[':status']),
    [403, 200],
  )
  const closed = new Promise((resolve) => denied.once('close', resolve))
  let read = 0
  for await (const chunk of slow) {
    t.mock.timers.tick(1000)
    read += chunk.length
  }
  await closed
  assert.equal(denied.rstCode, constants.NGHTTP2_CANCEL)
  assert.equal(read, 1000)
})
