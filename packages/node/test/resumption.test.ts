import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import type { Source, TrustBundle } from '@countersign/core'
import { countersign, type Guard } from '@countersign/node'
import { listen } from '@countersign-internal/fixture'
import { type Answer, answerFrom, createBench, guardFor, openTls } from './fixture.js'

const bench = createBench()
const { mesh, orders } = bench

/** A server as people write them: Node's own checks, resumption on, ticket keys shared as in a cluster. */
function ownServer(guard: Guard, seen: TLSSocket[], ticketKeys?: Buffer): Server {
  return createServer(
    {
      cert: readFileSync(bench.cert),
      key: readFileSync(bench.key),
      ca: mesh.trustPem,
      requestCert: true,
      rejectUnauthorized: false,
      ...(ticketKeys === undefined ? {} : { ticketKeys }),
    },
    (req, res) => {
      seen.push(req.socket as TLSSocket)
      countersign(guard, (_req, answer) => answer.end('let in'))(req, res)
    },
  )
}

async function callOn(socket: TLSSocket): Promise<Answer> {
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  const chunks: Uint8Array[] = []
  for await (const chunk of socket) chunks.push(chunk)
  const [head = '', text = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n')
  const [status = '', ...fields] = head.split('\r\n')
  const headers = Object.fromEntries(
    fields.map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), field.slice(field.indexOf(':') + 2)]),
  )
  return answerFrom(Number(status.split(' ')[1]), headers, text)
}

/** Calls, takes the session, and calls again on a resumed connection to `secondPort`. */
async function callTwice(
  t: TestContext,
  port: number,
  secondPort: number,
  as: typeof orders | null,
  maxVersion: 'TLSv1.2' | 'TLSv1.3',
  between: () => void | Promise<void> = () => {},
): Promise<{ first: Answer; second: Answer; reused: boolean }> {
  const opened = await openTls(t, mesh, port, as, { maxVersion })
  let session = opened.getSession()
  opened.on('session', (ticket) => {
    session = ticket
  })
  const first = await callOn(opened)
  await between()
  const resumed = await openTls(t, mesh, secondPort, as, { maxVersion, ...(session === undefined ? {} : { session }) })
  const reused = resumed.isSessionReused()
  return { first, second: await callOn(resumed), reused }
}

test('refuses a caller without a certificate on a resumed TLS 1.3 session, whatever the socket says of it', async (t) => {
  const seen: TLSSocket[] = []
  const port = await listen(t, ownServer(guardFor(t, bench), seen))
  const { first, second, reused } = await callTwice(t, port, port, null, 'TLSv1.3')
  assert.equal(reused, true)
  assert.deepEqual([first.code, second.code], ['ERR_PEER_MISSING', 'ERR_PEER_MISSING'])
  // The hole itself (nodejs/node#35317, closed in 24.21 and 26.8), so that this test would fail if it believed the socket.
  const flips = ['20', '22'].includes(process.versions.node.slice(0, 2))
  assert.deepEqual(
    seen.map((socket) => socket.authorized),
    [false, flips],
  )
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`lets a caller in whose ${maxVersion} session was resumed, and judges its certificate again`, async (t) => {
    const seen: TLSSocket[] = []
    const guard = guardFor(t, bench)
    const port = await listen(t, ownServer(guard, seen))
    const [caller, late] = [mesh.workload('/orders', { validSeconds: 600 }), mesh.workload('/orders', { validSeconds: 1200 })]
    const { first, second, reused } = await callTwice(t, port, port, caller, maxVersion, () => mesh.clock.advanceSeconds(500))
    assert.deepEqual([first.status, second.status, reused], [200, 200, true])
    const expiring = await callTwice(t, port, port, late, maxVersion, () => mesh.clock.advanceSeconds(1000))
    assert.deepEqual([expiring.first.status, expiring.second.code, expiring.reused], [200, 'ERR_PEER_EXPIRED', true])
    assert.equal(seen.at(-1)?.authorized, true)
    mesh.clock.advanceSeconds(-1500)
  })

  test(`refuses a certificate on a ${maxVersion} session resumed on another server of the cluster that knows of its revocation`, async (t) => {
    const own = createBench()
    const ticketKeys = randomBytes(48)
    const crl = join(own.folder, 'crl.pem')
    own.mesh.writeCrl(crl)
    const seen: TLSSocket[] = []
    const options = { mtls: { trust: own.mesh.trust, revocation: { crl: { files: [crl] } } } }
    const before = guardFor(t, own, options)
    const serverOf = (guard: Guard): Server =>
      createServer(
        {
          cert: own.billing.chainPem,
          key: own.billing.keyPem,
          ca: own.mesh.trustPem,
          requestCert: true,
          rejectUnauthorized: true,
          ticketKeys,
        },
        (req, res) => {
          seen.push(req.socket as TLSSocket)
          countersign(guard, (_req, answer) => answer.end('let in'))(req, res)
        },
      )
    const port = await listen(t, serverOf(before))
    const opened = await openTls(t, own.mesh, port, own.orders, { maxVersion })
    let session = opened.getSession()
    opened.on('session', (ticket) => {
      session = ticket
    })
    assert.equal((await callOn(opened)).status, 200)

    own.mesh.revoke(own.orders)
    own.mesh.writeCrl(crl)
    const after = guardFor(t, own, options)
    await after.ready()
    const secondPort = await listen(t, serverOf(after))
    const resumed = await openTls(t, own.mesh, secondPort, own.orders, { maxVersion, ...(session === undefined ? {} : { session }) })
    assert.equal(resumed.isSessionReused(), true)
    assert.equal((await callOn(resumed)).code, 'ERR_PEER_REVOKED')
    // Node itself let the revoked certificate in.
    assert.equal(seen.at(-1)?.authorized, true)
  })

  test(`refuses a certificate on a resumed ${maxVersion} session once its anchor is gone`, async (t) => {
    const seen: TLSSocket[] = []
    const bundles = revocableTrust()
    const port = await listen(t, ownServer(guardFor(t, bench, { mtls: { trust: bundles } }), seen, randomBytes(48)))
    const { first, second, reused } = await callTwice(t, port, port, orders, maxVersion, () => bundles.remove())
    assert.deepEqual([first.status, second.code, reused], [200, 'ERR_PEER_UNTRUSTED', true])
    assert.equal(seen.at(-1)?.authorized, true)
  })
}

function revocableTrust(): Source<TrustBundle> & { remove(): void } {
  let epoch = 1
  let removed = false
  return {
    get epoch() {
      return epoch
    },
    get: (trustDomain) => (removed ? undefined : mesh.trust.get(trustDomain)),
    remove() {
      removed = true
      epoch++
    },
  }
}
