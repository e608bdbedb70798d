import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDevAuthority, crlDistributionPointsExtension } from '@countersign/issuer'
import { openssl } from './openssl.js'

for (const key of ['ec', 'rsa', 'ed25519'] as const) {
  test(`openssl verifies a CRL signed with ${key} and refuses the revoked leaf by it`, (t) => {
    const authority = createDevAuthority({ key, rsaBits: 2048 })
    const revoked = authority.issue({ dns: ['orders'] })
    const sound = authority.issue({ dns: ['orders'] })
    const list = authority.revocationList({ revoked: [{ serialNumber: revoked.serialNumber, reason: 'keyCompromise' }], number: 300 })
    const files = { ca: authority.certificatePem, list, sound: sound.certificatePem, revoked: revoked.certificatePem }
    const check = (leaf: string) => openssl(t, ['verify', '-crl_check', '-CAfile', 'ca', '-CRLfile', 'list', leaf], files)
    assert.match(check('sound'), /: OK/)
    assert.throws(() => check('revoked'), /certificate revoked/)
    const text = openssl(t, ['crl', '-in', 'list', '-noout', '-text'], files)
    assert.match(text, /CRL Number: \n\s+300\n/)
    assert.match(text, /Key Compromise/)
  })
}

test('an empty CRL revokes nobody', (t) => {
  const authority = createDevAuthority()
  const list = authority.revocationList({ revoked: [] })
  assert.match(openssl(t, ['crl', '-in', 'list', '-noout', '-text'], { list }), /No Revoked Certificates/)
})

test('a CRL can be out of date', (t) => {
  const authority = createDevAuthority()
  const leaf = authority.issue({})
  const [thisUpdate, nextUpdate] = [new Date('2020-01-01T00:00:00Z'), new Date('2020-01-02T00:00:00Z')]
  const files = {
    ca: authority.certificatePem,
    list: authority.revocationList({ revoked: [], thisUpdate, nextUpdate }),
    leaf: leaf.certificatePem,
  }
  assert.throws(() => openssl(t, ['verify', '-crl_check', '-CAfile', 'ca', '-CRLfile', 'list', 'leaf'], files), /CRL has expired/)
})

test('openssl reads the distribution points of a leaf', (t) => {
  const leaf = createDevAuthority().issue({ extensions: [crlDistributionPointsExtension(['http://127.0.0.1/ca.crl'])] })
  const text = openssl(t, ['x509', '-in', 'leaf', '-noout', '-text'], { leaf: leaf.certificatePem })
  assert.match(text, /Full Name:\s+URI:http:\/\/127\.0\.0\.1\/ca\.crl/)
})

test('openssl reads a CRL of many thousand entries', (t) => {
  const authority = createDevAuthority()
  const serials = Array.from({ length: 5000 }, (_, index) => (index * 7919 + 128).toString(16))
  const leaf = authority.issue({ serialNumber: serials.at(-1) ?? '' })
  const list = authority.revocationList({ revoked: serials.map((serialNumber) => ({ serialNumber })) })
  const files = { ca: authority.certificatePem, list, leaf: leaf.certificatePem }
  assert.throws(() => openssl(t, ['verify', '-crl_check', '-CAfile', 'ca', '-CRLfile', 'list', 'leaf'], files), /certificate revoked/)
})
