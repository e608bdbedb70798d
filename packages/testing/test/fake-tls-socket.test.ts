import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { createTestMesh, fakeTlsSocket } from '@countersign/testing'

const mesh = createTestMesh('prod.example')

test('the certificate is a real one, with the chain that the client sent', () => {
  const peer = mesh.workload('/orders', { intermediate: true })
  const leaf = fakeTlsSocket({ peer }).getPeerX509Certificate()
  assert.ok(leaf instanceof X509Certificate)
  assert.deepEqual(leaf.raw, Buffer.from(peer.certificateDer))
  assert.ok(leaf.issuerCertificate instanceof X509Certificate)
  assert.ok(leaf.verify(leaf.issuerCertificate.publicKey))
  assert.equal(leaf.issuerCertificate.issuerCertificate, undefined)
  assert.equal(Object(fakeTlsSocket({ peer }).getPeerCertificate()).subjectaltname, 'URI:spiffe://prod.example/orders')
})

test('a resumed session has the leaf alone', () => {
  const socket = fakeTlsSocket({ peer: mesh.workload('/orders', { intermediate: true }), resumed: true })
  assert.equal(socket.isSessionReused(), true)
  assert.ok(socket.getPeerX509Certificate())
  assert.equal(socket.getPeerX509Certificate()?.issuerCertificate, undefined)
})

test('a resumed session without a certificate says that it is authorized, as Node does', () => {
  const resumed = fakeTlsSocket({ peer: null, resumed: true })
  assert.equal(resumed.authorized, true)
  assert.equal(resumed.getPeerX509Certificate(), undefined)
  assert.deepEqual(resumed.getPeerCertificate(), {})
  assert.equal(fakeTlsSocket({ peer: null }).authorized, false)
})

test('an unreadable certificate throws when it is read', () => {
  const socket = fakeTlsSocket({ peer: 'unreadable' })
  assert.throws(() => socket.getPeerX509Certificate(), { code: 'ERR_OSSL_EVP_UNSUPPORTED' })
  assert.throws(() => socket.getPeerCertificate(), { code: 'ERR_OSSL_EVP_UNSUPPORTED' })
})

test('address, server name and encryption are what was asked for', () => {
  const usual = fakeTlsSocket()
  assert.deepEqual([usual.encrypted, usual.remoteAddress, usual.servername, usual._requestCert], [true, '127.0.0.1', false, true])
  const other = fakeTlsSocket({ remoteAddress: '2001:db8::7', serverName: 'billing', certificateRequested: false })
  assert.deepEqual([other.remoteAddress, other.servername, other._requestCert], ['2001:db8::7', 'billing', false])
  assert.equal(fakeTlsSocket({ remoteAddress: null }).remoteAddress, undefined)
  const plain = fakeTlsSocket({ encrypted: false })
  assert.equal(plain.encrypted, false)
  assert.equal('getPeerX509Certificate' in plain, false)
})

test('refuses an unknown option', () => {
  const misspelt: object = { peers: null }
  assert.throws(() => fakeTlsSocket(misspelt), { code: 'ERR_OPTION_UNKNOWN' })
})

test('a server takes it as a connection of its own', async () => {
  const server = createServer()
  const socket = fakeTlsSocket()
  const connected = once(server, 'connection')
  server.emit('connection', socket)
  const [seen] = await connected
  assert.equal(seen, socket)
  socket.destroy()
})
