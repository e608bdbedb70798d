import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import { test } from 'node:test'
import { limitSessions } from '../dist/session-limit.js'
import { callStream, createBench, listen, openSession } from './fixture.js'

const bench = createBench()
const { mesh, billing } = bench

test('closes a session without open streams once it was idle, and leaves one with an open stream alone', async (t) => {
  const server = createSecureServer({ cert: billing.chainPem, key: billing.keyPem }, (req, res) => {
    if (req.url !== '/stays-open') res.end()
    else res.write('open')
  })
  limitSessions(server, { report: () => assert.fail('nothing to report') }, 100)
  const port = await listen(t, server)
  const [idle, busy] = [await openSession(t, mesh, port, null), await openSession(t, mesh, port, null)]
  await callStream(idle)
  const stream = busy.request({ ':path': '/stays-open' })
  await once(stream, 'data')
  await once(idle, 'close')
  // The busy session timed out as the idle one did.
  await once(await idleAgain(), 'close')
  assert.equal(busy.closed, false)

  async function idleAgain() {
    return openSession(t, mesh, port, null)
  }
})

test('does not mind streams that end well, however many', async (t) => {
  const server = createSecureServer({ cert: billing.chainPem, key: billing.keyPem }, (_req, res) => res.end())
  limitSessions(server, { report: () => assert.fail('nothing to report') })
  const session = await openSession(t, mesh, await listen(t, server), null)
  for (let batch = 0; batch < 30; batch++) await Promise.all(Array.from({ length: 50 }, () => callStream(session)))
  assert.equal(session.destroyed, false)
})
