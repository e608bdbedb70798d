import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError } from '@countersign/core'
import { type CredentialRequest, verifyCredential } from '@countersign/x509'
import { middle, root } from './chain.js'
import { commonName, san } from './der.js'
import { armor, CLIENT_AUTH, ecKeys, type Forged, forge, forgeCa, NOW_MS, pem, rsaKeys, SERVER_AUTH } from './forge.js'

const ID = 'spiffe://prod.example/orders'
const sans = [san.uri(ID), san.dns('orders.prod.example')]
const good = forge({ issuer: middle, sans })

const keyOf = ({ privateKey }: Forged): string => privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** Code and reason, or the name on the certificate that was found good. */
function judge(leaf: Forged, request: Partial<CredentialRequest> = {}): string {
  const result = verifyCredential({
    certificate: pem(leaf.der, middle.der),
    key: keyOf(leaf),
    anchors: [root.der],
    id: ID,
    time: NOW_MS,
    ...request,
  })
  if (result.valid) return result.certificate.spiffeId ?? result.certificate.sans.dns[0] ?? ''
  return `${result.code} ${result.facts['reason'] ?? ''}`.trim()
}

test('accepts the credential of a service, and hands out its certificate and path', () => {
  assert.equal(judge(good), ID)
  assert.equal(judge(good, { id: 'orders.prod.example' }), ID)
  for (const keys of [rsaKeys(2048), ecKeys('P-384')]) assert.equal(judge(forge({ issuer: middle, sans, keys })), ID)
  const result = verifyCredential({ certificate: pem(good.der, middle.der), key: keyOf(good), anchors: [root.der], id: ID, time: NOW_MS })
  assert.ok(result.valid)
  assert.deepEqual(
    result.path.map(({ subject }) => subject),
    ['CN=leaf', 'CN=middle', 'CN=root'],
  )
})

const own = forge({ sans })
const cut = pem(good.der, middle.der).replace(/\n.{10}/, '\n')
/** What a registration must be refused for, each with a code of its own. */
const broken: readonly (readonly [claim: string, leaf: Forged, code: string, request?: Partial<CredentialRequest>])[] = [
  ['a certificate that cannot be read', good, 'ERR_PEER_UNREADABLE', { certificate: cut }],
  ['a key of another certificate', good, 'ERR_CREDENTIAL_UNREADABLE', { key: keyOf(own) }],
  ['a certificate that has expired', forge({ issuer: middle, sans, validToMs: NOW_MS - 1000 }), 'ERR_PEER_EXPIRED'],
  ['a certificate that is not valid yet', forge({ issuer: middle, sans, validFromMs: NOW_MS + 1000 }), 'ERR_PEER_NOT_YET_VALID'],
  ['a certificate of an unknown CA', good, 'ERR_PEER_UNTRUSTED', { anchors: [forgeCa().der] }],
  ['a certificate for clients alone', forge({ issuer: middle, sans, purposes: [CLIENT_AUTH] }), 'ERR_PEER_PURPOSE'],
  ['a certificate of another service', good, 'ERR_PEER_NAME_NOT_PERMITTED', { id: 'spiffe://prod.example/billing' }],
  ['a self-signed certificate', own, 'ERR_PEER_SELF_SIGNED'],
  ['a CA certificate', forgeCa({ issuer: middle, subject: commonName('ca'), sans, keyUsage: [0x86] }), 'ERR_PEER_IS_CA'],
  ['a key that is too short', forge({ issuer: middle, sans, keys: rsaKeys(1024) }), 'ERR_PEER_WEAK_KEY'],
]

for (const [claim, leaf, code, request] of broken) {
  test(`refuses ${claim} with a code of its own`, () => {
    assert.equal(judge(leaf, request).split(' ')[0], code)
    assert.equal(broken.filter(([, , other]) => other === code).length, 1)
  })
}

test('says what is wrong with a key, and never what is in it', () => {
  const rsa = rsaKeys(2048).privateKey
  const encrypted = rsa.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }).toString()
  assert.equal(judge(good, { key: encrypted }), 'ERR_CREDENTIAL_UNREADABLE key-encrypted')
  assert.equal(judge(good, { key: 'secret' }), 'ERR_CREDENTIAL_UNREADABLE key-unreadable')
  assert.equal(judge(good, { key: keyOf(good) + ' '.repeat(70_000) }), 'ERR_CREDENTIAL_UNREADABLE key-unreadable')
  assert.equal(judge(good, { key: rsa.export({ type: 'pkcs1', format: 'pem' }).toString() }), 'ERR_CREDENTIAL_UNREADABLE key-mismatch')
  assert.equal(judge(good), ID)
})

test('does not take the next certificate for the service’s own where that is damaged or missing', () => {
  const damaged = armor(good.der.subarray(0, -1), 'CERTIFICATE')
  assert.equal(judge(good, { certificate: damaged + pem(good.der) }).split(' ')[0], 'ERR_PEER_UNREADABLE')
  assert.equal(judge(good, { certificate: pem(middle.der, good.der) }), 'ERR_CREDENTIAL_UNREADABLE key-mismatch')
  assert.equal(judge(good, { certificate: armor(good.der, 'X509 CRL') }).split(' ')[0], 'ERR_PEER_UNREADABLE')
  assert.equal(judge(good, { certificate: pem(...Array.from({ length: 18 }, () => good.der)) }).split(' ')[0], 'ERR_PEER_UNREADABLE')
  assert.equal(judge(good, { certificate: pem(good.der) }), 'ERR_PEER_UNTRUSTED')
})

test('takes the name of a service whole, and no wildcard for it', () => {
  const wild = forge({ issuer: middle, sans: [san.dns('*.prod.example'), san.dns('Orders.prod.example')] })
  assert.equal(judge(wild, { id: 'orders.prod.example' }), '*.prod.example')
  assert.equal(judge(wild, { id: 'billing.prod.example' }), 'ERR_PEER_NAME_NOT_PERMITTED no-such-name')
  const two = forge({ issuer: middle, sans: [...sans, san.uri('https://orders.example/')] })
  assert.equal(judge(two), 'ERR_PEER_NAME_NOT_PERMITTED more-than-one-uri')
  for (const id of ['', 'spiffe://prod.example', 'spiffe://PROD.example/orders', '*.prod.example', '192.0.2.1', 'a b']) {
    assert.throws(() => judge(good, { id }), MisuseError)
  }
})

test('asks for the purposes that it is told to ask for', () => {
  const server = forge({ issuer: middle, sans, purposes: [SERVER_AUTH] })
  assert.equal(judge(server), 'ERR_PEER_PURPOSE')
  assert.equal(judge(server, { purposes: ['server'] }), ID)
  assert.throws(() => judge(server, { purposes: [] }), MisuseError)
})
