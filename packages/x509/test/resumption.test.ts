import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import * as tls from 'node:tls'
import type { Connection } from '@countersign/core'
import { commonName, integer, san } from './der.js'
import { DAY_MS, type Forged, forge, forgeCa, forgeCrl, pem } from './forge.js'
import { connectionOf, createStage, folder, open, verdict } from './stage.js'

const NOW = Date.now()
const VALID = { validFromMs: NOW - DAY_MS, validToMs: NOW + DAY_MS }
const ID = 'spiffe://prod.example/orders'
const root = forgeCa(VALID)
const SERIAL = integer(0xbeef)
const server = forge({ ...VALID, issuer: root, subject: commonName('localhost'), sans: [san.dns('localhost')] })
const orders = forge({ ...VALID, issuer: root, serial: SERIAL, sans: [san.uri(ID)] })

const credential = ({ der, privateKey }: Forged): { cert: string; key: string } => ({
  cert: pem(der),
  key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
})

/** What the wire reader of a server does, as little of it as these tests need. */
function connectionFrom(socket: tls.TLSSocket): Connection {
  const leaf = socket.getPeerX509Certificate()?.raw
  const presented = leaf === undefined ? ({ kind: 'none' } as const) : ({ kind: 'certificate', leaf, intermediates: [] } as const)
  return connectionOf(presented, { resumed: socket.isSessionReused() })
}

interface Handshake {
  readonly socket: tls.TLSSocket
  readonly connection: Connection
  /** Of a full handshake: what to resume it with. */
  readonly session: Promise<Buffer>
}

async function listen(t: TestContext, options: tls.TlsOptions): Promise<(client: tls.ConnectionOptions) => Promise<Handshake>> {
  const listener = tls.createServer({ ...credential(server), ca: pem(root.der), requestCert: true, rejectUnauthorized: false, ...options })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const opened: tls.TLSSocket[] = []
  t.after(() => {
    for (const socket of opened) socket.destroy()
    listener.close()
  })
  return async (client) => {
    const accepted = once(listener, 'secureConnection')
    const peer = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: pem(root.der), ...client })
    peer.resume()
    const session = new Promise<Buffer>((resolve) => peer.once('session', resolve))
    const [socket] = (await accepted) as [tls.TLSSocket]
    opened.push(peer, socket)
    return { socket, connection: connectionFrom(socket), session }
  }
}

test('finds nobody on a resumed TLS 1.3 connection that never had a certificate, though Node may call it authorized', async (t) => {
  const connect = await listen(t, { minVersion: 'TLSv1.3' })
  const verifier = open(t, { trust: { trustDomain: 'prod.example', pem: pem(root.der) } }, createStage(NOW))
  const first = await connect({})
  const second = await connect({ session: await first.session })
  assert.equal(second.connection.resumed, true)
  assert.equal(await verdict(verifier, first.connection), null)
  assert.equal(await verdict(verifier, second.connection), null)
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`refuses a revoked certificate on a connection resumed with shared ticket keys: ${version}`, async (t) => {
    const files = folder(t)
    const times = { thisUpdateMs: NOW - DAY_MS, nextUpdateMs: NOW + DAY_MS }
    const file = files.write('ca.crl', forgeCrl(root, times))
    const options = { trust: { trustDomain: 'prod.example', pem: pem(root.der) }, revocation: { crl: { files: [file] } } }
    const ticketKeys = randomBytes(48)
    const range = { minVersion: version, maxVersion: version }
    const before = await listen(t, { ticketKeys, ...range })
    const first = await before(credential(orders))
    assert.equal(await verdict(open(t, options, createStage(NOW)), first.connection), ID)

    const revoking = forgeCrl(root, { ...times, serials: [SERIAL] })
    files.write('ca.crl', revoking)
    const crl = `-----BEGIN X509 CRL-----\n${Buffer.from(revoking).toString('base64')}\n-----END X509 CRL-----\n`
    const after = await listen(t, { ticketKeys, crl, ...range })
    const resumed = await after({ ...credential(orders), session: await first.session })
    assert.deepEqual([resumed.connection.resumed, resumed.socket.authorized], [true, true])
    assert.equal(await verdict(open(t, options, createStage(NOW)), resumed.connection), 'ERR_PEER_REVOKED')
  })
}

test('refuses an expired certificate on a resumed connection', async (t) => {
  const connect = await listen(t, {})
  const stage = createStage(NOW)
  const verifier = open(t, { trust: { trustDomain: 'prod.example', pem: pem(root.der) } }, stage)
  const first = await connect(credential(orders))
  assert.equal(await verdict(verifier, first.connection), ID)
  const resumed = await connect({ ...credential(orders), session: await first.session })
  stage.nowMs = NOW + 2 * DAY_MS
  assert.deepEqual([resumed.connection.resumed, resumed.socket.authorized], [true, true])
  assert.equal(await verdict(verifier, resumed.connection), 'ERR_PEER_EXPIRED')
})
