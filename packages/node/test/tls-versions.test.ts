import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createServer, type Server } from 'node:tls'
import { secureServer, type TlsOptions } from '@countersign/node'
import { createBench, guardFor } from './fixture.js'

const bench = createBench()
const { cert, key, billing } = bench

/** OpenSSL offers nothing below TLS 1.2, and no old cipher, unless it is told to mind no level of security. */
const OLD_TLS = ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']

interface Handshake {
  /** Such as `TLSv1.2`; `null` where no handshake was completed. */
  readonly protocol: string | null
  readonly cipher: string | null
  /** What the server said no with; `null` if it did not. */
  readonly alert: string | null
}

/** The handshake of a client that is not Node's. */
function handshake(port: number, args: readonly string[]): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const client = execFile(
      'openssl',
      ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost', ...args],
      (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== 'number') return reject(error)
        const [, protocol = null, cipher = null] = /^New, (\S+), Cipher is (.+)$/m.exec(stdout) ?? []
        const done = cipher !== '(NONE)' && protocol !== '(NONE)'
        resolve({
          protocol: done ? (/^ *Protocol *: (\S+)$/m.exec(stdout)?.[1] ?? protocol) : null,
          cipher: done ? cipher : null,
          alert: /alert (?:protocol version|handshake failure)/.exec(stderr)?.[0] ?? null,
        })
      },
    )
    client.stdin?.end()
  })
}

async function listen(t: TestContext, server: Server): Promise<number> {
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function listenSecure(t: TestContext, tls: TlsOptions = {}): Promise<number> {
  return listen(
    t,
    secureServer({ cert, key, guard: guardFor(t, bench), tls }, (_req, res) => res.end()),
  )
}

test('refuses TLS 1.1 to a client that offers nothing newer, and takes 1.2 and 1.3', async (t) => {
  // What proves that the client does offer it: a server that minds nothing takes it.
  const lax = createServer({ cert: billing.chainPem, key: billing.keyPem, minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' })
  assert.equal((await handshake(await listen(t, lax), OLD_TLS)).protocol, 'TLSv1.1')

  const port = await listenSecure(t)
  assert.deepEqual(await handshake(port, OLD_TLS), { protocol: null, cipher: null, alert: 'alert protocol version' })
  assert.equal((await handshake(port, ['-tls1_2'])).protocol, 'TLSv1.2')
  assert.equal((await handshake(port, ['-tls1_3'])).protocol, 'TLSv1.3')
})

test('refuses TLS 1.2 where 1.3 alone is allowed', async (t) => {
  const port = await listenSecure(t, { minVersion: 'TLSv1.3' })
  assert.deepEqual(await handshake(port, ['-tls1_2']), { protocol: null, cipher: null, alert: 'alert protocol version' })
  assert.equal((await handshake(port, ['-tls1_3'])).protocol, 'TLSv1.3')
})

test('refuses a cipher that the option leaves out, and takes one that it names', async (t) => {
  const port = await listenSecure(t, { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' })
  const offering = (cipher: string): Promise<Handshake> => handshake(port, ['-tls1_2', '-cipher', cipher])
  assert.deepEqual(await offering('ECDHE-ECDSA-AES128-GCM-SHA256'), { protocol: null, cipher: null, alert: 'alert handshake failure' })
  assert.equal((await offering('ECDHE-ECDSA-AES256-GCM-SHA384')).cipher, 'ECDHE-ECDSA-AES256-GCM-SHA384')
  assert.equal(
    (await offering('ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384')).cipher,
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'the one of both lists',
  )
})

test('refuses anonymous and Camellia ciphers without being told', async (t) => {
  const lax = createServer({ cert: billing.chainPem, key: billing.keyPem, ciphers: 'ALL:@SECLEVEL=0' })
  const laxPort = await listen(t, lax)
  const port = await listenSecure(t)
  for (const cipher of ['AECDH-AES128-SHA', 'ECDHE-ECDSA-CAMELLIA128-SHA256']) {
    const args = ['-tls1_2', '-cipher', `${cipher}:@SECLEVEL=0`]
    assert.equal((await handshake(laxPort, args)).cipher, cipher, 'the client does offer it')
    assert.deepEqual(await handshake(port, args), { protocol: null, cipher: null, alert: 'alert handshake failure' }, cipher)
  }
})
