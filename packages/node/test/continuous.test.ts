import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Source, TrustBundle } from '@countersign/core'
import { principalSignal, secureHttp2Server, secureServer } from '@countersign/node'
import { createTestMesh, createTestRecorder, type TestMesh } from '@countersign/testing'
import { listen } from '@countersign-internal/fixture'
import { type Answer, call, callStream, createBench, guardFor, keepAliveAgent, openSession } from './fixture.js'

/** The same call twice on one connection: HTTP/1.1 with keep-alive, and an HTTP/2 session. */
const PROTOCOLS = ['http/1.1', 'h2'] as const

function bundleJson(meshes: readonly TestMesh[]): string {
  const keys = meshes.map(({ authority }) => {
    const { raw, publicKey } = new X509Certificate(authority.certificateDer)
    return { use: 'x509-svid', ...publicKey.export({ format: 'jwk' }), x5c: [raw.toString('base64')] }
  })
  return JSON.stringify({ keys })
}

type Bench = ReturnType<typeof createBench>

async function callerOn(
  t: Parameters<typeof listen>[0],
  protocol: (typeof PROTOCOLS)[number],
  bench: Bench,
  changes: Parameters<typeof guardFor>[2],
  as = bench.orders,
): Promise<() => Promise<Answer>> {
  const guard = guardFor(t, bench, changes)
  await guard.ready()
  const options = { cert: bench.cert, key: bench.key, guard }
  const { mesh } = bench
  let connections = 0
  if (protocol === 'h2') {
    const server = secureHttp2Server(options, (req, res) => res.end(guard.principal(req).id))
    const session = await openSession(t, mesh, await listen(t, server), as)
    return () => callStream(session)
  }
  const server = secureServer(options, (req, res) => res.end(guard.principal(req).id))
  server.on('secureConnection', () => connections++)
  const port = await listen(t, server)
  const agent = keepAliveAgent(t, mesh, as)
  return async () => {
    const answer = await call(mesh, port, { agent })
    assert.equal(connections, 1)
    return answer
  }
}

for (const protocol of PROTOCOLS) {
  test(`refuses the next request on an open ${protocol} connection once the certificate has expired`, async (t) => {
    const bench = createBench()
    const send = await callerOn(t, protocol, bench, {}, bench.mesh.workload('/orders', { validSeconds: 600 }))
    assert.equal((await send()).status, 200)
    bench.mesh.clock.advanceSeconds(601 + 30)
    assert.equal((await send()).code, 'ERR_PEER_EXPIRED')
  })

  test(`refuses the next request on an open ${protocol} connection once the certificate is revoked`, async (t) => {
    const bench = createBench()
    const crl = join(bench.folder, 'crl.pem')
    bench.mesh.writeCrl(crl)
    const recorder = createTestRecorder()
    const send = await callerOn(t, protocol, bench, {
      mtls: { trust: bench.mesh.trust, revocation: { crl: { files: [crl] } }, reloadIntervalMs: 10 },
      audit: recorder,
    })
    assert.equal((await send()).status, 200)
    bench.mesh.revoke(bench.orders)
    bench.mesh.writeCrl(crl)
    await recorder.waitFor(({ kind }) => kind === 'trust.reloaded')
    assert.equal((await send()).code, 'ERR_PEER_REVOKED')
  })

  test(`refuses the next request on an open ${protocol} connection once the bundle file has lost its anchor`, async (t) => {
    const bench = createBench()
    const { mesh } = bench
    const file = join(bench.folder, 'bundle.json')
    writeFileSync(file, bundleJson([mesh, createTestMesh('prod.example')]))
    const recorder = createTestRecorder()
    const trust = { trustDomain: mesh.trustDomain, file }
    const send = await callerOn(t, protocol, bench, { mtls: { trust, reloadIntervalMs: 10 }, audit: recorder })
    assert.equal((await send()).status, 200)
    writeFileSync(file, bundleJson([createTestMesh('prod.example')]))
    await recorder.waitFor(({ kind }) => kind === 'trust.reloaded')
    assert.equal((await send()).code, 'ERR_PEER_UNTRUSTED')
  })

  test(`refuses the next request on an open ${protocol} connection once the bundle endpoint has withdrawn its anchor`, async (t) => {
    const bench = createBench()
    const { mesh } = bench
    const server = mesh.workload('/bundles')
    let bundle = bundleJson([mesh])
    const endpoint = createServer({ cert: server.chainPem, key: server.keyPem }, (_, res) => res.end(bundle))
    const url = `https://127.0.0.1:${await listen(t, endpoint)}/`
    const first = join(bench.folder, 'first.json')
    writeFileSync(first, bundle)
    const recorder = createTestRecorder()
    const trust = {
      trustDomain: mesh.trustDomain,
      url,
      profile: 'https_spiffe',
      endpointSpiffeId: server.id,
      bundle: first,
      refreshSeconds: 1,
    } as const
    const send = await callerOn(t, protocol, bench, { mtls: { trust }, audit: recorder })
    assert.equal((await send()).status, 200)
    bundle = bundleJson([createTestMesh('prod.example'), createTestMesh('prod.example')])
    await recorder.waitFor(({ kind, facts }) => kind === 'trust.reloaded' && facts?.['count'] === 2)
    assert.equal((await send()).code, 'ERR_PEER_UNTRUSTED')
  })

  test(`refuses the next request on an open ${protocol} connection once its anchor is no longer trusted`, async (t) => {
    const bench = createBench()
    let current: Source<TrustBundle> = bench.mesh.trust
    const trust: Source<TrustBundle> = {
      get epoch() {
        return current.epoch
      },
      get: (trustDomain) => current.get(trustDomain),
    }
    const send = await callerOn(t, protocol, bench, { mtls: { trust } })
    assert.equal((await send()).status, 200)
    current = { epoch: 2, get: () => undefined }
    assert.equal((await send()).code, 'ERR_PEER_UNTRUSTED')
  })
}

test('tells a handler that streams its answer when the caller stops being true, and why', async (t) => {
  const bench = createBench()
  const guard = guardFor(t, bench)
  const server = secureHttp2Server({ cert: bench.cert, key: bench.key, guard }, (req, res) => {
    res.write('first event')
    const signal = principalSignal(guard, req, res)
    signal.addEventListener('abort', () => res.end(String(signal.reason.code)))
  })
  const session = await openSession(t, bench.mesh, await listen(t, server), bench.orders)
  const stream = session.request({ ':path': '/' })
  const [event] = await once(stream.setEncoding('utf8'), 'data')
  assert.equal(event, 'first event')
  bench.mesh.clock.advanceSeconds(3600 + 31)
  const [goodbye] = await once(stream, 'data')
  assert.equal(goodbye, 'ERR_PEER_EXPIRED')
})
