import assert from 'node:assert/strict'
import { test } from 'node:test'
import { integer, san } from './der.js'
import { armor, DAY_MS, forge, forgeCa, forgeCrl, NOW_MS, pem } from './forge.js'
import { connectionWith, createStage, folder, open, recalled, verdict } from './stage.js'

const root = forgeCa({ validToMs: NOW_MS + 10 * DAY_MS })
const ID = 'spiffe://prod.example/orders'
const trust = { trustDomain: 'prod.example', pem: pem(root.der) }
const old = forge({ issuer: root, sans: [san.uri(ID)], serial: integer(501), validToMs: NOW_MS + DAY_MS })
const renewed = forge({ issuer: root, sans: [san.uri(ID)], serial: integer(502), validToMs: NOW_MS + 3 * DAY_MS })

test('accepts the new certificate of a service beside the old one, and that until it expires', async (t) => {
  const stage = createStage()
  const verifier = open(t, { trust }, stage)
  const [before, after] = [connectionWith(old), connectionWith(renewed)]
  assert.equal(await verdict(verifier, before), ID)
  assert.equal(await verdict(verifier, after), ID)
  assert.equal(recalled(verifier, before), ID)
  stage.nowMs = NOW_MS + 2 * DAY_MS
  assert.equal(recalled(verifier, before), 'ERR_PEER_EXPIRED')
  assert.equal(await verdict(verifier, connectionWith(old)), 'ERR_PEER_EXPIRED')
  assert.equal(recalled(verifier, after), ID)
  assert.equal(await verdict(verifier, connectionWith(renewed)), ID)
})

test('accepts the old certificate of a service until it is revoked, and goes on with the new one', async (t) => {
  const files = folder(t)
  const crl = (...serials: Uint8Array[]): string => files.write('ca.crl', armor(forgeCrl(root, { serials }), 'X509 CRL'))
  const verifier = open(t, { trust, revocation: { crl: { files: [crl()] } } })
  const [before, after] = [connectionWith(old), connectionWith(renewed)]
  assert.equal(await verdict(verifier, before), ID)
  assert.equal(await verdict(verifier, after), ID)
  crl(integer(501))
  assert.equal(verifier.reload(), true)
  assert.equal(await verdict(verifier, before), 'ERR_PEER_REVOKED')
  assert.equal(await verdict(verifier, after), ID)
})
