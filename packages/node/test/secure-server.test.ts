import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { MisuseError } from '@countersign/core'
import { secureHttp2Server, secureServer } from '@countersign/node'
import { createTestRecorder } from '@countersign/testing'
import { listen } from '@countersign-internal/fixture'
import { call, createBench, guardFor, openTls, serverWorkload } from './fixture.js'

const bench = createBench()
const { mesh, cert, key, orders } = bench

test('decides every request of a listener that no guard was put in front of', async (t) => {
  const guard = guardFor(t, bench)
  let handled = 0
  const server = secureServer({ cert, key, guard }, (req, res) => {
    handled++
    res.end(`hello ${guard.principal(req).id}`)
  })
  const port = await listen(t, server)
  assert.equal((await call(mesh, port, { as: orders })).text, `hello ${orders.id}`)
  const refused = await call(mesh, port)
  assert.deepEqual([refused.status, refused.code], [403, 'ERR_PEER_MISSING'])
  assert.equal(handled, 1)
})

test('covers listeners that are added later', async (t) => {
  const guard = guardFor(t, bench)
  const server = secureServer({ cert, key, guard }, () => {})
  let handled = 0
  server.on('request', () => handled++)
  const port = await listen(t, server)
  assert.equal((await call(mesh, port)).code, 'ERR_PEER_MISSING')
  assert.equal(handled, 0)
})

test('asks for no certificate where the guard looks at none', async (t) => {
  const guard = guardFor(t, bench, {
    mtls: null,
    jwt: mesh.jwt({ audience: 'billing', binding: 'if-bound' }),
    authorize: 'any-authenticated',
  })
  const server = secureServer({ cert, key, guard }, (req, res) => res.end(guard.principal(req).id))
  const port = await listen(t, server)
  const headers = { authorization: `Bearer ${mesh.token({ audience: 'billing' })}` }
  assert.equal((await call(mesh, port, { headers })).text, 'spiffe://prod.example/test')
  assert.equal((await call(mesh, port)).code, 'ERR_TOKEN_MISSING')
  const { stdout } = await openssl(port)
  assert.match(stdout, /No client certificate CA names sent/)
})

test('names the trust anchors of the guard in its certificate request, and the new ones once they changed', async (t) => {
  const trust = join(bench.folder, 'trust.pem')
  writeFileSync(trust, mesh.trustPem)
  const recorder = createTestRecorder()
  const guard = guardFor(t, bench, { mtls: { trust, reloadIntervalMs: 10 }, audit: recorder })
  const port = await listen(
    t,
    secureServer({ cert, key, guard }, (_req, res) => res.end()),
  )
  assert.match((await openssl(port)).stdout, /Acceptable client certificate CA names\n.*Root of prod\.example\nRequested/)

  const other = (await import('@countersign/testing')).createTestMesh('other.example')
  writeFileSync(`${trust}.new`, mesh.trustPem + other.trustPem)
  renameSync(`${trust}.new`, trust)
  await recorder.waitFor(({ kind }) => kind === 'trust.reloaded')
  assert.match((await openssl(port)).stdout, /Acceptable client certificate CA names\n.*Root of prod\.example\n.*Root of other\.example/)
})

test('takes TLS 1.2 and 1.3, nothing older, and 1.3 alone where that is said', async (t) => {
  const guard = guardFor(t, bench)
  const server = secureServer({ cert, key, guard }, (_req, res) => res.end())
  const strict = secureServer({ cert, key, guard, tls: { minVersion: 'TLSv1.3' } }, (_req, res) => res.end())
  const [port, strictPort] = [await listen(t, server), await listen(t, strict)]
  assert.equal((await openTls(t, mesh, port, orders, { maxVersion: 'TLSv1.2' })).getProtocol(), 'TLSv1.2')
  assert.equal((await openTls(t, mesh, port, orders)).getProtocol(), 'TLSv1.3')
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const
  await assert.rejects(openTls(t, mesh, port, orders, old), { code: /PROTOCOL|ECONNRESET/ })
  await assert.rejects(openTls(t, mesh, strictPort, orders, { maxVersion: 'TLSv1.2' }), { code: /PROTOCOL|ECONNRESET/ })
})

test('does not renegotiate', async (t) => {
  const port = await listen(
    t,
    secureServer({ cert, key, guard: guardFor(t, bench) }, (_req, res) => res.end()),
  )
  const socket = await openTls(t, mesh, port, orders, { maxVersion: 'TLSv1.2' })
  const error = await new Promise((resolve) => {
    socket.renegotiate({}, resolve)
    socket.once('error', resolve)
  })
  assert.match(String(error), /no[ _]renegotiation/i)
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`resumes no ${maxVersion} session unless resumption is allowed`, async (t) => {
    const guard = guardFor(t, bench)
    const strict = await listen(
      t,
      secureServer({ cert, key, guard }, (_req, res) => res.end()),
    )
    const resuming = await listen(
      t,
      secureServer({ cert, key, guard, resumption: true }, (_req, res) => res.end()),
    )

    async function resumed(port: number): Promise<boolean> {
      const first = await openTls(t, mesh, port, orders, { maxVersion })
      let session = first.getSession()
      first.on('session', (ticket) => {
        session = ticket
      })
      // The tickets of TLS 1.3 come with the first data at the latest.
      first.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await once(first, 'data')
      const second = await openTls(t, mesh, port, orders, { maxVersion, ...(session === undefined ? {} : { session }) })
      return second.isSessionReused()
    }

    assert.equal(await resumed(strict), false)
    assert.equal(await resumed(resuming), true)
  })
}

test('gives new connections a new certificate, keeps the old one while only half of the pair is there, and says so', async (t) => {
  const own = createBench()
  const recorder = createTestRecorder()
  const guard = guardFor(t, own, { audit: recorder })
  const port = await listen(
    t,
    secureServer({ cert: own.cert, key: own.key, guard }, (_req, res) => res.end('ok')),
  )
  const serial = async (): Promise<string> =>
    (await openTls(t, own.mesh, port, own.orders)).getPeerX509Certificate()?.serialNumber.toLowerCase() ?? ''
  const open = await openTls(t, own.mesh, port, own.orders)
  assert.equal(await serial(), own.billing.serialNumber.padStart((await serial()).length, '0'))

  const renewed = serverWorkload(own.mesh)
  writeFileSync(`${own.cert}.new`, renewed.chainPem)
  renameSync(`${own.cert}.new`, own.cert)
  const failed = await recorder.waitFor(({ kind }) => kind === 'credential.reload-failed')
  assert.equal(failed.code, 'ERR_CREDENTIAL_UNREADABLE')
  assert.match(String(failed.facts['reason']), /^key: is not the key of the first certificate in cert/)
  assert.equal(failed.facts['file'], own.key)
  assert.equal(recorder.of('credential.reloaded').length, 0)
  assert.ok((await serial()).endsWith(own.billing.serialNumber))

  writeFileSync(`${own.key}.new`, renewed.keyPem)
  renameSync(`${own.key}.new`, own.key)
  const reloaded = await recorder.waitFor(({ kind }) => kind === 'credential.reloaded')
  assert.ok(renewed.serialNumber.endsWith(String(reloaded.facts['serialNumber']).replace(/^0+/, '')))
  assert.ok((await serial()).endsWith(renewed.serialNumber))

  open.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  const [answer] = await once(open, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 200 /)
})

test('looks at its files no longer once it is closed', async (t) => {
  const own = createBench()
  const [recorder, openRecorder] = [createTestRecorder(), createTestRecorder()]
  const closed = secureServer({ cert: own.cert, key: own.key, guard: guardFor(t, own, { audit: recorder }) }, () => {})
  const port = await listen(
    t,
    secureServer({ cert: own.cert, key: own.key, guard: guardFor(t, own, { audit: openRecorder }) }, () => {}),
  )
  assert.ok(port > 0)
  closed.close()
  const renewed = serverWorkload(own.mesh)
  writeFileSync(own.cert, renewed.chainPem)
  writeFileSync(own.key, renewed.keyPem)
  await openRecorder.waitFor(({ kind }) => kind === 'credential.reloaded')
  assert.deepEqual(
    recorder.events.filter(({ kind }) => kind.startsWith('credential.')),
    [],
  )
})

test('refuses a pair that does not match, a file that is not there, and PEM text in place of a path, naming the option', (t) => {
  const guard = guardFor(t, bench)
  const listener = (): void => {}
  const strangerKey = join(bench.folder, 'stranger-key.pem')
  writeFileSync(strangerKey, orders.keyPem)
  const notPem = join(bench.folder, 'not.pem')
  writeFileSync(notPem, 'nothing')
  const misuse =
    (option: string, code: MisuseError['code'] = 'ERR_CREDENTIAL_UNREADABLE') =>
    (error: unknown) =>
      error instanceof MisuseError && error.code === code && error.option === option
  assert.throws(() => secureServer({ cert, key: strangerKey, guard }, listener), misuse('key'))
  assert.throws(() => secureServer({ cert: notPem, key, guard }, listener), misuse('cert'))
  assert.throws(() => secureServer({ cert, key: notPem, guard }, listener), misuse('key'))
  assert.throws(() => secureServer({ cert: join(bench.folder, 'gone.pem'), key, guard }, listener), misuse('cert'))
  assert.throws(() => secureServer({ cert, key: join(bench.folder, 'gone.pem'), guard }, listener), misuse('key'))
  assert.throws(() => secureServer({ cert: bench.billing.certificatePem, key, guard }, listener), misuse('cert'))
  assert.throws(
    () => secureServer({ cert, key: bench.billing.keyPem, guard }, listener),
    (error) => !String(error).includes('PRIVATE KEY'),
  )
  assert.throws(
    () => secureServer({ cert, key, guard, tls: { ciphers: 'NO-SUCH-CIPHER' } }, listener),
    misuse('tls.ciphers', 'ERR_OPTION_INVALID'),
  )
  assert.throws(
    () => secureServer({ cert, key, guard, handshakeTimeoutMs: 0 }, listener),
    misuse('handshakeTimeoutMs', 'ERR_OPTION_INVALID'),
  )
  assert.throws(
    () => secureServer({ cert, key, guard, headersTimeoutMs: 5000, requestTimeoutMs: 1000 }, listener),
    misuse('headersTimeoutMs', 'ERR_OPTION_CONTRADICTION'),
  )
  assert.throws(
    () => secureHttp2Server({ cert, key, guard, ...{ rejectUnauthorized: false } }, listener),
    misuse('rejectUnauthorized', 'ERR_OPTION_UNKNOWN'),
  )
})

test('says where trust anchors belong, to who gives them to the server', (t) => {
  const options = { cert, key, guard: guardFor(t, bench), ca: 'ca.pem' }
  assert.throws(() => secureServer(options, () => {}), {
    code: 'ERR_OPTION_UNKNOWN',
    option: 'ca',
    message: /trust anchors are in the guard: mtls\.trust/,
  })
})

test('refuses to serve without a listener, which would leave every request unanswered', (t) => {
  const guard = guardFor(t, bench)
  for (const [name, make] of Object.entries({ secureServer, secureHttp2Server })) {
    assert.throws(() => Reflect.apply(make, undefined, [{ cert, key, guard }]), {
      name: 'MisuseError',
      code: 'ERR_OPTION_MISSING',
      option: 'listener',
      message: new RegExp(`must be given: ${name}\\(\\{ … \\}, app\\)`),
    })
  }
})

function openssl(port: number): Promise<{ stdout: string }> {
  const client = promisify(execFile)(
    'openssl',
    ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost', '-brief', '-state'].filter(
      (word) => word !== '-brief' && word !== '-state',
    ),
  )
  client.child.stdin?.end()
  return client.catch((error: { stdout: string }) => error)
}
